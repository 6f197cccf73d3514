"""``POST /v1/chat/completions``."""

import time
import uuid
from functools import partial

from cozeproxy.errors import ServiceError
from cozeproxy.handlers.base import ApiHandler
from cozeproxy.handlers.relay import Ask, Relay
from cozeproxy.protocol.completion import ChunkWriter, CompletionWriter, Head
from cozeproxy.protocol.openai import ChatRequest
from cozeproxy.protocol.parsing import ignored_fields, parse_chat_request
from cozeproxy.protocol.plan import Plan, make_plan
from cozeproxy.protocol.stream import ChatStream


class ChatCompletionsHandler(ApiHandler):
    """Chat completions, streamed and not: always one streamed call to Coze."""

    # Set while an answer is on its way.
    relay: Relay | None = None
    # The caller has gone, perhaps before there was an answer.
    left = False

    async def post(self) -> None:
        """Answer with Coze's answer."""
        request = parse_chat_request(self.request.body)
        plan = make_plan(request, self.request.headers, self.context.rules, self.key.name)
        self.context.keys.check(self.key, plan.targets)
        self._note(plan, ignored_fields(self.request.body))
        account = self.account(plan.user_id)
        file_ids = await self.context.uploader.upload(account, plan.attachments)
        call = plan.call(iter(file_ids))
        token = await account.token()
        try:
            await self._answer(request, plan, partial(account.stream, call, token))
        except ServiceError as error:
            # It has failed before anything was sent.
            if not account.may_try_again(error, token):
                raise
            token = await account.token()
            await self._answer(request, plan, partial(account.stream, call, token))

    def on_connection_close(self) -> None:
        """End the call to Coze when the caller leaves."""
        self.left = True
        if self.relay:
            self.relay.caller_left()

    async def _answer(self, request: ChatRequest, plan: Plan, ask: Ask) -> None:
        if self.left:
            self.set_status(499, "Client Closed Request")
            return
        self.relay = Relay(self, self._stream(request, plan), streaming=bool(request.stream))
        await self.relay.run(ask, self.context.background)

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
