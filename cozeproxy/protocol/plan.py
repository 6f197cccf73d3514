"""How one request is served: the call it becomes, and how that call's answer is read."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from cozeproxy.protocol.attachments import Attachment
from cozeproxy.protocol.coze import Usage
from cozeproxy.protocol.cutting import cut
from cozeproxy.protocol.messages import Turn
from cozeproxy.protocol.request import Call
from cozeproxy.protocol.response import RunningChat, Writer
from cozeproxy.protocol.routing import Defaults, Kind, Route
from cozeproxy.protocol.sse import Event
from cozeproxy.protocol.workflow import Input


class Rules(NamedTuple):
    """What the settings say of how requests are served."""

    defaults: Defaults = Defaults()
    user_id: str | None = None
    workflow_input: Input = Input()
    raw_output: bool = False


class Before(NamedTuple):
    """What came before a request that does not repeat it, other than one for chat completions.

    Attributes:
        replayed: messages of an earlier conversation, as Coze has given them, that the request's
            own follow in a new one.
        answers: the request may bring what a chat or a run at Coze waits for.
        remedy: what to do where a tool's output is needed, and Coze keeps nothing.
    """

    replayed: Sequence[dict[str, str]] = ()
    answers: bool = True
    remedy: str = ""


class Sent(NamedTuple):
    """What Coze is sent, for those who look for it there afterwards.

    Attributes:
        target: where it goes.
        kept: whether Coze keeps it.
        messages: how many of them there are, with those that are replayed.
        replayed: how many of these, the first ones, are replayed.
        before: how many characters were put in front of the first question of the request.
        after: how many were put behind its last message.
        leg: how many times the chat has been brought the outputs of tools, with this one; 1 where a
            run is brought an answer.
    """

    target: Route
    kept: bool
    messages: int = 0
    replayed: int = 0
    before: int = 0
    after: int = 0
    leg: int = 0

    @classmethod
    def of(cls, target: Route, turn: Turn, *, kept: bool) -> "Sent":
        """What there is to know of a turn, which itself may be large."""
        replayed = len(turn.replayed)
        count = len(turn.drafts) + replayed
        return cls(target, kept, count, replayed, turn.before, turn.after)


NOWHERE = Sent(Route("chat"), kept=False)


class Translator(Protocol):
    """Reads the events of one answer: a chat's, or a workflow's."""

    accepted: bool
    ended: bool
    info: dict[str, Any]
    running: RunningChat | None
    usage: Usage | None
    answer: str | int | None

    def receive_events(self, events: Iterable[Event]) -> None:
        """Take events; raise the failure that one reports, unless the end was reached before."""

    def receive_eof(self) -> None:
        """Take the end of the bytes; raise where it came too early."""


@dataclass(slots=True)
class Plan:
    """How one request is served.

    Attributes:
        call: makes the call, from the ids of the attachments.
        translator: makes the reader of its answer.
        sent: what Coze is sent.
        user_id: the end user.
        is_run: a workflow runs, which may take minutes and be silent meanwhile.
        attachments: files that must be uploaded before the call.
        fenced: a code fence around the answer is taken off.
        stops: texts before which the answer is cut.
        notes: what was done with the request that the caller may not expect: a word for a header
            ``x-cozeproxy-<word>``, and its value.
    """

    call: Callable[[Iterator[str]], Call]
    translator: Callable[[Writer], Translator]
    sent: Sent = NOWHERE
    user_id: str = ""
    is_run: bool = False
    attachments: Sequence[Attachment] = ()
    fenced: bool = False
    stops: Sequence[str] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """The type of model."""
        return self.sent.target.kind

    @property
    def bot_id(self) -> str | None:
        """The bot that it uses, whoever named it."""
        return self.sent.target.bot_id

    @property
    def workflow_id(self) -> str | None:
        """The workflow that it uses."""
        return self.sent.target.workflow_id

    @property
    def targets(self) -> list[str]:
        """Ids of the bots and workflows that it uses."""
        return [id_ for id_ in (self.bot_id, self.workflow_id) if id_]

    def read_into(self, writer: Writer) -> Translator:
        """Make the reader of one answer, which cuts and writes it."""
        return self.translator(cut(writer, self.stops, fenced=self.fenced))
