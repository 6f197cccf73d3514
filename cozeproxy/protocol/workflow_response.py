"""A workflow's events, and what becomes of each for the caller.

=========  ========================================================================================
event      what the caller gets
=========  ========================================================================================
Message    its text; of the End node, what is new in it
Interrupt  the question, which was the message before it, and a tool call that carries the place
Error      a failure
Done       the end, and where Coze shows the run
PING       nothing
any other  nothing: Coze may add events
=========  ========================================================================================

The End node needs care. It gives the workflow's outputs as a JSON object, and often these are what
output nodes have streamed already; or it streams text of its own, as any other node.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from cozeproxy.errors import CozeError, UpstreamBrokenError
from cozeproxy.protocol import coze, failures
from cozeproxy.protocol.ids import ResumeId
from cozeproxy.protocol.response import SEPARATOR, RunningChat, ToolCall, Writer
from cozeproxy.protocol.sse import Event
from cozeproxy.protocol.workflow import RESUME_TOOL

_encode = msgspec.json.encode


class WorkflowTranslator:
    """Follows one run and tells a writer what the caller should see of it.

    Args:
        writer: where the answer goes.
        workflow_id: whose run it is, for the id of its question.
        raw: give the End node's JSON as it is.

    Attributes:
        accepted: Coze has begun the run, so that sending it again would be a second run.
        ended: the end was reached; whatever follows is ignored.
        info: ``logid``, ``debug_url``, ``resume``.
        usage: the tokens, once Coze has told.
    """

    # There is no call that ends a run.
    running: RunningChat | None = None
    # What nodes say has no ids.
    answer: str | int | None = None

    def __init__(self, writer: Writer, workflow_id: str, *, raw: bool = False) -> None:
        self.accepted = False
        self.ended = False
        self.info: dict[str, Any] = {}
        self._writer = writer
        self._workflow_id = workflow_id
        self._raw = raw
        # What nodes have said: the End node may only repeat it.
        self._said: list[str] = []
        # The title of the node that spoke last, and whether it has more to say.
        self._title: str | None = None
        self._open = False
        self.usage: coze.Usage | None = None

    def receive_events(self, events: Iterable[Event]) -> None:
        """Take events that have come together.

        Raises:
            ServiceError: the run has failed. What the events before that held, has been written.
        """
        for event in events:
            self._receive(event)

    def _receive(self, event: Event) -> None:
        name, data = event
        if self.ended:
            return
        self.accepted = True
        if name == b"Message":
            self._message(coze.decode(coze.node_decoder, name, data))
        elif name == b"Interrupt":
            self._interrupt(coze.decode(coze.interrupt_decoder, name, data))
        elif name == b"Error":
            failed = coze.decode(coze.run_error_decoder, name, data)
            code, text = coze.number(failed.error_code), failed.error_message or ""
            raise CozeError(code, text, self.info.get("logid"))
        elif name == b"Done":
            url = coze.debug_url(data)
            if url:
                self.info["debug_url"] = url
            self._end("stop")
        elif error := failures.reported(event, self.info.get("logid")):
            raise error

    def receive_eof(self) -> None:
        """Take the end of the bytes.

        Raises:
            UpstreamBrokenError: Coze had not ended the run.
        """
        if not self.ended:
            raise UpstreamBrokenError("Coze's stream ended before the workflow did.")

    def _message(self, message: coze.NodeMessage) -> None:
        self.usage = message.usage or self.usage
        text = coze.plain(message.content)
        last = message.node_is_finish is not False
        if message.node_title != self._title:
            # Another node speaks, though the one before has not said that it is done.
            self._open = False
            self._title = message.node_title
        if last and not self._open and not self._raw and _is_end_node(message):
            text = self._outputs(text)
        if text:
            if not self._open:
                if self._said:
                    self._writer.text(SEPARATOR)
                self._said.append("")
            self._said[-1] += text
            self._writer.text(_encode(text))
        self._open = bool(text or self._open) and not last

    def _outputs(self, text: str) -> str:
        """What the End node's outputs add to what was said."""
        try:
            outputs = msgspec.json.decode(text)
        except (msgspec.MsgspecError, RecursionError):
            outputs = None
        if not isinstance(outputs, dict):
            return "" if self._repeats(text) else text
        values = list(outputs.values())
        texts = [v if isinstance(v, str) else _encode(v).decode() for v in values]
        if texts and all(map(self._repeats, texts)):
            return ""
        return values[0] if len(values) == 1 and isinstance(values[0], str) else text

    def _repeats(self, text: str) -> bool:
        # Workflows join what nodes have said with spaces and line breaks of their own.
        said = ["".join(part.split()) for part in (*self._said, "".join(self._said))]
        return "".join(text.split()) in said

    def _interrupt(self, interrupt: coze.Interrupt) -> None:
        data = interrupt.interrupt_data
        kind = coze.number(data.type) or 0
        id_ = ResumeId(self._workflow_id, data.event_id, kind).pack()
        # The question is what the node said that now waits; coze-studio does not name it here.
        asked = self._said and interrupt.node_title in (self._title, None)
        required = data.required_parameters
        arguments: dict[str, Any] = {
            "question": self._said[-1] if asked else "",
            "node": interrupt.node_title or "",
            "interrupt_type": kind,
            "required_parameters": required if isinstance(required, dict) else {},
        }
        if data.data:
            arguments["data"] = data.data
        self.info["resume"] = id_
        self._writer.tool_calls([ToolCall(id_, RESUME_TOOL, _encode(arguments).decode())])
        self._end("tool_calls")

    def _end(self, reason: str) -> None:
        self.ended = True
        self._writer.finish(reason, self.usage, self.info)


def _is_end_node(message: coze.NodeMessage) -> bool:
    if message.node_type is not None:
        return message.node_type == "End"
    return message.node_title in ("", "End", None)
