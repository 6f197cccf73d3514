"""``POST /v1/chat/completions``."""

import time
import uuid

from cozeproxy.handlers.base import BaseHandler
from cozeproxy.handlers.relay import Relay
from cozeproxy.protocol.completion import ChunkWriter, CompletionWriter, Head
from cozeproxy.protocol.openai import ChatRequest, parse_chat_request
from cozeproxy.protocol.request import chat_body, user_id
from cozeproxy.protocol.routing import route
from cozeproxy.protocol.stream import ChatStream


class ChatCompletionsHandler(BaseHandler):
    """Chat completions, streamed and not: always one streamed call to Coze."""

    relay: Relay | None = None

    async def post(self) -> None:
        """Answer with Coze's answer."""
        request = parse_chat_request(self.request.body)
        settings = self.context.settings
        target = route(
            request,
            self.request.headers,
            model_type=settings.default_model_type,
            bot_id=settings.coze_bot_id,
        )
        key = self.request.headers.get("Authorization", "")
        body = chat_body(request, target.bot_id, user_id(request, key))
        self.relay = Relay(self, self._stream(request), streaming=bool(request.stream))
        await self.relay.run(
            lambda receiver: self.context.coze.stream("/v3/chat", body, receiver),
            self.context.background,
        )

    def on_connection_close(self) -> None:
        """End the call to Coze when the caller leaves."""
        if self.relay:
            self.relay.caller_left()

    def _stream(self, request: ChatRequest) -> ChatStream:
        head = Head(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), request.model)
        if request.stream:
            return ChatStream(ChunkWriter(head, include_usage=request.include_usage))
        return ChatStream(CompletionWriter(head))
