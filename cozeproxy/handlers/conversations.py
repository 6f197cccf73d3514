"""``/v1/conversations``: OpenAI's Conversations API over Coze's, and two calls beyond it."""

from collections.abc import Mapping, Sequence

from cozeproxy.errors import RequestError, ServiceError
from cozeproxy.handlers.access import ForbiddenError
from cozeproxy.handlers.asking import AskingHandler
from cozeproxy.protocol import conversations as conversing
from cozeproxy.protocol.conversations import conversation_of, drafts_in, read_id
from cozeproxy.protocol.kept import Message
from cozeproxy.protocol.messages import Draft
from cozeproxy.protocol.paging import Paging, page
from cozeproxy.protocol.responses.items import chat_message_of, item_of
from cozeproxy.protocol.routing import checked_id
from cozeproxy.upstream.history import History, finding

# As many as Coze lists at a time.
MOST_LISTED = 50
MOST_PAGE = 100_000


class ConversationHandler(AskingHandler):
    """What the endpoints of one conversation have in common."""

    def history(self) -> History:
        """Conversations as the end user sees them."""
        return History(self.account(self.end_user()))

    async def write_conversation(self, text: str) -> None:
        """Answer with a conversation as it is by now."""
        with finding(conversing.not_found(text)):
            self.write_json(conversation_of(await self.history().conversation(read_id(text))))

    async def messages_of(self, drafts: Sequence[Draft]) -> list[dict[str, str]]:
        """Coze's messages, once their files have been uploaded."""
        files = [attachment for draft in drafts for attachment in draft.attachments]
        account = self.account(self.end_user())
        ids = await self.context.uploader.upload(account, files) if files else []
        return conversing.coze_messages(drafts, iter(ids))

    async def add(
        self, id_: str, messages: Sequence[Mapping[str, str]], *, begun: bool = False
    ) -> list[Message]:
        """Put messages into a conversation, which Coze takes one by one.

        Args:
            id_: Coze's id of the conversation.
            messages: as Coze has them.
            begun: something of the request has been done before.

        Raises:
            ServiceError: one of them could not be put there; those before it are.
        """
        history = self.history()
        added: list[Message] = []
        try:
            for message in messages:
                added.append(await history.add(conversing.add_call(id_, message)))  # noqa: PERF401
        except ServiceError as error:
            # What is there already would be there twice after a resend, and so may this one.
            error.accepted = error.accepted or begun or bool(added) or error.is_unsure
            raise
        return added


class ConversationsHandler(ConversationHandler):
    """All conversations."""

    @property
    def is_list(self) -> bool:
        """Whether it is the list that is asked for, which is for the owner alone."""
        return self.request.method == "GET"

    @property
    def shares_with_pages(self) -> bool:  # type: ignore[override]
        """No page of another origin may read the list."""
        return not self.is_list

    def admit(self) -> None:
        """Let the caller in, or the owner.

        A caller that brings its own token of Coze's sees what that token shows.
        """
        if self.is_list and self.context.credentials:
            self.context.guard.check(self.request)
        else:
            super().admit()

    async def get(self) -> None:
        """List the conversations of a bot, whoever's they are."""
        asked = Paging.of(self.query(), MOST_LISTED)
        query = self.query()
        if query.get("after"):
            # Ignored, it would lead to the first page again and again.
            raise RequestError.invalid("after", "Coze counts the pages of this list, by 'page'")
        bot = checked_id(query.get("bot_id"), "bot_id") or self.context.rules.defaults.bot_id
        number = query.get("page") or "1"
        if not bot:
            raise RequestError.invalid("bot_id", "Coze lists the conversations of one bot")
        if not number.isdecimal() or not 1 <= int(number) <= MOST_PAGE:
            raise RequestError.invalid("page", "pages are counted from 1 on")
        history = History(self.account(self.request.headers.get("x-user-id")))
        found, more = await history.conversations(
            {
                "bot_id": bot,
                "page_num": number,
                "page_size": str(asked.limit),
                "sort_order": asked.order.upper(),
            }
        )
        self.write_json(page(list(map(conversation_of, found)), has_more=more))

    async def post(self) -> None:
        """Make a conversation, with what was said before or without."""
        with self.context.load.entered():
            await self._make(*await self.read_body(_new))

    async def _make(self, new: conversing.NewConversation, drafts: Sequence[Draft]) -> None:
        bot = self._bot(new)
        messages = await self.messages_of(drafts)
        first, others = messages[: conversing.MOST_AT_FIRST], messages[conversing.MOST_AT_FIRST :]
        made = await self.history().create(conversing.create_call(new, bot, first))
        await self.add(str(made.id), others, begun=True)
        self.write_json(conversation_of(made))

    def _bot(self, new: conversing.NewConversation) -> str | None:
        """The bot whose list the conversation will be in; any bot can go on with it."""
        named = checked_id(self.request.headers.get("x-bot-id") or new.x_bot_id, "x-bot-id")
        if named:
            self.context.keys.check(self.key, [named])
            return named
        default = self.context.rules.defaults.bot_id
        try:
            self.context.keys.check(self.key, [default] if default else [])
        except ForbiddenError:
            return None
        return default


