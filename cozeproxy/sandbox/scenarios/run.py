"""What a workflow script is told about its request, and the words it answers with.

Payloads follow the recorded stream of cozepy 0.20.0, tests/testdata/workflow_run_stream_resp.txt,
and docs.coze.cn, workflow_stream_run; keys are in alphabetical order there.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from cozeproxy.sandbox.scenarios.turn import count_tokens, usage
from cozeproxy.sandbox.wire import Event, dump

# Kinds of interrupt (docs.coze.cn, workflow_run).
QUESTION_NODE, INPUT_NODE = 2, 5


@dataclass(frozen=True)
class Run:
    """One run of a workflow, seen by its script."""

    new_id: Callable[[], str]
    workflow_id: str
    execute_id: str
    debug_url: str
    parameters: Mapping[str, Any]
    # The request as it arrived.
    body: Mapping[str, Any]
    # A digest of the token, and what scripts noted down in earlier requests.
    token: str
    notebook: MutableMapping[str, str]

    @property
    def text(self) -> str:
        """The parameter ``input`` where it is a string, else all parameters as JSON."""
        given = self.parameters.get("input")
        return given if isinstance(given, str) else dump(self.parameters)

    def message(self, content: str, number: int, *, last: bool, title: str = "Message") -> Event:
        """A piece of what a node says; ``node_seq_id`` counts within the node, as a string."""
        return Event(
            "Message",
            {
                "content": content,
                "node_is_finish": last,
                "node_seq_id": str(number),
                "node_title": title,
            },
        )

    def say(self, parts: Sequence[str], title: str = "Message") -> Iterator[Event]:
        """All that an output node says."""
        for number, part in enumerate(parts):
            yield self.message(part, number, last=number == len(parts) - 1, title=title)

    def result(self, outputs: Any, counts: Mapping[str, int] | None = None) -> Event:
        """What the End node gives: outputs as JSON in a string, or a text as it is."""
        content = outputs if isinstance(outputs, str) else dump(outputs)
        default = usage(count_tokens(dump(self.parameters)), count_tokens(content))
        return Event(
            "Message",
            {
                "content": content,
                "content_type": "text",
                "cost": "0.00",
                "node_is_finish": True,
                "node_seq_id": "0",
                "node_title": "",
                "token": 0,
                "usage": counts or default,
            },
        )

    def asks(self, question: str, title: str = "Question") -> Iterator[Event]:
        """A question: its text, then the interrupt, which is the last event of its leg."""
        asked = self.message(question, 0, last=True, title=title)
        yield Event("Message", {"content": question, "content_type": "text"} | asked.data)
        yield self.interrupt(QUESTION_NODE, title)

    def interrupt(self, kind: int, title: str) -> Event:
        """The event that stops a run until it is resumed."""
        interrupt = {
            "data": "",
            "event_id": f"{self.execute_id}/{self.new_id()}",
            "required_parameters": {},
            "type": kind,
        }
        return Event("Interrupt", {"interrupt_data": interrupt, "node_title": title})

    def error(self, code: int, message: str) -> Event:
        """The end of a run that failed; no Done follows."""
        return Event("Error", {"error_code": code, "error_message": message})

    def done(self) -> Event:
        """The end of a run (docs.coze.cn, workflow_stream_run; its samples have ``{}`` too)."""
        return Event("Done", {"debug_url": self.debug_url})
