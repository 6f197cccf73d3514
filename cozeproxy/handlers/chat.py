"""``POST /v1/chat/completions``."""

import asyncio
import time
import uuid
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

from cozeproxy.errors import ServiceError
from cozeproxy.handlers.api import ApiHandler
from cozeproxy.handlers.relay import Ask, Relay
from cozeproxy.protocol.completion import ChunkWriter, CompletionWriter, Head
from cozeproxy.protocol.openai import ChatRequest
from cozeproxy.protocol.parsing import ignored_fields, parse_chat_request
from cozeproxy.protocol.plan import Plan, make_plan
from cozeproxy.protocol.request import Call
from cozeproxy.protocol.stream import ChatStream
from cozeproxy.settings import Secret
from cozeproxy.upstream.account import Account

T = TypeVar("T")


class CallerLeftError(Exception):
    """The caller has left before there was an answer, so that nobody is to be told."""


class ChatCompletionsHandler(ApiHandler):
    """Chat completions, streamed and not: always one streamed call to Coze."""

    # Set while an answer is on its way.
    relay: Relay | None = None
    # Resolved when the caller has gone, perhaps before there was an answer.
    gone: "asyncio.Future[None]"

    def prepare(self) -> None:
        """Let the caller in, and begin to watch whether it leaves."""
        self.gone = asyncio.get_running_loop().create_future()
        super().prepare()

    async def post(self) -> None:
        """Answer with Coze's answer."""
        request = parse_chat_request(self.request.body)
        plan = make_plan(request, self.request.headers, self.context.rules, self.key.name)
        self.context.keys.check(self.key, plan.targets)
        self._note(plan, ignored_fields(self.request.body))
        account = self.account(plan.user_id)
        try:
            uploads = self.context.uploader.upload(account, plan.attachments)
            call = plan.call(iter(await self._while_here(uploads)))
            await self._answer(request, plan, account, call)
        except CallerLeftError:
            self.set_status(499, "Client Closed Request")

    def on_connection_close(self) -> None:
        """End the call to Coze when the caller leaves."""
        if not self.gone.done():
            self.gone.set_result(None)
        if self.relay:
            self.relay.caller_left()

    async def _answer(self, request: ChatRequest, plan: Plan, account: Account, call: Call) -> None:
        token = await self._while_here(account.token())
        ask = partial(account.stream, call)
        try:
            await self._relay(request, plan, ask, token)
        except ServiceError as error:
            # It has failed before anything was sent.
            if not account.may_try_again(error, token):
                raise
            await self._relay(request, plan, ask, await self._while_here(account.token()))

    async def _relay(self, request: ChatRequest, plan: Plan, ask: Ask, token: Secret) -> None:
        self.relay = Relay(self, self._stream(request, plan), streaming=bool(request.stream))
        await self.relay.run(ask, token, self.context.background)

    async def _while_here(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for something as long as the caller does.

        Raises:
            CallerLeftError: the caller has not waited.
        """
        task = asyncio.create_task(work)
        either: list[asyncio.Future[Any]] = [task, self.gone]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not self.gone.done():
            return task.result()
        task.cancel()
        # How it ends is nobody's concern any more.
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        raise CallerLeftError

    def _stream(self, request: ChatRequest, plan: Plan) -> ChatStream:
        head = Head(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), request.model)
        if request.stream:
            chunks = ChunkWriter(head, include_usage=request.include_usage)
            return ChatStream(chunks, plan.read_into)
        return ChatStream(CompletionWriter(head), plan.read_into)

    def _note(self, plan: Plan, ignored: list[str]) -> None:
        notes = dict(plan.notes)
        if ignored:
            notes["Ignored"] = ", ".join(filter(None, [*ignored, notes.get("Ignored")]))
        for word, value in notes.items():
            self.set_header(f"X-Cozeproxy-{word}", value)