class OneConversationHandler(ConversationHandler):
    """``/v1/conversations/{id}``."""

    async def get(self, text: str) -> None:
        """Give it."""
        await self.write_conversation(text)

    async def post(self, text: str) -> None:
        """Rename it."""
        id_ = read_id(text)
        name = await self.read_body(_name)
        with finding(conversing.not_found(text)):
            await self.history().rename(id_, name)
        await self.write_conversation(text)

    async def delete(self, text: str) -> None:
        """Delete it."""
        with finding(conversing.not_found(text)):
            await self.history().delete(read_id(text))
        self.write_json({"id": text, "object": "conversation.deleted", "deleted": True})


class SaidHandler(ConversationHandler):
    """A list of what was said in a conversation."""

    async def part(self, text: str, asked: Paging) -> tuple[list[Message], bool]:
        """A part of it, and whether there is more."""
        id_ = read_id(text)
        after = conversing.place_of(asked.after, id_) if asked.after else None
        with finding(conversing.not_found(text)):
            return await self.history().part(id_, order=asked.order, limit=asked.limit, after=after)


class ItemsHandler(SaidHandler):
    """``/v1/conversations/{id}/items``."""

    async def get(self, text: str) -> None:
        """List what was said."""
        id_ = read_id(text)
        found, more = await self.part(text, Paging.of(self.query()))
        self.write_json(page([item_of(message, id_) for message in found], has_more=more))

    async def post(self, text: str) -> None:
        """Add to what was said."""
        id_ = read_id(text)
        with self.context.load.entered(), finding(conversing.not_found(text)):
            messages = await self.messages_of(await self.read_body(_items))
            added = await self.add(id_, messages)
        self.write_json(page([item_of(message, id_) for message in added], has_more=False))


class HistoryHandler(SaidHandler):
    """``GET /v1/conversations/{id}/history``: what was said, as messages of chat completions."""

    async def get(self, text: str) -> None:
        """List it, from the first message on unless told otherwise."""
        id_ = read_id(text)
        asked = Paging.of({"order": "asc", "limit": "100", **self.query()})
        found, more = await self.part(text, asked)
        listed = [chat_message_of(message, id_) for message in found]
        self.write_json(page(listed, has_more=more))


class ItemHandler(ConversationHandler):
    """``/v1/conversations/{id}/items/{item}``."""

    async def get(self, text: str, item: str) -> None:
        """Give it."""
        id_ = read_id(text)
        place = conversing.message_id(item, id_)
        with finding(conversing.no_item(item), message=True):
            self.write_json(item_of(await self.history().message(id_, place), id_))

    async def delete(self, text: str, item: str) -> None:
        """Delete it; the answer is the conversation."""
        id_ = read_id(text)
        place = conversing.message_id(item, id_)
        with finding(conversing.no_item(item), message=True):
            await self.history().delete_message(id_, place)
        await self.write_conversation(text)


def _new(pieces: list[bytes]) -> tuple[conversing.NewConversation, list[Draft]]:
    new = conversing.parse_new(b"".join(pieces))
    return new, drafts_in(new.items or [])


def _name(pieces: list[bytes]) -> str:
    return conversing.parse_name(b"".join(pieces))


def _items(pieces: list[bytes]) -> list[Draft]:
    return drafts_in(conversing.parse_items(b"".join(pieces)))
