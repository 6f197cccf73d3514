"""Asking through the stock SDK, with one shape for answers that come whole and as chunks."""

import functools
import json
from types import SimpleNamespace
from typing import Any, NamedTuple

from tests.service.asking import says

# The key under which the tests send what the SDK knows no field for.
COZE = "coze"


class Answer(NamedTuple):
    """What a caller has in the end."""

    text: str
    finish_reason: str
    # Of each tool call: its id, the tool's name, its arguments as JSON text.
    tool_calls: list[SimpleNamespace]
    usage: dict[str, int] | None
    coze: dict[str, Any]
    headers: Any

    @property
    def message(self):
        """The answer as the next request repeats it."""
        calls = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in self.tool_calls
        ]
        return says(self.text or None, "assistant", **({"tool_calls": calls} if calls else {}))


async def ask_whole(caller, model, text="Hi", *, messages=None, headers=None, **fields):
    """Ask, and give the answer as it came."""
    response = await caller.chat.completions.with_raw_response.create(
        **_asked(model, text, messages, headers, fields)
    )
    completion = response.parse()
    (choice,) = completion.choices
    calls = [
        SimpleNamespace(id=call.id, name=call.function.name, arguments=call.function.arguments)
        for call in choice.message.tool_calls or ()
    ]
    return Answer(
        choice.message.content or "",
        choice.finish_reason,
        calls,
        completion.usage and completion.usage.model_dump(exclude_none=True),
        (completion.model_extra or {}).get(COZE, {}),
        response.headers,
    )


async def ask_streamed(caller, model, text="Hi", *, messages=None, headers=None, **fields):
    """Ask for chunks, and put the answer together from them."""
    fields = {"stream_options": {"include_usage": True}, **fields}
    response = await caller.chat.completions.with_raw_response.create(
        **_asked(model, text, messages, headers, fields), stream=True
    )
    chunks = [chunk async for chunk in response.parse()]
    return together(chunks, response.headers)


def together(chunks, headers):
    """The answer that chunks are the pieces of."""
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    *_, last = [chunk for chunk in chunks if chunk.choices]
    assert [c.finish_reason for c in choices[:-1]] == [None] * (len(choices) - 1)
    calls = {}
    for choice in choices:
        for part in choice.delta.tool_calls or ():
            call = calls.setdefault(part.index, SimpleNamespace(id="", name="", arguments=""))
            call.id += part.id or ""
            call.name += part.function.name or ""
            call.arguments += part.function.arguments or ""
    usage = chunks[-1].usage
    return Answer(
        "".join(choice.delta.content or "" for choice in choices),
        last.choices[0].finish_reason,
        list(calls.values()),
        usage and usage.model_dump(exclude_none=True),
        (last.model_extra or {}).get(COZE, {}),
        headers,
    )


ASK = {"whole": ask_whole, "streamed": ask_streamed}


def asker(way, caller):
    """Ask with this caller, one of the two ways."""
    return functools.partial(ASK[way], caller)


def arrived(sandbox, path):
    """The requests that came to one of Coze's paths."""
    return [request for request in sandbox.requests if request.path == path]


def arguments_of(answer):
    """The arguments of an answer's only tool call."""
    (call,) = answer.tool_calls
    return json.loads(call.arguments)


def answered(answer, text):
    """The tool message that answers an answer's only tool call."""
    (call,) = answer.tool_calls
    return says(text, "tool", tool_call_id=call.id)


async def listed(caller):
    """The models, by their names."""
    return {model.id: model async for model in caller.models.list()}


def _asked(model, text, messages, headers, fields):
    extra = {COZE: fields.pop(COZE)} if COZE in fields else {}
    return {
        "model": model,
        "messages": [says(text)] if messages is None else messages,
        "extra_headers": headers or {},
        "extra_body": {**extra, **fields.pop("body", {})},
        **fields,
    }
