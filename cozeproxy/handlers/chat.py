"""``POST /v1/chat/completions``."""

import time
import uuid

from cozeproxy.handlers.base import BaseHandler
from cozeproxy.handlers.relay import Relay
from cozeproxy.protocol.completion import ChunkWriter, CompletionWriter, Head
from cozeproxy.protocol.cutting import FenceCutter, StopCutter
from cozeproxy.protocol.messages import read_turn
from cozeproxy.protocol.openai import ChatRequest
from cozeproxy.protocol.parsing import ignored_fields, parse_chat_request
from cozeproxy.protocol.request import (
    Call,
    chat_call,
    saves_history,
    submit_call,
    tool_outputs,
    user_id,
)
from cozeproxy.protocol.response import Wanted
from cozeproxy.protocol.routing import route
from cozeproxy.protocol.stream import ChatStream


class ChatCompletionsHandler(BaseHandler):
    """Chat completions, streamed and not: always one streamed call to Coze."""

    relay: Relay | None = None
    left = False

    async def post(self) -> None:
        """Answer with Coze's answer."""
        request = parse_chat_request(self.request.body)
        self._note("Ignored", ignored_fields(self.request.body))
        self._note("Emulated", ["response_format"] if request.wants_json else [])
        outputs = tool_outputs(request)
        if outputs:
            bot, call = outputs.bot_id, submit_call(outputs)
        else:
            bot, call = await self._ask(request)
        wanted = Wanted(
            bot_id=bot,
            early_end=not (request.include_usage or request.options.follow_ups),
            follow_ups=bool(request.options.follow_ups),
            steps=bool(request.options.events),
            runs_tools=bool(outputs) or saves_history(request),
        )
        if self.left:
            return
        stream = self._stream(request, wanted)
        self.relay = Relay(self, stream, streaming=bool(request.stream))
        await self.relay.run(
            lambda receiver: self.context.coze.stream(call, receiver), self.context.background
        )

    def on_connection_close(self) -> None:
        """End the call to Coze when the caller leaves."""
        self.left = True
        if self.relay:
            self.relay.caller_left()

    async def _ask(self, request: ChatRequest) -> tuple[str, Call]:
        settings = self.context.settings
        headers = self.request.headers
        target = route(
            request,
            headers,
            model_type=settings.default_model_type,
            bot_id=settings.coze_bot_id,
        )
        turn = read_turn(request, continues=bool(request.options.conversation_id))
        self._note("Left-Out-Messages", [str(turn.left_out)] if turn.left_out else [])
        user = user_id(request, headers, settings.coze_user_id)
        file_ids = await self.context.uploader.upload(turn.attachments)
        call = chat_call(request, turn, iter(file_ids), bot_id=target.bot_id, user_id=user)
        return target.bot_id, call

    def _stream(self, request: ChatRequest, wanted: Wanted) -> ChatStream:
        head = Head(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), request.model)
        cutters: list[StopCutter | FenceCutter] = [FenceCutter()] if request.wants_json else []
        if request.stops:
            cutters.append(StopCutter(request.stops))
        if request.stream:
            return ChatStream(
                ChunkWriter(head, include_usage=request.include_usage), wanted, cutters
            )
        # An answer that is given whole has its usage.
        return ChatStream(CompletionWriter(head), wanted._replace(early_end=False), cutters)

    def _note(self, name: str, values: list[str]) -> None:
        """Tell in a header what was done with the request that the caller may not expect."""
        if values:
            self.set_header(f"X-Cozeproxy-{name}", ", ".join(values))
