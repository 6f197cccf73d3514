"""How one request is served: the call it becomes, and how that call's answer is read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from cozeproxy.protocol.attachments import Attachment
from cozeproxy.protocol.coze import Usage
from cozeproxy.protocol.cutting import cut
from cozeproxy.protocol.messages import MAX_MESSAGES, Turn, read_turn
from cozeproxy.protocol.openai import ChatRequest
from cozeproxy.protocol.request import (
    Call,
    ToolOutputs,
    chat_call,
    chat_fields,
    saves_history,
    submit_call,
    tool_outputs,
    user_id,
)
from cozeproxy.protocol.response import ChatTranslator, RunningChat, Wanted, Writer
from cozeproxy.protocol.routing import Defaults, Kind, Route, route
from cozeproxy.protocol.sse import Event
from cozeproxy.protocol.workflow import (
    MAX_CHATFLOW_MESSAGES,
    Input,
    chatflow_call,
    question_of,
    resume_call,
    run_call,
    run_fields,
    workflow_parameters,
    workflow_reply,
)
from cozeproxy.protocol.workflow_response import WorkflowTranslator

NO_SUBMIT = "Coze cannot take its output in a chatflow; the tool has to be the bot's own."


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

    def receive_event(self, event: Event) -> None:
        """Take one event; raise the failure that it reports, unless the end was reached."""

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


def make_plan(
    request: ChatRequest,
    headers: Mapping[str, str],
    rules: Rules,
    key_name: str | None = None,
    before: Before | None = None,
) -> Plan:
    """Decide how a request is served.

    Args:
        request: what is asked.
        headers: of the request.
        rules: what the settings say.
        key_name: the name of the caller's key, which keeps its users apart from those of others.
        before: what came before it, where its messages are all new; None where they may repeat it.

    Raises:
        RequestError: it cannot be served.
    """
    user = user_id(request, headers, rules.user_id)
    if key_name:
        user = f"{key_name}:{user}"
    plan = _continuation(request, rules) if before is None or before.answers else None
    if plan is None:
        target = route(request, headers, rules.defaults)
        if target.kind == "workflow":
            plan = _workflow_plan(request, target, user, rules)
        elif target.kind == "chatflow":
            plan = _chatflow_plan(request, target, user, before)
        else:
            plan = _chat_plan(request, target, user, before)
    plan.user_id = user
    plan.stops = request.stops
    return plan


def _continuation(request: ChatRequest, rules: Rules) -> Plan | None:
    """The plan where something waits for this request: where it goes, is in the ids."""
    outputs = tool_outputs(request)
    if outputs:
        wanted = _wanted(request, outputs.bot_id, runs_tools=True, leg=outputs.leg)
        return Plan(
            call=lambda _: submit_call(outputs),
            translator=lambda writer: ChatTranslator(writer, wanted),
            sent=Sent(_waiting(outputs), kept=True, leg=outputs.leg),
            # The demand for JSON went out with the question; this is where its answer comes.
            fenced=request.wants_json,
            notes={"Emulated": "response_format"} if request.wants_json else {},
        )
    reply = workflow_reply(request)
    if reply:
        workflow = reply.id.workflow_id
        return Plan(
            call=lambda _: resume_call(reply),
            translator=lambda w: WorkflowTranslator(w, workflow, raw=rules.raw_output),
            sent=Sent(Route("workflow", workflow_id=workflow), kept=False, leg=1),
            is_run=True,
            notes=_ignored(request, "metadata", "response_format"),
        )
    return None


def _waiting(outputs: ToolOutputs) -> Route:
    return Route("chat", outputs.bot_id, conversation_id=outputs.conversation_id)


def _chat_plan(request: ChatRequest, target: Route, user: str, before: Before | None) -> Plan:
    # In a chat the caller sends it all each time, as Coze keeps none of its turns.
    continues = target.kind == "conversation" and bool(target.conversation_id)
    turn = _turn(request, continues, before, MAX_MESSAGES)
    # Now, or files would be uploaded for a request that is refused.
    chat_fields(request)
    saves = saves_history(request, target)
    # Usage and follow-ups come last. Where a conversation goes on, the end waits for Coze's own:
    # until then the next turn would meet a conversation that is busy.
    late = request.include_usage or request.options.follow_ups or not request.stream or saves
    early = target.kind == "chat" and not (late or target.conversation_id)
    more = {"remedy": before.remedy} if before and before.remedy else {}
    wanted = _wanted(request, target.bot_id or "", early_end=early, runs_tools=saves, **more)
    notes = {"Emulated": "response_format"} if request.wants_json else {}
    if turn.left_out:
        notes["Left-Out-Messages"] = str(turn.left_out)
    return Plan(
        call=lambda ids: chat_call(request, target, turn, ids, user_id=user),
        translator=lambda writer: ChatTranslator(writer, wanted),
        sent=Sent.of(target, turn, kept=saves),
        attachments=turn.attachments,
        fenced=request.wants_json,
        notes=notes,
    )


def _workflow_plan(request: ChatRequest, target: Route, user: str, rules: Rules) -> Plan:
    question = question_of(request)
    fields = run_fields(request, target, user)
    return Plan(
        call=lambda ids: run_call(
            fields, target, workflow_parameters(request, question, ids, rules.workflow_input)
        ),
        translator=lambda writer: WorkflowTranslator(
            writer, target.workflow_id or "", raw=rules.raw_output
        ),
        sent=Sent(target, kept=False),
        attachments=question.attachments,
        is_run=True,
        # The workflow decides the form of its outputs; a demand in its input would only disturb it.
        notes=_ignored(request, "metadata", "response_format"),
    )


def _chatflow_plan(request: ChatRequest, target: Route, user: str, before: Before | None) -> Plan:
    turn = _turn(request, bool(target.conversation_id), before, MAX_CHATFLOW_MESSAGES)
    wanted = _wanted(request, target.bot_id or "", remedy=NO_SUBMIT)
    call = chatflow_call(request, target, turn, user_id=user)
    return Plan(
        call=lambda _: call,
        translator=lambda writer: ChatTranslator(writer, wanted),
        sent=Sent.of(target, turn, kept=True),
        is_run=True,
        fenced=request.wants_json,
        notes={
            **_ignored(request, "metadata"),
            **({"Emulated": "response_format"} if request.wants_json else {}),
        },
    )


def _turn(
    request: ChatRequest,
    continues: bool,  # noqa: FBT001 - named where it is made
    before: Before | None,
    most: int,
) -> Turn:
    turn = read_turn(request, continues=continues and before is None)
    if before:
        turn.replay(before.replayed, most)
    return turn


def _ignored(request: ChatRequest, *fields: str) -> dict[str, str]:
    """The note that these fields, where the request has them, are without effect."""
    asked = {"metadata": bool(request.metadata), "response_format": request.wants_json}
    ignored = ", ".join(field for field in fields if asked[field])
    return {"Ignored": ignored} if ignored else {}


def _wanted(request: ChatRequest, bot_id: str, **more: Any) -> Wanted:
    options = request.options
    return Wanted(bot_id, follow_ups=bool(options.follow_ups), steps=bool(options.events), **more)
