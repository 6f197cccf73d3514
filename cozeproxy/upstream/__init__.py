"""I/O towards Coze."""
