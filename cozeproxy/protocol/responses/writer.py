"""Where an answer becomes a response: collected here, and event by event in ``events``."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from cozeproxy.errors import ServiceError
from cozeproxy.protocol.completion import joined
from cozeproxy.protocol.coze import Usage
from cozeproxy.protocol.response import ToolCall
from cozeproxy.protocol.responses import response
from cozeproxy.protocol.responses.ids import message_item_id
from cozeproxy.protocol.responses.response import Head, Object

_encode = msgspec.json.encode


class Source(Protocol):
    """What is known of the answer that is being written."""

    @property
    def info(self) -> Mapping[str, Any]:
        """Coze's ids."""

    @property
    def answer(self) -> str | int | None:
        """Coze's id of the message."""


class Form(NamedTuple):
    """How the text of an item is told in events."""

    # The names of the events: what is before "added", "delta" and the rest.
    part_events: str
    text_events: str
    # The place of the part, and what deltas have beside it.
    place: Object
    beside: Object


MESSAGE = Form(
    "response.content_part", "response.output_text", {"content_index": 0}, {"logprobs": []}
)
REASONING = Form(
    "response.reasoning_summary_part", "response.reasoning_summary_text", {"summary_index": 0}, {}
)


class WholeResponse:
    """Collects an answer and writes it whole.

    Args:
        head: what is known of the response from the start.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._source: Source | None = None
        self._output: list[Object] = []
        self._steps: list[Object] = []
        # How many items of reasoning, and of text, each message has become.
        self._parts: Counter[tuple[bool, str | int | None]] = Counter()
        # The item that text is being written of: its form, its id, its text.
        self._form: Form | None = None
        self._item_id = ""
        self._text: list[bytes] = []
        self._out = b""

    def follow(self, source: Source) -> None:
        """Say where Coze's ids can be seen, once they are known."""
        self._source = source

    def text(self, *pieces: bytes) -> None:
        """Add pieces of the answer, which are JSON strings."""
        if self._form is not MESSAGE:
            self._open(MESSAGE)
        self._text += pieces

    def reasoning(self, text: bytes) -> None:
        """Add a piece of the reasoning; ``text`` is a JSON string."""
        if self._form is not REASONING:
            self._open(REASONING)
        self._text.append(text)

    def step(self, kind: str, content: bytes) -> None:
        """Add something that Coze has done itself."""
        self._steps.append({"type": kind, "content": msgspec.Raw(content)})

    def tool_calls(self, calls: list[ToolCall]) -> None:
        """Add calls that the caller must run."""
        self._close()
        self._output += map(response.function_call, calls)

    def finish(self, reason: str, usage: Usage | None, info: dict[str, Any]) -> None:  # noqa: ARG002
        """Write the response. A response is complete, too, where it ends with calls."""
        self._out = _encode(self.ended("completed", usage))

    def ended(self, status: str, usage: Usage | None = None, **fields: Any) -> Object:
        """The response as it is at its end, whatever that is."""
        self._close("completed" if status == "completed" else "incomplete")
        info = dict(self._info)
        if self._steps:
            info["events"] = self._steps
        fields = {"usage": response.usage_of(usage), **fields}
        if info:
            fields["coze"] = info
        if status == "completed":
            fields.setdefault("completed_at", self._head.now())
        return self._head.response(self._identity(), status, self._output, **fields)

    def start(self) -> None:
        """Write nothing: it has no beginning that could be given before its end."""

    def fail(self, error: ServiceError) -> None:
        """Write nothing: nothing has gone out, so that a status tells of the failure."""

    def take(self) -> bytes:
        """Give the response, once it is there."""
        out, self._out = self._out, b""
        return out

    @property
    def _info(self) -> Mapping[str, Any]:
        return self._source.info if self._source else {}

    def _identity(self) -> str:
        return self._head.identify(self._info)

    def _open(self, form: Form) -> None:
        """Begin an item. Its id leads to Coze's message, if Coze keeps it."""
        self._close()
        self._form = form
        nonce = f"{self._head.nonce}{len(self._output)}"
        answer = self._source.answer if self._source and self._head.id else None
        part = self._parts[form is REASONING, answer]
        self._parts[form is REASONING, answer] += 1
        self._item_id = message_item_id(self._info, answer, nonce, part)
        if form is REASONING:
            # Items of their own kind: one message may have reasoning, too.
            self._item_id = response.reasoning_id(self._item_id)

    def _close(self, status: str = "completed") -> None:
        """End the item that text was being written of."""
        if self._form:
            self._output.append(self._item(status, [self._part(joined(self._text))]))
            self._form = None
            self._text = []

    def _item(self, status: str, parts: list[Object]) -> Object:
        if self._form is REASONING:
            return response.reasoning(self._item_id, parts)
        return response.message(self._item_id, status, parts)

    def _part(self, text: str | msgspec.Raw) -> Object:
        if self._form is REASONING:
            return response.summary_text(text)
        return response.output_text(text)
