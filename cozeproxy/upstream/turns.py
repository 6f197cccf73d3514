"""Responses that Coze keeps: found again, cancelled, deleted."""

import asyncio
from collections.abc import Sequence

import msgspec

from cozeproxy.errors import CozeError, RequestError
from cozeproxy.protocol.kept import ChatDetails, Message
from cozeproxy.protocol.responses.again import RUNNING, Turn
from cozeproxy.protocol.responses.ids import ResponseId, unpack_response_id
from cozeproxy.upstream.history import History, finding

# Coze's code for a chat that has ended already, and coze-studio's.
CANNOT_CANCEL = (4104, 103200005)
# Messages that are deleted at a time.
AT_A_TIME = 8


def read_id(text: str) -> ResponseId:
    """Read the id of a response that may be kept.

    Raises:
        RequestError: there is no such response, or nothing of it is kept.
    """
    found = unpack_response_id(text)
    if found is None:
        raise not_found(text)
    if found.kind == "workflow":
        raise not_found(text, " What ran as a workflow is not kept by Coze.")
    return found


def not_found(id_: str, reason: str = "") -> RequestError:
    """The error for a response that there is none of."""
    return RequestError(f"Response with id '{id_[:1000]}' not found.{reason}", status=404)


async def find(id_: ResponseId, history: History) -> Turn:
    """Find a response.

    Raises:
        RequestError: Coze does not keep it, or no longer.
        UpstreamError: Coze refused, or cannot be reached.
    """
    ids = (id_.conversation_id, id_.chat_id)
    with finding(not_found(id_.pack())):
        chat, steps, said = await asyncio.gather(
            history.chat(*ids), history.steps(*ids), history.messages(*ids)
        )
    turn = Turn(id_, chat, steps, said)
    if _is_another_bots(chat, id_) or turn.is_deleted:
        raise not_found(id_.pack())
    return turn


async def cancel(id_: ResponseId, history: History) -> Turn:
    """End a response that is still being made.

    Raises:
        RequestError: there is no such response, or it has ended.
        UpstreamError: Coze refused, or cannot be reached.
    """
    turn = await find(id_, history)
    if turn.chat.status not in RUNNING:
        raise _ended()
    try:
        with finding(not_found(id_.pack())):
            cancelled = await history.cancel(id_.conversation_id, id_.chat_id)
    except CozeError as error:
        if error.code in CANNOT_CANCEL:
            raise _ended() from error
        raise
    # Of the rest of the chat the answer may know nothing.
    chat = msgspec.structs.replace(turn.chat, status=cancelled.status)
    return turn._replace(chat=chat)


async def delete(id_: ResponseId, history: History) -> None:
    """Take a response out of its conversation, or the conversation with it if that is all.

    Raises:
        RequestError: there is no such response, or it is still being made.
        UpstreamError: Coze refused, or cannot be reached.
    """
    turn = await find(id_, history)
    if turn.chat.status in RUNNING:
        raise RequestError(
            "A response that is still being made cannot be deleted. Cancel it first."
        )
    with finding(not_found(id_.pack()), message=True):
        everything = await history.messages(id_.conversation_id)
        own = [message for message in everything if str(message.chat_id) == id_.chat_id]
        if len(own) == len(everything) and not id_.lasting:
            await history.delete(id_.conversation_id)
        else:
            await _delete_all(id_.conversation_id, own, history)


async def _delete_all(conversation: str, messages: Sequence[Message], history: History) -> None:
    few = asyncio.Semaphore(AT_A_TIME)

    async def delete_one(message: Message) -> None:
        async with few:
            await history.delete_message(conversation, str(message.id))

    await asyncio.gather(*map(delete_one, messages))


def _is_another_bots(chat: ChatDetails, id_: ResponseId) -> bool:
    """Whether the id names a bot that is not the chat's: it was not given out like that."""
    return bool(chat.bot_id and id_.bot_id) and str(chat.bot_id) != id_.bot_id


def _ended() -> RequestError:
    return RequestError("Only a response that is still being made can be cancelled.")
