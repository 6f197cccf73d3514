"""How one request is served: the call it becomes, and how that call's answer is read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from cozeproxy.protocol.attachments import Attachment
from cozeproxy.protocol.cutting import CutWriter, FenceCutter, StopCutter
from cozeproxy.protocol.messages import read_turn
from cozeproxy.protocol.openai import ChatRequest
from cozeproxy.protocol.request import (
    Call,
    chat_call,
    saves_history,
    submit_call,
    tool_outputs,
    user_id,
)
from cozeproxy.protocol.response import ChatTranslator, Wanted, Writer
from cozeproxy.protocol.routing import Defaults, Route, route
from cozeproxy.protocol.sse import Event
from cozeproxy.protocol.workflow import (
    Input,
    chatflow_call,
    question_of,
    resume_call,
    run_call,
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


class Translator(Protocol):
    """Reads the events of one answer: a chat's, or a workflow's."""

    accepted: bool
    ended: bool
    info: dict[str, Any]

    def receive_event(self, event: Event) -> None:
        """Take one event; raise the failure that it reports."""

    def receive_eof(self) -> None:
        """Take the end of the bytes; raise where it came too early."""


class Plan(NamedTuple):
    """How one request is served.

    Attributes:
        attachments: files that must be uploaded before the call.
        call: makes the call from their ids.
        translator: makes the reader of its answer.
        cutters: what is cut from the answer's text.
        notes: what was done with the request that the caller may not expect: a word for a header
            ``x-cozeproxy-<word>``, and its value.
    """

    call: Callable[[Iterator[str]], Call]
    translator: Callable[[Writer], Translator]
    attachments: Sequence[Attachment] = ()
    cutters: Sequence[StopCutter | FenceCutter] = ()
    notes: Mapping[str, str] = {}

    def read_into(self, writer: Writer) -> Translator:
        """Make the reader of the answer, which cuts and writes it."""
        # Cutting takes the text out of its JSON and puts it back in, so it stands only where it is
        # asked for.
        return self.translator(CutWriter(writer, *self.cutters) if self.cutters else writer)


def make_plan(request: ChatRequest, headers: Mapping[str, str], rules: Rules) -> Plan:
    """Decide how a request is served.

    Raises:
        RequestError: it cannot be.
    """
    stops = [StopCutter(request.stops)] if request.stops else []
    outputs = tool_outputs(request)
    if outputs:
        wanted = _wanted(request, outputs.bot_id)._replace(runs_tools=True)
        return Plan(
            call=lambda _: submit_call(outputs),
            translator=lambda writer: ChatTranslator(writer, wanted),
            cutters=stops,
        )
    reply = workflow_reply(request)
    if reply:
        return Plan(
            call=lambda _: resume_call(reply),
            translator=lambda writer: WorkflowTranslator(
                writer, reply.id.workflow_id, raw=rules.raw_output
            ),
            cutters=stops,
        )
    target = route(request, headers, rules.defaults)
    user = user_id(request, headers, rules.user_id)
    if target.kind == "workflow":
        return _workflow_plan(request, target, user, rules)._replace(cutters=stops)
    plan = _chatflow_plan if target.kind == "chatflow" else _chat_plan
    cutters: list[StopCutter | FenceCutter] = [FenceCutter()] if request.wants_json else []
    return plan(request, target, user)._replace(cutters=[*cutters, *stops])


def _chat_plan(request: ChatRequest, target: Route, user: str) -> Plan:
    turn = read_turn(request, continues=bool(target.conversation_id))
    # Usage and follow-ups come last. In a conversation the end waits for Coze's own: until then
    # the next turn would meet a conversation that is busy.
    late = request.include_usage or request.options.follow_ups or not request.stream
    wanted = _wanted(request, target.bot_id or "")._replace(
        early_end=target.kind == "chat" and not late, runs_tools=saves_history(request, target)
    )
    notes = {"Emulated": "response_format"} if request.wants_json else {}
    if turn.left_out:
        notes["Left-Out-Messages"] = str(turn.left_out)
    return Plan(
        call=lambda ids: chat_call(request, target, turn, ids, user_id=user),
        translator=lambda writer: ChatTranslator(writer, wanted),
        attachments=turn.attachments,
        notes=notes,
    )


def _workflow_plan(request: ChatRequest, target: Route, user: str, rules: Rules) -> Plan:
    question = question_of(request)
    return Plan(
        call=lambda ids: run_call(
            request,
            target,
            workflow_parameters(request, question, ids, rules.workflow_input),
            user_id=user,
        ),
        translator=lambda writer: WorkflowTranslator(
            writer, target.workflow_id or "", raw=rules.raw_output
        ),
        attachments=question.attachments,
        # The workflow decides the form of its outputs; a demand in its input would only disturb it.
        notes={"Ignored": "response_format"} if request.wants_json else {},
    )


def _chatflow_plan(request: ChatRequest, target: Route, user: str) -> Plan:
    turn = read_turn(request, continues=bool(target.conversation_id))
    wanted = _wanted(request, target.bot_id or "")._replace(remedy=NO_SUBMIT)
    call = chatflow_call(request, target, turn, user_id=user)
    return Plan(
        call=lambda _: call,
        translator=lambda writer: ChatTranslator(writer, wanted),
        notes={"Emulated": "response_format"} if request.wants_json else {},
    )


def _wanted(request: ChatRequest, bot_id: str) -> Wanted:
    options = request.options
    return Wanted(bot_id, follow_ups=bool(options.follow_ups), steps=bool(options.events))
