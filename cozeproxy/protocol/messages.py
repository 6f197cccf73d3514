"""OpenAI's messages as Coze's.

Coze knows two roles, user and assistant, and takes a message's kind from ``type``: history written
by the bot must say ``answer``, as the default is ``question``. The last message is the question,
those before it are context. A message with files is an ``object_string``: a JSON array, as text,
with at most one text item, and never text alone (docs.coze.cn, chat_v3).

What Coze has no role for must not be lost: system text goes in front of the first question, and
what tools were called with and said stays as text.
"""

from collections.abc import Iterator, Sequence

import msgspec

from cozeproxy.errors import RequestError
from cozeproxy.protocol.attachments import Attachment, Item, read_part
from cozeproxy.protocol.openai import ChatRequest, Message

# Coze answers more with code 4004.
MAX_MESSAGES = 100

SYSTEM = ("system", "developer")

_JSON_DEMAND = "Answer with one valid JSON value and nothing else."
_SCHEMA_DEMAND = "It must match this JSON Schema: "


class Draft(msgspec.Struct):
    """A message on its way to Coze: its text, and what stands beside it."""

    role: str
    text: str
    items: list[Item] = []

    @property
    def attachments(self) -> list[Attachment]:
        """The files that must be uploaded before the message can be sent, in their order."""
        return [item.attachment for item in self.items if item.attachment]


class Turn(msgspec.Struct):
    """What goes to Coze for one request, oldest first.

    Attributes:
        drafts: the messages of the request.
        left_out: how many of the oldest were too many.
        before: how many characters were put in front of the first question.
        after: how many were put behind the last message.
        replayed: messages of an earlier conversation, as Coze has given them, which come first.
    """

    drafts: list[Draft]
    left_out: int = 0
    before: int = 0
    after: int = 0
    replayed: Sequence[dict[str, str]] = ()

    def replay(self, messages: Sequence[dict[str, str]], most: int) -> None:
        """Put messages of an earlier conversation first, as far as Coze takes so many in all."""
        room = max(most - len(self.drafts), 0)
        left_out = max(len(messages) - room, 0)
        self.replayed = messages[left_out:]
        self.left_out += left_out

    @property
    def attachments(self) -> list[Attachment]:
        """The files that must be uploaded before the turn can be sent, in their order."""
        return [attachment for draft in self.drafts for attachment in draft.attachments]


def read_turn(request: ChatRequest, *, continues: bool) -> Turn:
    """Read the messages that Coze needs.

    Args:
        request: whose messages they are.
        continues: Coze holds the conversation so far. Then what stands before and in the last
            answer is known there, and so is the system text: sending them again would double them.

    Raises:
        RequestError: a message cannot be sent to Coze; ``param`` names the place.
    """
    messages = request.messages
    start = 0
    if continues:
        start = max((i for i, m in enumerate(messages, 1) if m.role == "assistant"), default=0)
    names = names_of_calls(messages)
    drafts = [
        draft
        for i, message in enumerate(messages)
        if i >= start
        for draft in drafts_of(message, f"messages[{i}]", names)
    ]
    system = "" if start else _system_text(messages)
    kept = drafts[-_room(drafts, system, request) :]
    turn = Turn(kept, len(drafts) - len(kept))
    if system:
        turn.before = _fold_system(kept, system)
    if not kept:
        reason = (
            "there is nothing new after the last answer" if start else "there is no text in them"
        )
        raise RequestError.invalid("messages", reason)
    if request.wants_json:
        turn.after = _fold_json_demand(kept, request)
    check_drafts(kept)
    return turn


def coze_messages(turn: Turn, file_ids: Iterator[str]) -> list[dict[str, str]]:
    """Build Coze's ``additional_messages``.

    Args:
        turn: the messages.
        file_ids: Coze's ids of the turn's attachments, in their order.
    """
    return [*turn.replayed, *(encode_draft(draft, file_ids) for draft in turn.drafts)]


def text_of(message: Message) -> str:
    """A message's text: its text parts, a line each, or the refusal that stands in its place."""
    content = message.content
    if isinstance(content, list):
        content = "\n".join(filter(None, (part.text or part.refusal for part in content)))
    return content or message.refusal or ""


def items_of(message: Message, place: str) -> Iterator[Item]:
    """The parts of a message that are not text.

    Raises:
        RequestError: a part is not what its type says, or is not the user's.
    """
    for j, part in enumerate(message.content if isinstance(message.content, list) else ()):
        if part.type in ("text", "refusal"):
            continue
        if message.role != "user":
            param = f"{place}.content[{j}].type"
            raise RequestError(
                f"Invalid '{param}': only user messages may have '{part.type}'.",
                param=param,
                code="invalid_value",
            )
        yield read_part(part, f"{place}.content[{j}]")


