"""What there is to check."""

STEPS = ["settings", "key", "ids", "site", "connection", "clock", "token", "access"]
API_KEY_STEPS = ["site", "connection", "access", "bot"]
SERVICE_STEPS = ["service", "ready", "door", "models"]
