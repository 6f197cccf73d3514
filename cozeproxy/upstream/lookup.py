"""What a request for a response refers to, looked up at Coze.

Nothing is remembered here: what a response was, is in its id, and what was said, is in Coze.
"""

import asyncio
from collections.abc import Container, Iterable, Iterator

from cozeproxy.errors import CozeError, RequestError
from cozeproxy.protocol import steps
from cozeproxy.protocol.kept import Message
from cozeproxy.protocol.responses.ids import MessageId, ResponseId, unpack_message_id
from cozeproxy.protocol.responses.items import input_of
from cozeproxy.protocol.responses.openai import Item, ResponsesRequest
from cozeproxy.protocol.responses.past import Known, Past, not_found
from cozeproxy.upstream.history import History, is_missing

# Some clients refer to each answer of a long history, and each may be in a conversation of its own.
# Coze takes no more messages than these.
MOST_CONVERSATIONS = 100
AT_A_TIME = 8


async def look_up(
    request: ResponsesRequest, previous: ResponseId | None, history: History
) -> Known:
    """Look up what a request refers to.

    Raises:
        RequestError: there is no such thing.
        UpstreamError: Coze refused, or cannot be reached.
    """
    items = await _resolved(list(request.placed_items()), history)
    if previous is None:
        return Known(items)
    if previous.kind == "workflow":
        return Known(items, Past(previous))
    try:
        past = await _past(previous, history)
    except CozeError as error:
        if not is_missing(error):
            raise
        past = None
    if past is None:
        raise not_found(request.previous_response_id or "")
    return Known(items, past)


async def _past(id_: ResponseId, history: History) -> Past | None:
    """What a request goes on from that names a response; None where that is not kept.

    The conversation goes on in place where nothing has followed the response. Else what was said up
    to the response begins a new one.
    """
    newest, legs = await asyncio.gather(history.newest(id_.conversation_id), _legs(id_, history))
    calls = [call for _, call in steps.calls_in(legs[id_.leg])] if id_.leg < len(legs) else []
    names = [call.api_name or call.name for call in calls]
    if newest and str(newest.chat_id) == id_.chat_id and id_.leg >= len(legs) - 1:
        return Past(id_, waits=bool(calls), names=names)
    messages = await history.messages(id_.conversation_id)
    last = max((i for i, m in enumerate(messages, 1) if str(m.chat_id) == id_.chat_id), default=0)
    if not last:
        return None
    later = {str(message.id) for leg in legs[id_.leg + 1 :] for message in leg}
    replayed = [steps.sent_again(m) for m in messages[:last] if str(m.id) not in later]
    replayed += map(steps.told_again, calls)
    return Past(id_, replayed, waits=False, names=names)


async def _legs(id_: ResponseId, history: History) -> list[list[Message]]:
    if id_.kind == "chatflow":
        # Its chats wait for no tools (docs.coze.cn, workflow_chat).
        return [[]]
    return steps.legs(await history.steps(id_.conversation_id, id_.chat_id))


async def _resolved(items: list[tuple[str, Item]], history: History) -> list[tuple[str, Item]]:
    """The items, with what they refer to in place of references, as far as that is kept."""
    referred = {place: id_ for place, item in items if (id_ := _referred(item))}
    wanted = {id_._replace(part=0) for id_ in referred.values()}
    conversations = {id_.conversation_id for id_ in wanted}
    if len(conversations) > MOST_CONVERSATIONS:
        raise RequestError.invalid(
            "input", f"its references lead to more than {MOST_CONVERSATIONS} conversations"
        )
    few = asyncio.Semaphore(AT_A_TIME)

    async def said_in(conversation: str) -> dict[MessageId, Item]:
        async with few:
            return dict(_found(conversation, await _messages(conversation, history), wanted))

    found: dict[MessageId, Item] = {}
    for listed in await asyncio.gather(*map(said_in, conversations)):
        found |= listed
    # The part of each message that stands for all of it: the first one that is referred to.
    first: dict[MessageId, int] = {}

    def in_place_of(item: Item, referred: MessageId) -> Item:
        whole = referred._replace(part=0)
        if first.setdefault(whole, referred.part) != referred.part and whole in found:
            return Item("reasoning")
        return found.get(whole, item)

    return [
        (place, in_place_of(item, referred[place]) if place in referred else item)
        for place, item in items
    ]


async def _messages(conversation: str, history: History) -> list[Message]:
    try:
        return await history.messages(conversation)
    except CozeError as error:
        if not is_missing(error):
            raise
        return []


def _found(
    conversation: str, messages: list[Message], wanted: Container[MessageId]
) -> Iterator[tuple[MessageId, Item]]:
    """What was said under the wanted ids: several answers of one turn have the first one's."""
    for i, message in enumerate(messages):
        id_ = MessageId(conversation, str(message.id))
        if id_ in wanted:
            yield id_, input_of([message, *_rest_of_turn(conversation, messages[i:], wanted)])


def _rest_of_turn(
    conversation: str, messages: list[Message], wanted: Container[MessageId]
) -> Iterable[Message]:
    first, *others = messages
    for message in others:
        same = message.is_answer and first.is_answer and message.chat_id == first.chat_id
        if not same or MessageId(conversation, str(message.id)) in wanted:
            return
        yield message


def _referred(item: Item) -> MessageId | None:
    return unpack_message_id(item.id or "") if item.kind == "item_reference" else None