def drafts_of(message: Message, place: str, names: dict[str, str]) -> Iterator[Draft]:
    """What a message becomes: nothing, if it is empty or system text, which is folded.

    Raises:
        RequestError: it cannot be sent to Coze; ``place`` is where it stands.
    """
    text = text_of(message)
    items = list(items_of(message, place))
    if message.role == "user":
        if text or items:
            yield Draft("user", text, items)
    elif message.role == "assistant":
        text = "\n".join(filter(None, [text, *_calls(message)]))
        if text:
            yield Draft("assistant", text)
    elif message.role not in SYSTEM:
        name = names.get(message.tool_call_id or "") or message.name or message.tool_call_id
        yield Draft("user", f"[Result of {name or 'a tool'}] {text}")


def _calls(message: Message) -> list[str]:
    functions = [called for call in message.tool_calls or () if (called := call.called)]
    if message.function_call:
        functions.append(message.function_call)
    return [f"[Call of {f.name}] {f.arguments or ''}".rstrip() for f in functions]


def names_of_calls(messages: list[Message]) -> dict[str, str]:
    """The names of the tools that were called, by the ids of the calls."""
    calls = [call for message in messages for call in message.tool_calls or ()]
    return {call.id: called.name for call in calls if call.id and (called := call.called)}


def _system_text(messages: list[Message]) -> str:
    return _paragraphs(*(text_of(m) for m in messages if m.role in SYSTEM))


def _room(drafts: list[Draft], system: str, request: ChatRequest) -> int:
    """How many messages Coze can be sent, beside one that folding may have to add."""
    if system and not any(draft.role == "user" for draft in drafts[-MAX_MESSAGES:]):
        return MAX_MESSAGES - 1  # the JSON demand finds its place there, too
    if request.wants_json and drafts and drafts[-1].role != "user":
        return MAX_MESSAGES - 1
    return MAX_MESSAGES


def _fold_system(drafts: list[Draft], folded: str) -> int:
    """Put system text in front of the first question, and tell how many characters that took."""
    first = next((draft for draft in drafts if draft.role == "user"), None)
    if first is None:
        drafts.append(Draft("user", folded))
        return len(folded)
    own = len(first.text)
    first.text = _paragraphs(folded, first.text)
    return len(first.text) - own


def _fold_json_demand(drafts: list[Draft], request: ChatRequest) -> int:
    """Put the demand behind the last message, and tell how many characters that took."""
    demand = _JSON_DEMAND
    schema = request.response_format and request.response_format.json_schema
    if schema:
        # OpenAI wraps the schema in an object with its name; the bare schema is what matters.
        demand += f" {_SCHEMA_DEMAND}{msgspec.json.encode(schema.get('schema', schema)).decode()}"
    last = drafts[-1]
    if last.role != "user":
        drafts.append(Draft("user", demand))
        return len(demand)
    own = len(last.text)
    last.text = _paragraphs(last.text, demand)
    return len(last.text) - own


def _paragraphs(*texts: str) -> str:
    return "\n\n".join(filter(None, texts))


def check_drafts(drafts: list[Draft]) -> None:
    """Refuse what Coze answers with code 4000: files without any text, here or beside them.

    Raises:
        RequestError: there are such files.
    """
    for i, draft in enumerate(drafts):
        beside = drafts[max(0, i - 1) : i] + drafts[i + 1 : i + 2]
        if not draft.text and not any(other.text and not other.items for other in beside):
            raise RequestError.invalid("messages", "an image or a file needs a text part beside it")


def encode_draft(draft: Draft, file_ids: Iterator[str]) -> dict[str, str]:
    """A message as Coze takes it; ``file_ids`` are those of all attachments from here on."""
    kind = "question" if draft.role == "user" else "answer"
    if not draft.items:
        return {"role": draft.role, "type": kind, "content_type": "text", "content": draft.text}
    array = [{"type": "text", "text": draft.text}] if draft.text else []
    for item in draft.items:
        if item.url:
            array.append({"type": item.kind, "file_url": item.url})
        else:
            array.append({"type": item.kind, "file_id": item.file_id or next(file_ids)})
    content = msgspec.json.encode(array).decode()
    return {"role": draft.role, "type": kind, "content_type": "object_string", "content": content}
