"""What there is to check."""

STEPS = ["settings", "key", "ids", "site", "connection", "clock", "token", "access"]
