"""``POST /v1/responses``."""

import time
import uuid
from functools import partial
from typing import NamedTuple

import msgspec

from cozeproxy.errors import ServiceError
from cozeproxy.handlers.answering import AnsweringHandler
from cozeproxy.protocol.parsing import ignored_fields
from cozeproxy.protocol.response import RunningChat
from cozeproxy.protocol.responses.again import RUNNING, begun
from cozeproxy.protocol.responses.openai import ResponsesRequest
from cozeproxy.protocol.responses.parsing import IGNORED, parse_responses_request
from cozeproxy.protocol.responses.past import previous_of
from cozeproxy.protocol.responses.request import Asked, ask_for
from cozeproxy.protocol.responses.response import Head
from cozeproxy.protocol.responses.stream import response_stream
from cozeproxy.protocol.stream import ChatStream
from cozeproxy.upstream.account import Account
from cozeproxy.upstream.history import History
from cozeproxy.upstream.lookup import look_up


class _Read(NamedTuple):
    """A request, and its fields that are without effect."""

    request: ResponsesRequest
    ignored: list[str]


class ResponsesHandler(AnsweringHandler):
    """Responses, streamed and not, or begun for somebody to fetch."""

    async def post(self) -> None:
        """Answer with Coze's answer, or with the beginning of one."""
        with self.context.load.entered():
            request, ignored = await self.read_body(_read)
            account = self.account(self.end_user(request.safety_identifier or request.user))
            asked = None if self.gone else await self.wait_for(self._asked(request, account))
            streaming, background = bool(request.stream), bool(request.background)
            # An answer may take minutes; texts and files are not to be in memory as long.
            del request
            if asked is None:
                self.tell_nobody()
                return
            self.tell(asked.plan, asked.model, streaming=streaming)
            self.context.keys.check(self.key, asked.plan.targets)
            self.note_plan(asked.plan, ignored)
            head = _head(asked)
            if background:
                await self._begin(asked, head, account)
                return

            def translate(_begun: bool) -> ChatStream:  # noqa: FBT001 - the relay's one question
                # What a stream begins with, is given when Coze has begun: after that there is no
                # new attempt, whose beginning could be doubled.
                return response_stream(head, asked.plan, streaming=streaming)

            await self.answer(asked.plan, account, translate, streaming=streaming)

    async def _asked(self, request: ResponsesRequest, account: Account) -> Asked:
        previous = previous_of(request)
        if previous:
            self.context.keys.check(self.key, previous.targets)
        known = await look_up(request, previous, History(account))
        headers, rules = self.request.headers, self.context.rules
        return await self.beside(partial(ask_for, request, known, headers, rules, self.key.name))

    async def _begin(self, asked: Asked, head: Head, account: Account) -> None:
        """Have Coze begin, and wait for no more than that.

        What the caller has been told of goes on without it. Until then its leaving is the end, but
        not of the call that begins: only Coze's answer tells which chat is to be cancelled.
        """
        uploading = self.context.uploader.upload(account, asked.plan.attachments)
        ids = await self.wait_for(uploading)
        if ids is None:
            return
        try:
            chat = await History(account).begin(asked.plan.call(iter(ids)))
        except ServiceError as error:
            # Where Coze may have begun, a resend would be a second chat.
            error.accepted = error.accepted or error.is_unsure
            raise
        if self.gone:
            self.tell_nobody()
            if chat.status in RUNNING:
                running = RunningChat(str(chat.conversation_id), str(chat.id))
                self.context.keep(account.cancel(running))
            return
        self.write_json(begun(head, chat))


def _read(pieces: list[bytes]) -> _Read:
    body = b"".join(pieces)
    pieces.clear()
    return _Read(parse_responses_request(body), ignored_fields(body, IGNORED))


def _head(asked: Asked) -> Head:
    created, nonce, id_ = int(time.time()), uuid.uuid4().hex, asked.id
    if id_:
        # Runs are told apart by it; chats have ids of Coze's.
        own = nonce if id_.kind == "workflow" else ""
        id_ = msgspec.structs.replace(id_, created=created, nonce=own)
    return Head(asked.model, created, asked.echoed, nonce, id_, lambda: int(time.time()))
