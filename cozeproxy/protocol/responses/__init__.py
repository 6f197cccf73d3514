"""OpenAI's Responses, over the same calls of Coze as chat completions."""
