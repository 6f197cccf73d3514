"""From OpenAI's request to the call of Coze that answers it.

Either the caller asks something (``POST /v3/chat``), or it brings the outputs of tools that a chat
of Coze's waits for (``POST /v3/chat/submit_tool_outputs``).
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from cozeproxy.errors import RequestError
from cozeproxy.protocol.ids import CallId, is_call_id, unpack_call_id
from cozeproxy.protocol.messages import SYSTEM, Turn, coze_messages, items_of, text_of
from cozeproxy.protocol.openai import ChatRequest, Message
from cozeproxy.protocol.routing import Route

_encode = msgspec.json.encode

# Fields of the request's `coze` object that go into the body of /v3/chat as they are.
CHAT_FIELDS = (
    "bot_version",
    "connector_id",
    "custom_variables",
    "enable_card",
    "extra_params",
    "meta_data",
    "parameters",
    "publish_status",
    "shortcut_command",
)
# Those that only workflows have.
WORKFLOW_FIELDS = ("app_id", "ext", "resume", "workflow_version")


class Call(NamedTuple):
    """One streaming call to Coze; ``accept`` is the type of a good answer, perhaps with a ``*``."""

    path: str
    query: Mapping[str, str]
    body: bytes
    accept: str = "text/event-stream"


class ToolOutputs(NamedTuple):
    """What the caller's tools said, for the chat of Coze's that waits for it."""

    bot_id: str
    conversation_id: str
    chat_id: str
    # By Coze's id of the call.
    outputs: Mapping[str, str]
    # How many times before the chat was brought outputs.
    leg: int


def saves_history(request: ChatRequest, target: Route) -> bool:
    """Whether Coze keeps the turn: only then can it wait for the output of a caller's tool."""
    chosen = request.options.auto_save_history
    if target.kind == "conversation":
        return chosen is not False
    return request.has_tools if chosen is None else chosen


def chat_fields(request: ChatRequest) -> dict[str, Any]:
    """What goes into the body of /v3/chat under Coze's own names.

    Raises:
        RequestError: an option is beyond Coze's limits, or not for chats.
    """
    options = request.options
    for name in WORKFLOW_FIELDS:
        if getattr(options, name) is not None:
            raise RequestError.invalid(f"coze.{name}", "it is for workflows, and this is a chat")
    fields: dict[str, Any] = {name: getattr(options, name) for name in CHAT_FIELDS}
    fields["meta_data"] = _meta_data(request)
    if options.bot_version and options.publish_status == "unpublished_draft":
        raise RequestError.invalid("coze.bot_version", "a draft has no version")
    if not (options.extra_params or {}).keys() <= {"latitude", "longitude"}:
        raise RequestError.invalid(
            "coze.extra_params", "it may have 'latitude' and 'longitude' only"
        )
    return {name: value for name, value in fields.items() if value is not None}


def chat_call(
    request: ChatRequest, target: Route, turn: Turn, file_ids: Iterator[str], *, user_id: str
) -> Call:
    """Ask the bot.

    Args:
        request: what is asked.
        target: the bot, and the conversation that this is a turn of; without one Coze makes one.
        turn: the messages.
        file_ids: Coze's ids of the turn's attachments, in their order.
        user_id: the end user.

    Raises:
        RequestError: as chat_fields() does.
    """
    body = {
        "bot_id": target.bot_id,
        "user_id": user_id,
        # Written out: coze-studio takes a missing one for true.
        "stream": True,
        "auto_save_history": saves_history(request, target),
        "additional_messages": coze_messages(turn, file_ids),
        **chat_fields(request),
    }
    # Coze overlooks a conversation id in the body (coze-studio#2028).
    query = {"conversation_id": target.conversation_id} if target.conversation_id else {}
    return Call("/v3/chat", query, _encode(body))


def submit_call(tools: ToolOutputs) -> Call:
    """Bring Coze what it waits for."""
    outputs = [{"tool_call_id": call, "output": text} for call, text in tools.outputs.items()]
    return Call(
        "/v3/chat/submit_tool_outputs",
        {"conversation_id": tools.conversation_id, "chat_id": tools.chat_id},
        _encode({"stream": True, "tool_outputs": outputs}),
    )


