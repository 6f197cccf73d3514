"""From the request for a response to the chat request that asks the same, and to its plan.

So routing, files, tools, the form of the answer and all else are those of chat completions.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from cozeproxy.errors import RequestError
from cozeproxy.protocol.openai import (
    ChatRequest,
    CozeOptions,
    Message,
    Object,
    OfferedFunction,
    ResponseFormat,
    StreamOptions,
    Tool,
)
from cozeproxy.protocol.parsing import unsupported
from cozeproxy.protocol.plan import Before, Plan, Rules
from cozeproxy.protocol.planning import make_plan
from cozeproxy.protocol.responses.ids import MOST_MODEL, ResponseId
from cozeproxy.protocol.responses.messages import (
    Place,
    Placed,
    check_references,
    in_own_terms,
    messages_of,
)
from cozeproxy.protocol.responses.openai import ResponsesRequest, echoed
from cozeproxy.protocol.responses.parsing import mutually_exclusive
from cozeproxy.protocol.responses.past import (
    Known,
    Past,
    brings_calls,
    check_history,
    name_outputs,
)
from cozeproxy.protocol.routing import explicit, model_not_found

_REMEDY = "For that Coze has to keep the chat: leave out 'store': false."
_KEPT_ALL_THE_SAME = "Coze keeps each turn of a chatflow, and the outputs that a chat waits for"


class Asked(NamedTuple):
    """A request for a response: all that is needed of it but its texts, which are in the plan.

    Attributes:
        plan: how it is served.
        model: the name that the response gives back.
        echoed: the fields of the response that repeat it.
        id: what is known of the response's id; None where Coze keeps nothing of it.
    """

    plan: Plan
    model: str
    echoed: Mapping[str, Any]
    id: ResponseId | None


def ask_for(
    request: ResponsesRequest,
    known: Known,
    headers: Mapping[str, str],
    rules: Rules,
    key_name: str | None,
) -> Asked:
    """Decide how a request is served.

    Args:
        request: what is asked.
        known: what was looked up for it.
        headers: of the request.
        rules: what the settings say.
        key_name: the name of the caller's key.

    Raises:
        RequestError: it cannot be served; ``param`` names the place.
    """
    past = known.past
    instructed = [Placed(Message("system", request.instructions), Place("instructions"))]
    placed = [*(instructed if request.instructions else ()), *messages_of(known.items)]
    if not placed:
        check_references(known.items)
    # Whose call stands beside it, an output is for that, whatever the request goes on from.
    own_calls = brings_calls(placed)
    if past and not past.waits and not own_calls:
        name_outputs(placed, past.names)
    chat = _chat_request(request, [message for message, _ in placed], past)
    _check_conversation(request, chat, headers, past)
    before = Before(
        replayed=(past and past.replayed) or (),
        answers=past is None or past.waits or own_calls,
        remedy=_REMEDY,
    )
    try:
        plan = make_plan(chat, headers, _with_defaults_of(past, rules), key_name, before)
    except RequestError as error:
        raise in_own_terms(error, [place for _, place in placed]) from error
    plan.notes = {
        word: value.replace("response_format", "text.format") for word, value in plan.notes.items()
    }
    if plan.sent.messages:
        # Where no messages are sent, what was said before does not matter.
        check_references(known.items)
    if request.background and plan.is_run:
        raise unsupported("background", "only bots can be asked in the background", value=True)
    if plan.sent.kept and not request.keeps:
        field = "store" if request.store is False else "coze.auto_save_history"
        raise unsupported(field, _KEPT_ALL_THE_SAME, value=True)
    check_history(request, plan, past, own_calls=own_calls)
    return Asked(plan, chat.model, echoed(request), _id_of(request, plan, chat.model, past))


def _id_of(
    request: ResponsesRequest, plan: Plan, model: str, past: Past | None
) -> ResponseId | None:
    """What is known of the id of a response, but for the moment that makes it the only one."""
    sent, target = plan.sent, plan.sent.target
    if not request.keeps:
        return None
    return ResponseId(
        model=model[:MOST_MODEL],
        created=0,
        kind="chat" if target.kind == "conversation" else target.kind,
        bot_id=target.bot_id,
        workflow_id=target.workflow_id,
        app_id=target.app_id,
        inputs=sent.messages,
        replayed=sent.replayed,
        instructions=len(request.instructions or "") if sent.messages else 0,
        before=sent.before,
        after=sent.after,
        leg=sent.leg if target.kind != "workflow" else 0,
        fenced=plan.fenced,
        stops=tuple(plan.stops),
        named=bool(request.conversation_id),
        background=bool(request.background),
        lasting=_is_lasting(target.conversation_id, past),
    )


def _is_lasting(conversation_id: str | None, past: Past | None) -> bool:
    """Whether a conversation is somebody's own, as far as can be known of it."""
    if past and conversation_id == past.id.conversation_id:
        return past.id.lasting
    return bool(conversation_id)


def _chat_request(
    request: ResponsesRequest, messages: list[Message], past: Past | None
) -> ChatRequest:
    model = request.model or (past and past.id.model)
    if not model:
        raise model_not_found("")
    if not messages:
        raise RequestError.invalid("input", "there is nothing in it")
    return ChatRequest(
        model=model,
        messages=messages,
        stream=request.stream,
        # The last event has it.
        stream_options=StreamOptions(include_usage=True),
        user=request.user,
        safety_identifier=request.safety_identifier,
        metadata=request.metadata,
        stop=request.stop,
        response_format=_response_format(request),
        tools=[_tool(tool) for tool in request.tools or ()],
        coze=_options(request, past),
        x_model_type=request.x_model_type,
        x_bot_id=request.x_bot_id,
        x_workflow_id=request.x_workflow_id,
        x_conversation_id=request.x_conversation_id,
        extra_headers=request.extra_headers,
    )


def _options(request: ResponsesRequest, past: Past | None) -> CozeOptions:
    options = request.coze or CozeOptions()
    changes: dict[str, Any] = {"auto_save_history": request.keeps}
    if request.conversation_id:
        changes["conversation_id"] = request.conversation_id
    if past and past.id.conversation_id and past.replayed is None:
        changes["conversation_id"] = past.id.conversation_id
    if past and past.id.app_id and not options.app_id:
        changes["app_id"] = past.id.app_id
    return msgspec.structs.replace(options, **changes)


def _check_conversation(
    request: ResponsesRequest, chat: ChatRequest, headers: Mapping[str, str], past: Past | None
) -> None:
    """Refuse a conversation that is named beside what the request goes on from."""
    if (past or request.conversation_id) and explicit("x-conversation-id", chat, headers):
        own = "previous_response_id" if past else "conversation"
        raise mutually_exclusive(own, "x-conversation-id")


def _with_defaults_of(past: Past | None, rules: Rules) -> Rules:
    """The rules, where a request that names nothing goes where the one before it went."""
    if past is None:
        return rules
    id_ = past.id
    defaults = rules.defaults._replace(
        kind=id_.kind,
        bot_id=id_.bot_id or rules.defaults.bot_id,
        workflow_id=id_.workflow_id or rules.defaults.workflow_id,
    )
    return rules._replace(defaults=defaults)


def _response_format(request: ResponsesRequest) -> ResponseFormat | None:
    form = request.format
    if form is None:
        return None
    schema = msgspec.to_builtins(form) if form.schema is not None else None
    return ResponseFormat(form.type, json_schema=schema)


def _tool(tool: Object) -> Tool:
    """A tool as chat completions have it: its function in an object of its own."""
    name = tool.get("name")
    return Tool(OfferedFunction(name) if isinstance(name, str) else None)
