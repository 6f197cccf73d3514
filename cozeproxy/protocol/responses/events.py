"""A response event by event.

The order of the events, and what each must have, was settled by running the clients (openai-python
with strict validation and its ``.stream()`` helper, openai-node, the AI SDK, LangChain,
openai-agents): ``created`` first; an item's ``added`` before anything of it, a part's before its
deltas; one id for the response and one for each item, from its first event to the last.
"""

from typing import Any

import msgspec

from cozeproxy.errors import ServiceError
from cozeproxy.protocol import sse
from cozeproxy.protocol.completion import joined
from cozeproxy.protocol.coze import Usage
from cozeproxy.protocol.response import ToolCall
from cozeproxy.protocol.responses import response
from cozeproxy.protocol.responses.response import Head, Object
from cozeproxy.protocol.responses.writer import Form, WholeResponse

_encode = msgspec.json.encode


class ResponseEvents(WholeResponse):
    """Writes an answer as events, as it comes."""

    def __init__(self, head: Head) -> None:
        super().__init__(head)
        self._events: list[bytes] = []
        self._number = 0
        # The response's id, once the first event has told it.
        self._id: str | None = None
        # What stands in front of the number of a delta.
        self._delta = b""

    def text(self, *pieces: bytes) -> None:
        """Write pieces of the answer, each in an event of its own; they are JSON strings."""
        super().text(*pieces)
        for piece in pieces:
            self._piece(piece)

    def reasoning(self, text: bytes) -> None:
        """Write a piece of the reasoning; ``text`` is a JSON string."""
        super().reasoning(text)
        self._piece(text)

    def tool_calls(self, calls: list[ToolCall]) -> None:
        """Write calls that the caller must run."""
        self._begin()
        self._close()
        for call in calls:
            self._call(call)

    def finish(self, reason: str, usage: Usage | None, info: dict[str, Any]) -> None:  # noqa: ARG002
        """End the answer. Open Responses wants ``[DONE]`` last, and no client minds it."""
        self._begin()
        self._event("response.completed", response=self.ended("completed", usage))
        self._events.append(sse.DONE)

    def start(self) -> None:
        """Write the first events, if the id is known that all events have."""
        if "chat_id" in self._info:
            self._begin()

    def fail(self, error: ServiceError) -> None:
        """End the answer as failed: for those who look for errors, and for those who do not.

        The error is the same at the top, as OpenAI has it, and nested, as Open Responses has it.
        """
        self._begin()
        failed = self.ended("failed", error=response.error_of(error))
        told = {
            "code": error.answer.code or error.answer.type,
            "message": str(error),
            "param": error.param,
        }
        self._event("error", **told, error={"type": error.answer.type, **told})
        self._event("response.failed", response=failed)

    def take(self) -> bytes:
        """Give what has been written since the last call."""
        out = b"".join(self._events)
        self._events.clear()
        return out

    def _identity(self) -> str:
        if self._id is None:
            self._id = super()._identity()
        return self._id

    def _begin(self) -> None:
        if self._number == 0:
            begun = self._head.response(self._identity(), "in_progress", [])
            self._event("response.created", response=begun)
            self._event("response.in_progress", response=begun)

    def _open(self, form: Form) -> None:
        self._begin()
        super()._open(form)
        place = {"item_id": self._item_id, "output_index": len(self._output), **form.place}
        self._item_event("added", self._item("in_progress", []))
        self._event(f"{form.part_events}.added", **place, part=self._part(""))
        name = f"{form.text_events}.delta"
        fields = _encode({"type": name, **place, **form.beside}).removesuffix(b"}")
        self._delta = f"event: {name}\ndata: ".encode() + fields + b',"sequence_number":'

    def _piece(self, text: bytes) -> None:
        self._events += (self._delta, b"%d" % self._number, b',"delta":', text, b"}\n\n")
        self._number += 1

    def _close(self, status: str = "completed") -> None:
        form, place = self._form, {"item_id": self._item_id, "output_index": len(self._output)}
        whole = joined(self._text)
        if form and status == "completed":
            place |= form.place
            self._event(f"{form.text_events}.done", **place, **form.beside, text=whole)
            self._event(f"{form.part_events}.done", **place, part=self._part(whole))
        super()._close(status)
        if form and status == "completed":
            self._item_event("done", self._output[-1], len(self._output) - 1)

    def _call(self, call: ToolCall) -> None:
        item = response.function_call(call)
        place = {"item_id": item["id"], "output_index": len(self._output)}
        self._item_event("added", response.function_call(call, "in_progress"))
        name = "response.function_call_arguments"
        self._event(f"{name}.delta", **place, delta=call.arguments)
        self._event(f"{name}.done", **place, name=call.name, arguments=call.arguments)
        self._item_event("done", item)
        self._output.append(item)

    def _item_event(self, what: str, item: Object, index: int | None = None) -> None:
        index = len(self._output) if index is None else index
        self._event(f"response.output_item.{what}", output_index=index, item=item)

    def _event(self, name: str, /, **fields: Any) -> None:
        data = _encode({"type": name, "sequence_number": self._number, **fields})
        self._number += 1
        self._events.append(b"event: " + name.encode() + b"\ndata: " + data + b"\n\n")
