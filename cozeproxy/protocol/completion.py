"""What callers get: OpenAI's chat completion, whole or as chunks, and its errors.

What may be missing or null was settled by running the clients (openai-python 3.54 with strict
validation, openai-node 7.57 with its ``.stream()`` helper, the AI SDK, LiteLLM): every chunk has
``choices`` as a list and a ``delta`` that is an object, the first has the role, exactly one has a
``finish_reason``, ``created`` is an integer; ``refusal`` and ``logprobs`` may be null.
"""

from typing import Any, NamedTuple

import msgspec

from cozeproxy.errors import ServiceError
from cozeproxy.protocol import sse
from cozeproxy.protocol.coze import Usage, number, tokens
from cozeproxy.protocol.response import ToolCall

_encode = msgspec.json.encode


class Head(NamedTuple):
    """What all chunks of one answer share: its id, the time in seconds, the caller's model."""

    id: str
    created: int
    model: str


def error_body(error: ServiceError) -> bytes:
    """The JSON of an error. SDKs read all four keys, so all four are always there."""
    content = {
        "message": str(error),
        "type": error.answer.type,
        "param": error.param,
        "code": error.answer.code,
    }
    return _encode({"error": content})


def error_frame(error: ServiceError) -> bytes:
    """The event that ends a stream which has failed after its status went out.

    SDKs raise on a ``data`` line whose JSON has an ``error``; neither a finish chunk nor ``[DONE]``
    may stand beside it, as readers that overlook the error take those for success.
    """
    return sse.encode(error_body(error))


class ChunkWriter:
    """Writes an answer as chunks. Text goes in as JSON and comes out between two constants.

    Args:
        head: what all chunks share.
        include_usage: the last chunk has the usage.
        started: the chunk with the role has been sent already.
    """

    def __init__(self, head: Head, *, include_usage: bool, started: bool = False) -> None:
        self._head = head
        self._include_usage = include_usage
        self._out: list[bytes] = []
        self._started = started
        # With include_usage, the chunks before the last have "usage": null (API reference).
        tail = b',"usage":null}' if include_usage else b"}"
        self._tail = b'},"logprobs":null,"finish_reason":null}]' + tail + b"\n\n"
        opening = self._object({"choices": []}).removesuffix(b"[]}")
        self._text = b"data: " + opening + b'[{"index":0,"delta":{"content":'
        self._between = self._tail + self._text
        self._reasoning = b"data: " + opening + b'[{"index":0,"delta":{"reasoning_content":'

    def text(self, *pieces: bytes) -> None:
        """Write pieces of the answer, each in a chunk of its own; they are JSON strings."""
        self.start()
        self._out += (self._text, self._between.join(pieces), self._tail)

    def reasoning(self, text: bytes) -> None:
        """Write a piece of the reasoning; ``text`` is a JSON string."""
        self.start()
        self._out += (self._reasoning, text, self._tail)

    def step(self, kind: str, content: bytes) -> None:
        """Tell of something that Coze has done itself, in a chunk that changes nothing else."""
        self.start()
        self._chunk({}, None, {"coze": {"events": [step_of(kind, content)]}})

    def tool_calls(self, calls: list[ToolCall]) -> None:
        """Write calls that the caller must run."""
        self.start()
        listed = [{"index": i, **_call(call)} for i, call in enumerate(calls)]
        self._chunk({"tool_calls": listed}, None, {})

    def finish(self, reason: str, usage: Usage | None, info: dict[str, Any]) -> None:
        """End the answer. ``info`` are Coze's ids, for the extension field ``coze``."""
        self.start()
        last: dict[str, Any] = {"coze": info} if info else {}
        self._chunk({}, reason, last)
        if self._include_usage and usage:
            fields = {"choices": [], "usage": usage_of(usage), **last}
            self._out.append(sse.encode(self._object(fields)))
        self._out.append(sse.DONE)

    def fail(self, error: ServiceError) -> None:
        """Write the error frame, and nothing that could pass for a good end."""
        self._out.append(error_frame(error))

    def take(self) -> bytes:
        """Give what has been written since the last call."""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def start(self) -> None:
        """Write the chunk with the role, if it has not been written."""
        if not self._started:
            self._started = True
            self._chunk({"role": "assistant", "content": "", "refusal": None}, None, {})

    def _chunk(self, delta: dict[str, Any], reason: str | None, extra: dict[str, Any]) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        usage = {"usage": None} if self._include_usage else {}
        self._out.append(sse.encode(self._object({"choices": [choice], **usage, **extra})))

    def _object(self, fields: dict[str, Any]) -> bytes:
        head = self._head
        return _encode(
            {
                "id": head.id,
                "object": "chat.completion.chunk",
                "created": head.created,
                "model": head.model,
                **fields,
            }
        )


class CompletionWriter:
    """Collects an answer and writes it whole."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._text: list[bytes] = []
        self._reasoning: list[bytes] = []
        self._calls: list[dict[str, Any]] = []
        self._steps: list[dict[str, Any]] = []
        self._out = b""

    def text(self, *pieces: bytes) -> None:
        """Add pieces of the answer, which are JSON strings."""
        self._text += pieces

    def reasoning(self, text: bytes) -> None:
        """Add a piece of the reasoning; ``text`` is a JSON string."""
        self._reasoning.append(text)

    def step(self, kind: str, content: bytes) -> None:
        """Add something that Coze has done itself."""
        self._steps.append(step_of(kind, content))

    def tool_calls(self, calls: list[ToolCall]) -> None:
        """Add calls that the caller must run."""
        self._calls = [_call(call) for call in calls]

    def finish(self, reason: str, usage: Usage | None, info: dict[str, Any]) -> None:
        """Write the completion."""
        message: dict[str, Any] = {"role": "assistant", "content": joined(self._text)}
        message["refusal"] = None
        if self._calls:
            message["tool_calls"] = self._calls
            if not self._text:
                message["content"] = None
        if self._reasoning:
            message["reasoning_content"] = joined(self._reasoning)
        if self._steps:
            info = {**info, "events": self._steps}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        completion: dict[str, Any] = {
            "id": self._head.id,
            "object": "chat.completion",
            "created": self._head.created,
            "model": self._head.model,
            "choices": [choice],
        }
        if usage:
            completion["usage"] = usage_of(usage)
        if info:
            completion["coze"] = info
        self._out = _encode(completion)

    def start(self) -> None:
        """Write nothing: it has no beginning that could be given before its end."""

    def fail(self, error: ServiceError) -> None:
        """Write nothing: nothing has gone out, so that a status tells of the failure."""

    def take(self) -> bytes:
        """Give the completion, once it is there."""
        out, self._out = self._out, b""
        return out


def joined(strings: list[bytes]) -> msgspec.Raw:
    """One JSON string out of several."""
    return msgspec.Raw(b'"' + b"".join(string[1:-1] for string in strings) + b'"')


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def step_of(kind: str, content: bytes) -> dict[str, Any]:
    """Something that Coze has done itself, as the extension field ``coze`` has it."""
    return {"type": kind, "content": msgspec.Raw(content)}


class Counts(NamedTuple):
    """Tokens."""

    input: int
    output: int
    total: int


def counts(usage: Usage) -> Counts:
    """The tokens that Coze has counted; the total is its own, where it tells one."""
    asked, answered = tokens(usage)
    return Counts(asked, answered, number(usage.token_count) or asked + answered)


def usage_of(usage: Usage) -> dict[str, int]:
    """OpenAI's usage: whoever reads it wants all three."""
    found = counts(usage)
    return {
        "prompt_tokens": found.input,
        "completion_tokens": found.output,
        "total_tokens": found.total,
    }
