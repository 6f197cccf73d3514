"""What a request for a response goes on from, and how that goes with what it asks."""

from collections.abc import Sequence
from typing import NamedTuple

from cozeproxy.errors import RequestError
from cozeproxy.protocol.ids import is_call_id
from cozeproxy.protocol.plan import Plan
from cozeproxy.protocol.responses.ids import ResponseId, conversation_id, unpack_response_id
from cozeproxy.protocol.responses.messages import Placed
from cozeproxy.protocol.responses.openai import Item, ResponsesRequest


class Past(NamedTuple):
    """What a request goes on from.

    Attributes:
        id: of the response before it.
        replayed: the messages that led to it, where others have followed it in its conversation.
        waits: the chat of that response waits for the outputs of tools.
        names: of the tools that the response calls.
    """

    id: ResponseId
    replayed: Sequence[dict[str, str]] | None = None
    waits: bool = True
    names: Sequence[str] = ()


class Known(NamedTuple):
    """What was looked up at Coze for a request.

    Attributes:
        items: its input, each item with its place: what was referred to stands there itself, if it
            was found.
        past: what it goes on from.
    """

    items: Sequence[tuple[str, Item]]
    past: Past | None = None


def previous_of(request: ResponsesRequest) -> ResponseId | None:
    """What the response was that a request goes on from, if it names one.

    Raises:
        RequestError: it is none that is kept.
    """
    named = request.previous_response_id
    if not named:
        return None
    found = unpack_response_id(named)
    if found is None:
        raise not_found(named)
    return found


def not_found(id_: str, reason: str = "") -> RequestError:
    """The error for a previous response that there is none of."""
    return RequestError(
        f"Previous response with id '{id_[:500]}' not found.{reason}",
        param="previous_response_id",
        code="previous_response_not_found",
    )


def brings_calls(placed: Sequence[Placed]) -> bool:
    """Whether the outputs in an input have their calls there, too."""
    called = {call.id for message, _ in placed for call in message.tool_calls or ()}
    outputs = [m.tool_call_id for m, _ in placed if m.role == "tool"]
    return bool(outputs) and called.issuperset(outputs)


def name_outputs(placed: Sequence[Placed], names: Sequence[str]) -> None:
    """Give the outputs of calls that nothing waits for any more the names of their tools.

    They become text, and the ids of such calls do not tell the names.
    """
    outputs = [m for m, _ in placed if m.role == "tool" and is_call_id(m.tool_call_id or "")]
    known = names if len(names) == len(outputs) else [""] * len(outputs)
    for message, name in zip(outputs, known, strict=True):
        message.tool_call_id, message.name = None, name or None


def check_history(
    request: ResponsesRequest, plan: Plan, past: Past | None, *, own_calls: bool
) -> None:
    """Refuse to lose the history that a request goes on from.

    Raises:
        RequestError: it would be lost, or is another one.
    """
    sent, target = plan.sent, plan.sent.target
    is_run = target.kind == "workflow"
    if is_run and request.conversation_id:
        raise RequestError.invalid("conversation", "a workflow holds no conversation")
    if is_run and past and past.id.kind != "workflow":
        raise RequestError.invalid("previous_response_id", "a workflow holds no conversation")
    if past and past.id.kind == "workflow" and not (is_run and sent.leg):
        reason = " What ran as a workflow is not kept by Coze."
        raise not_found(request.previous_response_id or "", reason)
    if not sent.kept or sent.messages:
        return
    named = request.conversation_id
    if named and target.conversation_id != conversation_id(named):
        raise RequestError.invalid(
            "conversation", "the tool outputs are for a call in another conversation"
        )
    if past and not own_calls and target.conversation_id != past.id.conversation_id:
        raise RequestError.invalid(
            "previous_response_id", "the tool outputs are for another response's calls"
        )