def tool_outputs(request: ChatRequest) -> ToolOutputs | None:
    """Find the outputs that a chat of Coze's waits for.

    They are those after the last assistant message, under an id of ours. All others are history,
    and so are these where the user has said something else since: Coze takes nothing beside the
    outputs, and what the user says must not be lost.

    Raises:
        RequestError: an id of ours was changed, or an output is missing, doubled, or of another
            step: Coze takes all outputs of a step together.
    """
    messages = request.messages
    last = max((i for i, m in enumerate(messages) if m.role == "assistant"), default=-1)
    found: dict[CallId, str] = {}
    for i, message in enumerate(messages[last + 1 :], last + 1):
        param = f"messages[{i}].tool_call_id"
        if message.role == "tool" and is_call_id(message.tool_call_id or ""):
            call = unpack_call_id(message.tool_call_id or "", param)
            if call in found:
                raise RequestError.invalid(param, "there are two outputs of this call")
            # Parts that are no text are refused here, as everywhere.
            list(items_of(message, f"messages[{i}]"))
            found[call] = text_of(message)
    if not found or any(message.role == "user" for message in messages[last + 1 :]):
        return None
    _check_step(found, messages, last)
    outputs = {id_.call: text for id_, text in found.items()}
    bot, conversation, chat, _, leg = next(iter(found))
    return ToolOutputs(bot, conversation, chat, outputs, leg + 1)


def check_meta_data(pairs: Mapping[str, str], place: str) -> None:
    """Refuse metadata beyond OpenAI's limits, which are Coze's as well.

    Raises:
        RequestError: there is too much of it; ``place`` is where it stands.
    """
    if len(pairs) > 16:
        raise RequestError.invalid(place, "at most 16 pairs")
    for key, value in pairs.items():
        if not 1 <= len(key) <= 64 or not 1 <= len(value) <= 512:
            raise RequestError.invalid(place, "keys have 1 to 64 characters, values 1 to 512")


def user_id(request: ChatRequest, headers: Mapping[str, str], default: str | None) -> str:
    """Name the end user of a request, as end_user() does."""
    return end_user(request.safety_identifier or request.user, headers, default)


def end_user(named: str | None, headers: Mapping[str, str], default: str | None) -> str:
    """Name the end user, whose memory Coze keeps apart from others'.

    Coze refuses a request without one, and a number in its place. Where nobody is named, the
    caller's key stands for it, as a digest: the key itself is not Coze's to see. The key's name, if
    it has one, keeps its users apart from those of others.
    """
    found = named or headers.get("x-user-id") or headers.get("x-openwebui-user-id") or default
    if found:
        return found
    key = headers.get("Authorization", "").partition(" ")[2] or headers.get("api-key", "")
    return "key-" + hashlib.sha256(key.encode()).hexdigest()[:32]


def _check_step(found: dict[CallId, str], messages: list[Message], last: int) -> None:
    if len({id_[:3] for id_ in found}) > 1:
        raise RequestError.invalid("messages", "the tool outputs belong to different chats")
    expected = [call.id for call in messages[last].tool_calls or ()] if last >= 0 else []
    given = {message.tool_call_id for message in messages[last + 1 :]}
    missing = [id_ for id_ in expected if id_ and is_call_id(id_) and id_ not in given]
    if missing:
        raise RequestError.invalid(
            "messages", f"the output of the tool call '{missing[0]}' is missing"
        )
    others = [
        i
        for i, m in enumerate(messages[last + 1 :], last + 1)
        if m.role not in SYSTEM and not is_call_id(m.tool_call_id or "")
    ]
    if others:
        raise RequestError.invalid(
            f"messages[{others[0]}]", "Coze takes tool outputs, and nothing with them"
        )


def _meta_data(request: ChatRequest) -> dict[str, str] | None:
    """OpenAI's ``metadata`` and Coze's ``meta_data`` have the same limits; Coze's wins."""
    merged = {**(request.metadata or {}), **(request.options.meta_data or {})}
    check_meta_data(merged, "coze.meta_data" if request.options.meta_data else "metadata")
    return merged or None
