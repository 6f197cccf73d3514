"""I/O towards callers: one module an endpoint family, and the base they share."""
