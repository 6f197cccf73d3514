"""Deciding how a request is served."""

from collections.abc import Mapping
from typing import Any

from cozeproxy.protocol.messages import MAX_MESSAGES, Turn, read_turn
from cozeproxy.protocol.openai import ChatRequest
from cozeproxy.protocol.plan import Before, Plan, Rules, Sent
from cozeproxy.protocol.request import (
    ToolOutputs,
    chat_call,
    chat_fields,
    saves_history,
    submit_call,
    tool_outputs,
    user_id,
)
from cozeproxy.protocol.response import ChatTranslator, Wanted
from cozeproxy.protocol.routing import Route, route
from cozeproxy.protocol.workflow import (
    MAX_CHATFLOW_MESSAGES,
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
            notes={
                # Coze keeps those that the chat began with.
                **_ignored(request, "metadata"),
                **({"Emulated": "response_format"} if request.wants_json else {}),
            },
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
