"""``POST /v1/chat/completions``."""

import time
import uuid

from cozeproxy.handlers.api import ApiHandler
from cozeproxy.handlers.relay import Relay
from cozeproxy.protocol.completion import ChunkWriter, CompletionWriter, Head
from cozeproxy.protocol.openai import ChatRequest
from cozeproxy.protocol.parsing import ignored_fields, parse_chat_request
from cozeproxy.protocol.plan import Plan, make_plan
from cozeproxy.protocol.stream import ChatStream
from cozeproxy.upstream.asking import ask


class ChatCompletionsHandler(ApiHandler):
    """Chat completions, streamed and not: always one streamed call to Coze."""

    # Set while an answer is on its way.
    relay: Relay | None = None

    async def post(self) -> None:
        """Answer with Coze's answer."""
        context = self.context
        request = parse_chat_request(self.request.body)
        plan = make_plan(request, self.request.headers, context.rules, self.key.name)
        context.keys.check(self.key, plan.targets)
        self._tell(request, plan)
        self._note(plan, ignored_fields(self.request.body))
        account = self.account(plan.user_id)
        head = Head(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), request.model)

        def translate(begun: bool) -> ChatStream:  # noqa: FBT001 - the relay's one question
            if request.stream:
                chunks = ChunkWriter(head, include_usage=request.include_usage, started=begun)
                return ChatStream(chunks, plan.read_into)
            return ChatStream(CompletionWriter(head), plan.read_into)

        times = context.run_times if plan.is_run else context.chat_times
        self.relay = Relay(self, translate, times, streaming=bool(request.stream))
        asking = ask(plan, account, context.uploader, context.attempts(), self.relay)
        await self.relay.run(asking, account.cancel, context.keep)

    def on_connection_close(self) -> None:
        """End the call to Coze when the caller leaves."""
        if self.relay:
            self.relay.caller_left()

    def _tell(self, request: ChatRequest, plan: Plan) -> None:
        record = self.record
        record.model, record.kind = request.model, plan.kind
        record.bot, record.workflow = plan.bot_id, plan.workflow_id
        if request.stream:
            record.stream_begins()

    def _note(self, plan: Plan, ignored: list[str]) -> None:
        notes = dict(plan.notes)
        if ignored:
            notes["Ignored"] = ", ".join(filter(None, [*ignored, notes.get("Ignored")]))
        for word, value in notes.items():
            self.set_header(f"X-Cozeproxy-{word}", value)
