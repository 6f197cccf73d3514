"""What tests ask the service, and how they read what it says."""

import json

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_rain_probability",
            "parameters": {"type": "object", "properties": {"location": {"type": "string"}}},
        },
    }
]


def to(bot, text="Hi", *, messages=None, **fields):
    """What the SDK is called with to ask a bot of the stand-in's; ``coze`` is our extension."""
    if "coze" in fields:
        fields["extra_body"] = {"coze": fields.pop("coze")}
    asked = [says(text)] if messages is None else messages
    return {"model": f"bot-{bot}", "messages": asked, **fields}


def body(bot, text="Hi", **fields):
    """The same as the body of a request."""
    asked = to(bot, text, **fields)
    return {**asked, **asked.pop("extra_body", {})}


def says(content, role="user", **fields):
    """A message."""
    return {"role": role, "content": content, **fields}


def text_part(text="What is this?"):
    """A part of a message's content."""
    return {"type": "text", "text": text}


def outputs(message, *said):
    """The outputs of a message's tool calls."""
    pairs = zip(message["tool_calls"], said, strict=True)
    return [says(text, "tool", tool_call_id=call["id"]) for call, text in pairs]


async def chunks_of(stream):
    """All chunks of a stream."""
    return [chunk async for chunk in stream]


def text_of(chunks):
    """The text that chunks are made of."""
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def payloads(raw):
    """What is on the data lines of a stream, which must have no other lines."""
    frames = raw.decode().split("\n\n")
    assert frames.pop() == ""
    assert all(frame.startswith("data: ") and "\n" not in frame for frame in frames)
    return [frame.removeprefix("data: ") for frame in frames]


def objects(raw):
    """The chunks of a stream that ends as a good one must."""
    *chunks, done = payloads(raw)
    assert done == "[DONE]"
    return [json.loads(chunk) for chunk in chunks]


def error_of(response):
    """The error of a response, which must have OpenAI's form to the last key."""
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Request-Id"].startswith("req_")
    assert "Server" not in response.headers
    content = json.loads(response.body)
    assert content.keys() == {"error"}
    error = content["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert error["message"]
    return error


def last_arrived(sandbox, path="/v3/chat"):
    """The latest request that came to one of Coze's paths."""
    return [request for request in sandbox.requests if request.path == path][-1]


def messages_arrived(sandbox):
    """The messages of the latest chat, as Coze got them."""
    return last_arrived(sandbox).body["additional_messages"]
