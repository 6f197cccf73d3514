"""What Coze keeps: conversations, chats and messages, as its calls give them.

Shapes are those of cozepy 0.20.0 and of the official documentation (docs.coze.cn: retrieve_chat,
list_chat_messages, list_message, create_conversation); coze-studio puts the same under other names.
"""

from typing import NamedTuple, TypeVar

import msgspec

from cozeproxy.errors import UpstreamBrokenError
from cozeproxy.protocol.coze import Chat
from cozeproxy.protocol.request import Call

T = TypeVar("T")

# As many as Coze gives at a time.
MOST_MESSAGES = 50


class Message(msgspec.Struct, omit_defaults=True):
    """A message. Times are numbers or texts, depending on the call."""

    id: str | int = ""
    role: str | None = None
    type: str | None = None
    content: str | None = None
    content_type: str | None = None
    reasoning_content: str | None = None
    chat_id: str | int | None = None
    created_at: int | str | None = None

    @property
    def is_said(self) -> bool:
        """Whether it is a question or an answer; what was put in by hand has no type."""
        return self.type in ("question", "answer", "", None)

    @property
    def is_answer(self) -> bool:
        """Whether the bot has said it, or is said to have."""
        return self.role == "assistant"


class Page(NamedTuple):
    """A part of a list, and whether there is more of it."""

    messages: list[Message]
    has_more: bool
    last_id: str


class Conversation(msgspec.Struct):
    """A conversation."""

    id: str | int
    name: str | None = None
    meta_data: dict[str, str] | None = None
    created_at: int | str | None = None


class ChatDetails(Chat):
    """A chat, with what its events are not read for."""

    bot_id: str | int | None = None
    created_at: int | str | None = None
    completed_at: int | str | None = None
    meta_data: dict[str, str] | None = None


class _Messages(msgspec.Struct):
    data: list[Message] | None = None
    # coze-studio's.
    Messages: list[Message] | None = None
    has_more: bool | None = None
    last_id: str | int | None = None


class _Message(msgspec.Struct):
    data: Message | None = None


class _Conversation(msgspec.Struct):
    data: Conversation | None = None
    ConversationData: Conversation | None = None


class _ConversationList(msgspec.Struct):
    conversations: list[Conversation] | None = None
    has_more: bool | None = None


class _Conversations(msgspec.Struct):
    data: _ConversationList | None = None


class _Chat(msgspec.Struct):
    data: ChatDetails | None = None
    ChatV3ChatDetail: ChatDetails | None = None


_messages_decoder = msgspec.json.Decoder(_Messages)
_message_decoder = msgspec.json.Decoder(_Message)
_conversation_decoder = msgspec.json.Decoder(_Conversation)
_conversations_decoder = msgspec.json.Decoder(_Conversations)
_chat_decoder = msgspec.json.Decoder(_Chat)


def read_page(body: bytes) -> Page:
    """Read a list of messages; Coze leaves an empty one out at times."""
    answer = _decode(_messages_decoder, body)
    messages = answer.data or answer.Messages or []
    return Page(messages, bool(answer.has_more), str(answer.last_id or ""))


def read_message(body: bytes) -> Message:
    """Read one message."""
    return _there(_decode(_message_decoder, body).data)


def read_conversation(body: bytes) -> Conversation:
    """Read one conversation."""
    answer = _decode(_conversation_decoder, body)
    return _there(answer.data or answer.ConversationData)


def read_conversations(body: bytes) -> tuple[list[Conversation], bool]:
    """Read a list of conversations, and whether there is more of it."""
    listed = _decode(_conversations_decoder, body).data or _ConversationList()
    return listed.conversations or [], bool(listed.has_more)


def read_chat(body: bytes) -> ChatDetails:
    """Read one chat."""
    answer = _decode(_chat_decoder, body)
    return _there(answer.data or answer.ChatV3ChatDetail)


def polled(call: Call) -> Call:
    """The call of a chat whose answer nobody waits for: it is polled for."""
    body = msgspec.json.decode(call.body)
    return call._replace(body=msgspec.json.encode({**body, "stream": False}))


def list_call(
    conversation_id: str,
    *,
    order: str = "asc",
    limit: int = MOST_MESSAGES,
    after: str | None = None,
    chat_id: str | None = None,
) -> Call:
    """Ask for a page of a conversation's messages: questions and answers."""
    body = {"order": order, "limit": limit, "after_id": after, "chat_id": chat_id}
    given = {name: value for name, value in body.items() if value is not None}
    query = {"conversation_id": conversation_id}
    return Call("/v1/conversation/message/list", query, msgspec.json.encode(given))


def _decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamBrokenError("Coze sent an answer that cannot be read.") from error


def _there(found: T | None) -> T:
    if found is None:
        raise UpstreamBrokenError("Coze sent an answer with nothing in it.")
    return found
