"""What tests ask for through OpenAI's Responses, and how they read what they get."""

import json

# OpenAI's and Open Responses' keys of a response; beside them stand "user", "conversation" and
# "coze" where there is such a thing.
KEYS = {
    *("id", "object", "created_at", "completed_at", "status", "error", "incomplete_details"),
    *("model", "output", "usage", "background", "instructions", "max_output_tokens"),
    *("max_tool_calls", "metadata", "parallel_tool_calls", "previous_response_id"),
    *("prompt_cache_key", "reasoning", "safety_identifier", "service_tier", "store", "temperature"),
    *("text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation"),
    *("presence_penalty", "frequency_penalty"),
}
RAIN = {
    "type": "function",
    "name": "get_rain_probability",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}},
}


def to(bot, said="Hi", **fields):
    """What the SDK is called with to ask a bot of the stand-in's; ``coze`` is our extension."""
    if "coze" in fields:
        fields["extra_body"] = {"coze": fields.pop("coze")}
    return {"model": f"bot-{bot}", "input": said, **fields}


def body(bot, said="Hi", **fields):
    """The same as the body of a request."""
    asked = to(bot, said, **fields)
    return {**asked, **asked.pop("extra_body", {})}


def says(content, role="user"):
    """A message."""
    return {"role": role, "content": content}


def output(call, text):
    """The output of a tool call."""
    return {"type": "function_call_output", "call_id": call.call_id, "output": text}


async def whole(caller, **asked):
    """A response that comes at once."""
    return await caller.responses.create(**asked)


async def streamed(caller, **asked):
    """A response that comes event by event; what events say is held against what it is."""
    events = [event async for event in await caller.responses.create(**asked, stream=True)]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    created, in_progress, *rest = events
    assert (created.type, in_progress.type) == ("response.created", "response.in_progress")
    assert created.response.status == in_progress.response.status == "in_progress"
    assert created.response.output == []
    *between, completed = rest
    assert completed.type == "response.completed"
    response = completed.response
    assert {created.response.id, in_progress.response.id} == {response.id}
    added = [event.item.id for event in between if event.type == "response.output_item.added"]
    done = [event.item for event in between if event.type == "response.output_item.done"]
    assert added == [item.id for item in response.output]
    assert done == response.output
    assert deltas(between) == text_of(response)
    return response


async def helped(caller, **asked):
    """A response that the SDK's helper puts together from its events."""
    async with caller.responses.stream(**asked) as stream:
        return await stream.get_final_response()


WAYS = {"whole": whole, "streamed": streamed, "helped": helped}


def deltas(events):
    """The text that events are the pieces of."""
    return "".join(e.delta for e in events if e.type == "response.output_text.delta")


def text_of(response):
    """The text of a response."""
    return response.output_text


def calls_of(response):
    """The calls that a response ends with."""
    return [item for item in response.output if item.type == "function_call"]


def reasoning_of(response):
    """The reasoning of a response."""
    items = [item for item in response.output if item.type == "reasoning"]
    return "".join(part.text for item in items for part in item.summary)


def frames(raw):
    """The events of a stream by their names, and their data; ``[DONE]`` is under no name."""
    *found, rest = raw.decode().split("\n\n")
    assert rest == ""
    events = []
    for frame in found:
        if frame == "data: [DONE]":
            events.append((None, None))
        elif not frame.startswith(":"):
            name, data = frame.split("\n")
            assert name.startswith("event: ")
            assert data.startswith("data: ")
            events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    assert all(name is None or data["type"] == name for name, data in events)
    numbers = [data["sequence_number"] for name, data in events if name]
    assert numbers == list(range(len(numbers)))
    return events


def responses_in(raw):
    """The responses that the events of a stream have."""
    return [data["response"] for _, data in frames(raw) if data and "response" in data]


async def polled(caller, response):
    """A response that was begun, once it has come to an end."""
    while response.status in ("queued", "in_progress"):
        response = await caller.responses.retrieve(response.id)
    return response
