"""Chat completion requests, as callers write them."""

import msgspec

from cozeproxy.protocol.openai import ChatRequest


def request(*messages, **fields):
    return msgspec.convert(
        {"model": "gpt-4", "messages": list(messages), **fields}, ChatRequest, strict=True
    )


def says(role, content, **fields):
    return {"role": role, "content": content, **fields}
