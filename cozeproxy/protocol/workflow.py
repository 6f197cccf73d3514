"""From OpenAI's request to a run of a workflow or of a chatflow.

A workflow takes parameters and keeps no history; a chatflow is a workflow that holds a
conversation, so it takes messages. Both are ``stream_run`` and the like even where the caller wants
no stream: the synchronous call of a workflow is cut after 90 seconds and refuses workflows with
output nodes (docs.coze.cn, workflow_run).
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from cozeproxy.errors import RequestError
from cozeproxy.protocol.attachments import Item
from cozeproxy.protocol.ids import ResumeId, is_resume_id, unpack_resume_id
from cozeproxy.protocol.messages import SYSTEM, Draft, Turn, coze_messages, items_of, text_of
from cozeproxy.protocol.openai import ChatRequest, Message
from cozeproxy.protocol.request import CHAT_FIELDS, Call
from cozeproxy.protocol.routing import Route

_encode = msgspec.json.encode

# Coze's limit for a chatflow (docs.coze.cn, workflow_chat).
MAX_CHATFLOW_MESSAGES = 50

# The tool call that a workflow's question becomes. Its arguments are the question, and what Coze
# tells of the answer that it waits for.
RESUME_TOOL = "coze_resume_workflow"


class Input(NamedTuple):
    """How a workflow's input is made where the request has no parameters.

    Attributes:
        key: the parameter that the user's text becomes.
        json: a text that is a JSON object becomes the parameters.
    """

    key: str = "input"
    json: bool = False


def question_of(request: ChatRequest) -> Draft:
    """The last message of the user's: all that a workflow is given of the messages.

    Raises:
        RequestError: there is none.
    """
    for i, message in reversed(list(enumerate(request.messages))):
        if message.role == "user":
            return Draft("user", text_of(message), list(items_of(message, f"messages[{i}]")))
    raise RequestError.invalid("messages", "a workflow needs a user message")


def workflow_parameters(
    request: ChatRequest, question: Draft, file_ids: Iterator[str], made: Input
) -> dict[str, Any]:
    """A workflow's parameters: ``coze.parameters``, or else the question, as JSON or as text.

    Files stand beside it under their kind, as Coze takes them: an address, or a JSON text with the
    id; several of a kind are a list.
    """
    given: Mapping[str, Any] | None = request.options.parameters
    return {
        **_files(question.items, file_ids),
        **(_parameters(question, made) if given is None else given),
    }


def run_fields(request: ChatRequest, target: Route, user_id: str) -> dict[str, Any]:
    """What says which workflow is run, and how, beside its input.

    Raises:
        RequestError: an option is not for workflows.
    """
    options = request.options
    for name in CHAT_FIELDS:
        if name not in ("connector_id", "parameters") and getattr(options, name) is not None:
            raise RequestError.invalid(f"coze.{name}", "it is for chats, and this is a workflow")
    if target.app_id and target.bot_id:
        raise RequestError.invalid(
            "coze.app_id", "a workflow belongs to an app or to a bot, not to both"
        )
    fields = {
        "workflow_id": target.workflow_id,
        "bot_id": target.bot_id,
        "app_id": target.app_id,
        # A workflow has no user_id of its own; this is where it can find one.
        "ext": {"user_id": user_id, **(options.ext or {})},
        "workflow_version": options.workflow_version,
        "connector_id": options.connector_id,
    }
    return {name: value for name, value in fields.items() if value is not None}


def run_call(fields: Mapping[str, Any], target: Route, parameters: Mapping[str, Any]) -> Call:
    """Run a workflow; ``fields`` are those of run_fields()."""
    body = {**fields, "parameters": {**target.parameters, **parameters}}
    return Call("/v1/workflow/stream_run", {}, _encode(body))


def chatflow_call(request: ChatRequest, target: Route, turn: Turn, *, user_id: str) -> Call:
    """Talk to a chatflow.

    Raises:
        RequestError: an option is not for chatflows, or the messages are beyond what Coze takes.
    """
    if any(draft.items for draft in turn.drafts):
        raise RequestError.invalid("messages", "a chatflow takes text only")
    roles = [message.role for message in request.messages if message.role not in SYSTEM]
    if not roles or roles[-1] == "assistant":
        raise RequestError.invalid("messages", "for a chatflow the last message must be the user's")
    if len(turn.drafts) > MAX_CHATFLOW_MESSAGES:
        raise RequestError.invalid(
            "messages", f"a chatflow takes at most {MAX_CHATFLOW_MESSAGES} messages"
        )
    body = run_fields(request, target, user_id)
    body["additional_messages"] = coze_messages(turn, iter(()))
    # The table of Coze's documentation requires it, its SDKs leave it out.
    body["parameters"] = {**target.parameters, **(request.options.parameters or {})}
    if target.conversation_id:
        # Here Coze reads it from the body, unlike for chats.
        body["conversation_id"] = target.conversation_id
    return Call("/v1/workflows/chat", {}, _encode(body))


class Reply(NamedTuple):
    """An answer to the question that a workflow waits with."""

    id: ResumeId
    text: str


def workflow_reply(request: ChatRequest) -> Reply | None:
    """Find the answer to a workflow's question, if the request holds one.

    It is the output of the tool call that the question came as, or the user's message where the
    call's id stands in ``coze.resume``; either way it is new, after all that the bot has said.

    Raises:
        RequestError: the id was changed, there is more than the answer, or the answer is none:
            programs that do not know the tool answer it with nothing or with a text of their own,
            and Coze lets a run be resumed only three times.
    """
    messages = list(enumerate(request.messages))
    last = max((i for i, m in messages if m.role == "assistant"), default=-1)
    new = [(i, m) for i, m in messages[last + 1 :] if m.role not in SYSTEM]
    outputs = [(i, m) for i, m in new if m.role == "tool" and is_resume_id(m.tool_call_id or "")]
    if outputs:
        i, answer = outputs[0]
        if request.has_tools and not _has_resume_tool(request):
            raise RequestError.invalid(
                f"messages[{i}]", f"whoever answers {RESUME_TOOL} must have it among its tools"
            )
        id_ = unpack_resume_id(answer.tool_call_id or "", f"messages[{i}].tool_call_id")
    elif request.options.resume:
        id_ = unpack_resume_id(request.options.resume, "coze.resume")
        if not new:
            raise RequestError.invalid("messages", "there is no answer to the workflow's question")
        i, answer = new[-1]
    else:
        return None
    reply = Reply(id_, _answer_text(answer, f"messages[{i}]"))
    last = new[-1][0]
    if last != i:
        raise RequestError.invalid(
            f"messages[{last}]", "a question takes one answer, and nothing after it"
        )
    return reply


def resume_call(reply: Reply) -> Call:
    """Go on with a workflow that waits."""
    return Call(
        "/v1/workflow/stream_resume",
        {},
        _encode(
            {
                "workflow_id": reply.id.workflow_id,
                "event_id": reply.id.event_id,
                "interrupt_type": reply.id.kind,
                "resume_data": reply.text,
            }
        ),
    )


def _has_resume_tool(request: ChatRequest) -> bool:
    functions = [tool.function for tool in request.tools or ()] + list(request.functions or ())
    return any(function and function.name == RESUME_TOOL for function in functions)


def _answer_text(message: Message, place: str) -> str:
    text = text_of(message)
    if any(items_of(message, place)):
        raise RequestError.invalid(
            f"{place}.content", "the answer to a workflow's question is text only"
        )
    if not text.strip():
        raise RequestError.invalid(
            f"{place}.content", "the answer to a workflow's question is empty"
        )
    return text


def _parameters(question: Draft, made: Input) -> Mapping[str, Any]:
    if made.json and question.text.lstrip().startswith("{"):
        try:
            return msgspec.json.decode(question.text, type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError):
            pass  # text that only begins like an object
    return {made.key: question.text} if question.text or not question.items else {}


def _files(items: list[Item], file_ids: Iterator[str]) -> dict[str, Any]:
    by_kind: dict[str, list[str]] = {}
    for item in items:
        id_ = item.file_id or (next(file_ids) if item.attachment else None)
        value = item.url or _encode({"file_id": id_}).decode()
        by_kind.setdefault(item.kind, []).append(value)
    return {kind: found if len(found) > 1 else found[0] for kind, found in by_kind.items()}
