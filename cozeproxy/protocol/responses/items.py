"""The messages that Coze keeps as OpenAI's items."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from cozeproxy.protocol.kept import Message
from cozeproxy.protocol.response import SEPARATOR
from cozeproxy.protocol.responses.ids import MessageId
from cozeproxy.protocol.responses.openai import Item, Part
from cozeproxy.protocol.responses.response import Object, output_text

_BETWEEN_ANSWERS: str = msgspec.json.decode(SEPARATOR)


class _Content(msgspec.Struct):
    """One item of an ``object_string``."""

    type: str = ""
    text: str | None = None
    file_id: str | None = None
    file_url: str | None = None


_contents_decoder = msgspec.json.Decoder(list[_Content])


class Added(NamedTuple):
    """How many characters of a question's text are not the caller's."""

    before: int = 0
    after: int = 0

    def taken_off(self, text: str) -> str:
        """The text without them."""
        return text[self.before : len(text) - self.after]


NOTHING = Added()


def item_of(message: Message, conversation_id: str, added: Added = NOTHING) -> Object:
    """A message as an item of a conversation, or of a response's input."""
    return {
        "type": "message",
        "id": MessageId(conversation_id, str(message.id)).pack(),
        "status": "completed",
        "role": "assistant" if message.is_answer else "user",
        "content": _content(message, added),
    }


def chat_message_of(message: Message, conversation_id: str) -> Object:
    """A message as chat completions have it, with the id that it has as an item beside it."""
    role = "assistant" if message.is_answer else "user"
    contents = _contents(message)
    content: str | list[Object] = message.content or ""
    if message.content_type == "object_string" and not message.is_answer:
        content = [_chat_part(each) for each in contents]
    id_ = MessageId(conversation_id, str(message.id)).pack()
    return {"id": id_, "role": role, "content": content}


def _chat_part(content: _Content) -> Object:
    if content.type == "text":
        return {"type": "text", "text": content.text or ""}
    if content.type == "image":
        where = {"url": content.file_url} if content.file_url else {"file_id": content.file_id}
        return {"type": "image_url", "image_url": where}
    where = {"file_url": content.file_url} if content.file_url else {"file_id": content.file_id}
    return {"type": "file", "file": where}


def input_of(messages: Sequence[Message]) -> Item:
    """What was said as an item of a request's input: a question, or the answers of one turn."""
    first = messages[0]
    if first.is_answer:
        texts = (message.content or "" for message in messages)
        return Item(role="assistant", content=_BETWEEN_ANSWERS.join(texts))
    return Item(role="user", content=msgspec.convert(_content(first, NOTHING), list[Part]))


def text_of(message: Message) -> str:
    """The text of a message, which may have files beside it."""
    return "\n".join(content.text for content in _contents(message) if content.text)


def is_empty(item: Object) -> bool:
    """Whether nothing is left of a message."""
    return not item["content"]


def _content(message: Message, added: Added) -> list[Object]:
    if message.is_answer:
        return [output_text(message.content or "")]
    return [part for content in _contents(message) for part in _parts(content, added)]


def _contents(message: Message) -> list[_Content]:
    if message.content_type == "object_string":
        try:
            return _contents_decoder.decode(message.content or "")
        except msgspec.MsgspecError:
            pass  # shown as it is
    return [_Content("text", message.content)]


def _parts(content: _Content, added: Added) -> list[Object]:
    """The parts of one content: none where nothing of it is the caller's."""
    if content.type == "text":
        text = added.taken_off(content.text or "")
        return [{"type": "input_text", "text": text}] if text else []
    where: dict[str, Any] = {"file_id": content.file_id}
    if content.type == "image":
        return [{"type": "input_image", "detail": "auto", "image_url": content.file_url, **where}]
    if content.file_url:
        where["file_url"] = content.file_url
    return [{"type": "input_file", **where}]
