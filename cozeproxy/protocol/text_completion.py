"""What callers of ``/v1/completions`` get: OpenAI's text completion, whole or as chunks.

Both have one form. It knows text and nothing else: reasoning is left out, a tool that the caller
must run is a failure, and a workflow's question is the text, which ``coze.resume`` answers. Until
the end ``finish_reason`` is null, as OpenAI's own server has it, though openai-python's strict
types, which are those of the whole answer, deny it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from cozeproxy.errors import RequestError, ServiceError, UnansweredToolError
from cozeproxy.protocol import sse
from cozeproxy.protocol.completion import Head, error_frame, joined, step_of, usage_of
from cozeproxy.protocol.coze import Usage
from cozeproxy.protocol.ids import is_resume_id
from cozeproxy.protocol.openai import ChatRequest
from cozeproxy.protocol.plan import Before, Plan, Rules
from cozeproxy.protocol.planning import make_plan
from cozeproxy.protocol.response import ToolCall

REMEDY = "A text completion cannot tell of it: ask through /v1/chat/completions."

_encode = msgspec.json.encode


def make_text_plan(
    request: ChatRequest, headers: Mapping[str, str], rules: Rules, key_name: str | None
) -> Plan:
    """Decide how a request is served, as make_plan() does for the chat that it has become.

    Raises:
        RequestError: it cannot be served; ``param`` names the place in its own terms.
    """
    try:
        return make_plan(request, headers, rules, key_name, Before(remedy=REMEDY))
    except RequestError as error:
        param = error.param or ""
        if not param.startswith("messages"):
            raise
        text, answer = str(error).replace(f"'{param}'", "'prompt'"), error.answer
        raise RequestError(text, param="prompt", code=answer.code, status=answer.status) from error


class TextChunkWriter:
    """Writes an answer as chunks. Text goes in as JSON and comes out between two constants.

    Args:
        head: what all chunks share.
        include_usage: the last chunk has the usage.
        started: something has been sent already.
    """

    def __init__(self, head: Head, *, include_usage: bool, started: bool = False) -> None:
        self._head = head
        self._include_usage = include_usage
        self._started = started
        self._out: list[bytes] = []
        opening = _object(head, {"choices": []}).removesuffix(b"[]}")
        self._text = b"data: " + opening + b'[{"text":'
        # With include_usage, the chunks before the last have "usage": null.
        tail = b',"usage":null}' if include_usage else b"}"
        self._tail = b',"index":0,"logprobs":null,"finish_reason":null}]' + tail + b"\n\n"
        self._between = self._tail + self._text

    def text(self, *pieces: bytes) -> None:
        """Write pieces of the answer, each in a chunk of its own; they are JSON strings."""
        self._out += (self._text, self._between.join(pieces), self._tail)

    def reasoning(self, text: bytes) -> None:
        """Write nothing: there is no place for it."""

    def step(self, kind: str, content: bytes) -> None:
        """Tell of something that Coze has done itself, in a chunk without text."""
        self._chunk(None, {"coze": {"events": [step_of(kind, content)]}})

    def tool_calls(self, calls: list[ToolCall]) -> None:
        """Fail, but for a workflow's question.

        Raises:
            UnansweredToolError: there are calls that the caller must run.
        """
        _refuse(calls)

    def finish(self, _reason: str, usage: Usage | None, info: dict[str, Any]) -> None:
        """End the answer. ``info`` are Coze's ids, for the extension field ``coze``."""
        last: dict[str, Any] = {"coze": info} if info else {}
        self._chunk("stop", last)
        if self._include_usage and usage:
            fields = {"choices": [], "usage": usage_of(usage), **last}
            self._out.append(sse.encode(_object(self._head, fields)))
        self._out.append(sse.DONE)

    def start(self) -> None:
        """Write a chunk without text, if nothing has been sent."""
        if not self._started:
            self._started = True
            self._chunk(None, {})

    def fail(self, error: ServiceError) -> None:
        """Write the error frame, and nothing that could pass for a good end."""
        self._out.append(error_frame(error))

    def take(self) -> bytes:
        """Give what has been written since the last call."""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def _chunk(self, reason: str | None, extra: dict[str, Any]) -> None:
        usage = {"usage": None} if self._include_usage else {}
        fields = {"choices": [_choice("", reason)], **usage, **extra}
        self._out.append(sse.encode(_object(self._head, fields)))


class TextCompletionWriter:
    """Collects an answer and writes it whole."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._text: list[bytes] = []
        self._steps: list[dict[str, Any]] = []
        self._out = b""

    def text(self, *pieces: bytes) -> None:
        """Add pieces of the answer, which are JSON strings."""
        self._text += pieces

    def reasoning(self, text: bytes) -> None:
        """Add nothing: there is no place for it."""

    def step(self, kind: str, content: bytes) -> None:
        """Add something that Coze has done itself."""
        self._steps.append(step_of(kind, content))

    def tool_calls(self, calls: list[ToolCall]) -> None:
        """Fail, but for a workflow's question.

        Raises:
            UnansweredToolError: there are calls that the caller must run.
        """
        _refuse(calls)

    def finish(self, _reason: str, usage: Usage | None, info: dict[str, Any]) -> None:
        """Write the completion."""
        fields: dict[str, Any] = {"choices": [_choice(joined(self._text), "stop")]}
        if usage:
            fields["usage"] = usage_of(usage)
        if self._steps:
            info = {**info, "events": self._steps}
        if info:
            fields["coze"] = info
        self._out = _object(self._head, fields)

    def start(self) -> None:
        """Write nothing: it has no beginning that could be given before its end."""

    def fail(self, error: ServiceError) -> None:
        """Write nothing: nothing has gone out, so that a status tells of the failure."""

    def take(self) -> bytes:
        """Give the completion, once it is there."""
        out, self._out = self._out, b""
        return out


def _choice(text: str | msgspec.Raw, reason: str | None) -> dict[str, Any]:
    return {"text": text, "index": 0, "logprobs": None, "finish_reason": reason}


def _object(head: Head, fields: dict[str, Any]) -> bytes:
    return _encode(
        {
            "id": head.id,
            "object": "text_completion",
            "created": head.created,
            "model": head.model,
            **fields,
        }
    )


def _refuse(calls: list[ToolCall]) -> None:
    # A question of a workflow's is text, and has been written.
    names = [call.name for call in calls if not is_resume_id(call.id)]
    if names:
        raise UnansweredToolError(names, REMEDY)
