"""OpenAI's conversations over Coze's: what callers send, and what they get."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from cozeproxy.errors import RequestError
from cozeproxy.protocol import kept
from cozeproxy.protocol.coze import number
from cozeproxy.protocol.messages import Draft, check_drafts, drafts_of, encode_draft, names_of_calls
from cozeproxy.protocol.parsing import parse, unsupported
from cozeproxy.protocol.request import Call, check_meta_data
from cozeproxy.protocol.responses.ids import CONVERSATION, conversation_id, unpack_message_id
from cozeproxy.protocol.responses.messages import (
    Placed,
    check_references,
    in_own_terms,
    messages_of,
)
from cozeproxy.protocol.responses.openai import Item

# Of OpenAI's API.
MOST_ITEMS = 20
# What Coze takes with the creation of a conversation (cozepy 0.20.0), and its name's length.
MOST_AT_FIRST = 16
LONGEST_NAME = 100

Object = dict[str, Any]


class NewConversation(msgspec.Struct):
    """The body of ``POST /v1/conversations``."""

    items: list[Item] | None = None
    metadata: dict[str, str] | None = None
    x_bot_id: str | None = msgspec.field(default=None, name="x-bot-id")


class NewItems(msgspec.Struct):
    """The body of ``POST /v1/conversations/{id}/items``."""

    items: list[Item]


class Changes(msgspec.Struct):
    """The body of ``POST /v1/conversations/{id}``."""

    metadata: dict[str, str] | None = None


_new_decoder = msgspec.json.Decoder(NewConversation)
_items_decoder = msgspec.json.Decoder(NewItems)
_changes_decoder = msgspec.json.Decoder(Changes)


def parse_new(body: bytes) -> NewConversation:
    """Read what a conversation is to begin with, which may be nothing.

    Raises:
        RequestError: it cannot be.
    """
    new = parse(_new_decoder, body or b"{}")
    check_meta_data(new.metadata or {}, "metadata")
    _check_name(new.metadata or {})
    return new


def parse_items(body: bytes) -> list[Item]:
    """Read items that are to be added.

    Raises:
        RequestError: they cannot be.
    """
    items = parse(_items_decoder, body).items
    if not items:
        raise RequestError.invalid("items", "there are none")
    return items


def parse_name(body: bytes) -> str:
    """Read the new name of a conversation: all that Coze lets one change.

    Raises:
        RequestError: it is something else that is to be changed.
    """
    metadata = parse(_changes_decoder, body).metadata or {}
    if metadata.keys() != {"name"}:
        reason = "Coze can only rename a conversation, so it may have 'name' and nothing else"
        raise unsupported("metadata", reason, value=True)
    _check_name(metadata)
    return metadata["name"]


def drafts_in(items: Sequence[Item]) -> list[Draft]:
    """Read items as messages of Coze's, one for each that Coze can keep.

    Coze has no kind for system text, calls and their outputs: they are kept as text. Reasoning is
    not kept.

    Raises:
        RequestError: one of them cannot be; ``param`` names the place.
    """
    if len(items) > MOST_ITEMS:
        raise RequestError.invalid("items", f"at most {MOST_ITEMS} at a time")
    each = [(f"items[{i}]", item) for i, item in enumerate(items)]
    check_references(each)
    # One by one, as each is an item that can be deleted.
    placed = [found for one in each for found in messages_of([one])]
    try:
        drafts = list(_drafts(placed))
        if items and not drafts:
            raise RequestError.invalid("items", "there is nothing in them that Coze can keep")
        check_drafts(drafts)
    except RequestError as error:
        raise in_own_terms(error, [place for _, place in placed], "items") from error
    return drafts


def conversation_of(found: kept.Conversation) -> Object:
    """A conversation. Its name is a part of its metadata, as OpenAI has no other place for it."""
    metadata = {**(found.meta_data or {}), **({"name": found.name} if found.name else {})}
    return {
        "id": CONVERSATION + str(found.id),
        "object": "conversation",
        "created_at": number(found.created_at) or 0,
        "metadata": metadata,
    }


def read_id(text: str) -> str:
    """Coze's id of a conversation.

    Raises:
        RequestError: it is none.
    """
    found = conversation_id(text)
    if found is None:
        raise not_found(text)
    return found


def not_found(id_: str) -> RequestError:
    """The error for a conversation that there is none of."""
    return RequestError(f"Conversation with id '{id_[:200]}' not found.", status=404)


def message_id(item: str, conversation: str) -> str:
    """Coze's id of an item of a conversation.

    Raises:
        RequestError: it is none.
    """
    found = unpack_message_id(item)
    if found is None or found.conversation_id != conversation:
        raise no_item(item)
    return found.message_id


def place_of(item: str, conversation: str) -> str:
    """Coze's id of the item that a page comes after.

    Raises:
        RequestError: it is none.
    """
    try:
        return message_id(item, conversation)
    except RequestError as error:
        raise RequestError.invalid("after", "there is no such item in the conversation") from error


def no_item(id_: str) -> RequestError:
    """The error for an item that there is none of."""
    return RequestError(f"Item with id '{id_[:500]}' not found.", status=404)


def create_call(new: NewConversation, bot_id: str | None, messages: Sequence[Any]) -> Call:
    """Make a conversation."""
    metadata = dict(new.metadata or {})
    body = {
        "bot_id": bot_id,
        "name": metadata.pop("name", None),
        "meta_data": metadata or None,
        "messages": list(messages) or None,
    }
    given = {name: value for name, value in body.items() if value is not None}
    return Call("/v1/conversation/create", {}, msgspec.json.encode(given))


def add_call(conversation: str, message: Mapping[str, str]) -> Call:
    """Put a message into a conversation; it has no type there."""
    body = {name: message[name] for name in ("role", "content", "content_type")}
    query = {"conversation_id": conversation}
    return Call("/v1/conversation/message/create", query, msgspec.json.encode(body))


def coze_messages(drafts: Sequence[Draft], file_ids: Iterator[str]) -> list[dict[str, str]]:
    """The messages, with Coze's ids of their files."""
    return [encode_draft(draft, file_ids) for draft in drafts]


def _drafts(placed: Sequence[Placed]) -> Iterator[Draft]:
    names = names_of_calls([message for message, _ in placed])
    for i, (message, _) in enumerate(placed):
        if message.role in ("system", "developer"):
            message.role = "user"
        found = list(drafts_of(message, f"messages[{i}]", names))
        if not found:
            raise RequestError.invalid(f"messages[{i}]", "there is nothing in it")
        yield from found


def _check_name(metadata: Mapping[str, str]) -> None:
    if len(metadata.get("name", "")) > LONGEST_NAME:
        raise RequestError.invalid("metadata", f"'name' has at most {LONGEST_NAME} characters")
