"""What Coze keeps of conversations and chats, asked for and changed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec

from cozeproxy.errors import NOT_FOUND, CozeError, RequestError
from cozeproxy.protocol import kept
from cozeproxy.protocol.kept import ChatDetails, Conversation, Message, Page
from cozeproxy.protocol.request import Call
from cozeproxy.upstream.account import Account

# Coze's code for the id of a message that there is none of.
NO_MESSAGE = 4005

# A bound for a service that never says that it has no more.
MOST_PAGES = 100


class History:
    """Conversations and chats, as one end user's account sees them.

    Where Coze knows no such conversation or chat, its refusal is raised as it is: is_missing()
    tells it from others.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    async def chat(self, conversation_id: str, chat_id: str) -> ChatDetails:
        """Ask for a chat. By GET, as documented: coze-studio knows no other method."""
        query = {"conversation_id": conversation_id, "chat_id": chat_id}
        return kept.read_chat(await self._account.get("/v3/chat/retrieve", query))

    async def steps(self, conversation_id: str, chat_id: str) -> list[Message]:
        """Ask for all messages of a chat's but its question, in no order."""
        query = {"conversation_id": conversation_id, "chat_id": chat_id}
        answer = await self._account.get("/v3/chat/message/list", query)
        return kept.read_page(answer).messages

    async def page(self, call: Call) -> Page:
        """Ask for a page of a conversation's messages."""
        return kept.read_page(await self._account.call("POST", call))

    async def messages(self, conversation_id: str, chat_id: str | None = None) -> list[Message]:
        """Ask for all that was said in a conversation, or in one of its chats, oldest first."""
        found: list[Message] = []
        after: str | None = None
        for _ in range(MOST_PAGES):
            call = kept.list_call(conversation_id, after=after, chat_id=chat_id)
            page = await self.page(call)
            found += page.messages
            after = page.last_id
            if not page.has_more or not after:
                break
        return [message for message in found if message.is_said]

    async def begin(self, call: Call) -> ChatDetails:
        """Have a chat begin that is polled for."""
        return kept.read_chat(await self._account.call("POST", kept.polled(call)))

    async def cancel(self, conversation_id: str, chat_id: str) -> ChatDetails:
        """End a chat that runs."""
        body = msgspec.json.encode({"conversation_id": conversation_id, "chat_id": chat_id})
        return kept.read_chat(await self._account.call("POST", Call("/v3/chat/cancel", {}, body)))

    async def delete_message(self, conversation_id: str, message_id: str) -> None:
        """Take a message out of a conversation."""
        query = {"conversation_id": conversation_id, "message_id": message_id}
        await self._account.call("POST", Call("/v1/conversation/message/delete", query, b"{}"))

    async def delete(self, conversation_id: str) -> None:
        """Delete a conversation."""
        await self._account.call("DELETE", Call(f"/v1/conversations/{conversation_id}", {}, b""))

    async def conversation(self, conversation_id: str) -> Conversation:
        """Ask for a conversation."""
        query = {"conversation_id": conversation_id}
        answer = await self._account.get("/v1/conversation/retrieve", query)
        return kept.read_conversation(answer)

    async def create(self, call: Call) -> Conversation:
        """Make a conversation."""
        return kept.read_conversation(await self._account.call("POST", call))

    async def rename(self, conversation_id: str, name: str) -> None:
        """Give a conversation another name."""
        body = msgspec.json.encode({"name": name})
        await self._account.call("PUT", Call(f"/v1/conversations/{conversation_id}", {}, body))

    async def conversations(self, query: Mapping[str, str]) -> tuple[list[Conversation], bool]:
        """Ask for a page of a bot's conversations, and whether there are more."""
        return kept.read_conversations(await self._account.get("/v1/conversations", query))

    async def message(self, conversation_id: str, message_id: str) -> Message:
        """Ask for a message."""
        query = {"conversation_id": conversation_id, "message_id": message_id}
        answer = await self._account.get("/v1/conversation/message/retrieve", query)
        return kept.read_message(answer)

    async def add(self, call: Call) -> Message:
        """Put a message into a conversation."""
        return kept.read_message(await self._account.call("POST", call))

    async def part(
        self, conversation_id: str, *, order: str, limit: int, after: str | None
    ) -> tuple[list[Message], bool]:
        """Ask for a part of what was said in a conversation, and whether there is more of it."""
        found: list[Message] = []
        for _ in range(MOST_PAGES):
            most = min(limit - len(found), kept.MOST_MESSAGES)
            page = await self.page(
                kept.list_call(conversation_id, order=order, limit=most, after=after)
            )
            found += [message for message in page.messages if message.is_said]
            after = page.last_id
            more = page.has_more and bool(after)
            if not more or len(found) >= limit:
                return found, more
        return found, True

    async def newest(self, conversation_id: str) -> Message | None:
        """Ask for the last message of a conversation."""
        page = await self.page(kept.list_call(conversation_id, order="desc", limit=1))
        return page.messages[0] if page.messages else None


@contextmanager
def finding(error: RequestError, *, message: bool = False) -> Iterator[None]:
    """Raise this error where Coze knows no such conversation or chat, or no such message."""
    try:
        yield
    except CozeError as refusal:
        # The same is the code for a content that Coze does not take.
        if is_missing(refusal) or (message and refusal.code == NO_MESSAGE):
            raise error from refusal
        raise


def is_missing(error: Exception) -> bool:
    """Whether Coze knows no such conversation or chat."""
    return isinstance(error, CozeError) and error.answer == NOT_FOUND
