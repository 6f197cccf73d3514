"""``POST /v1/chat/completions``."""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator

from cozeproxy.handlers.api import ApiHandler
from cozeproxy.handlers.reading import LARGE, Asked, read, read_beside
from cozeproxy.handlers.relay import Relay
from cozeproxy.protocol.completion import ChunkWriter, CompletionWriter, Head
from cozeproxy.protocol.plan import Plan
from cozeproxy.protocol.request import Call
from cozeproxy.protocol.stream import ChatStream
from cozeproxy.upstream.asking import ask


class ChatCompletionsHandler(ApiHandler):
    """Chat completions, streamed and not: always one streamed call to Coze."""

    takes_body = True

    # Set while an answer is on its way.
    relay: Relay | None = None
    # Whether the caller has gone, perhaps before there could be an answer.
    gone = False

    def admit(self) -> None:
        """Let the caller in, unless there are as many as there may be."""
        super().admit()
        if self.request.method == "POST":
            self.context.load.check()

    async def post(self) -> None:
        """Answer with Coze's answer."""
        with self.context.load.entered():
            asked = await self._read()
            if self.gone:
                self.set_status(499, "Client Closed Request")
                return
            self.context.keys.check(self.key, asked.plan.targets)
            self._tell(asked)
            self._note(asked)
            account = self.account(asked.plan.user_id)
            context = self.context
            times = context.run_times if asked.plan.is_run else context.chat_times
            self.relay = Relay(self, _translation(asked), times, streaming=asked.streaming)
            self._count(asked.plan)
            asking = ask(asked.plan, account, context.uploader, context.attempts(), self.relay)
            await self.relay.run(asking, account.cancel, context.keep)

    def on_connection_close(self) -> None:
        """End the call to Coze when the caller leaves."""
        super().on_connection_close()
        self.gone = True
        if self.relay:
            self.relay.caller_left()

    def _tell(self, asked: Asked) -> None:
        record, plan = self.record, asked.plan
        record.model, record.kind = asked.model, plan.kind
        record.bot, record.workflow = plan.bot_id, plan.workflow_id
        if asked.streaming:
            record.stream_begins()

    async def _read(self) -> Asked:
        """Read the body: beside the loop, if it is a large one."""
        pieces, headers, rules, name = (
            self.take_body(),
            self.request.headers,
            self.context.rules,
            self.key.name,
        )
        if self.body.size < LARGE:
            return read(pieces, headers, rules, name)
        return await asyncio.get_running_loop().run_in_executor(
            self.context.aside, read_beside, pieces, headers, rules, name
        )

    def _count(self, plan: Plan) -> None:
        """Let the plan, once the call is made, keep that and nothing else that may be large.

        An answer may take minutes; texts and files are not to be in memory as long.
        """
        make = plan.call

        def call(ids: Iterator[str]) -> Call:
            made = make(ids)
            self.body.become(len(made.body))
            plan.call, plan.attachments = (lambda _: made), ()
            return made

        plan.call = call

    def _note(self, asked: Asked) -> None:
        notes = dict(asked.plan.notes)
        if asked.ignored:
            notes["Ignored"] = ", ".join(filter(None, [*asked.ignored, notes.get("Ignored")]))
        for word, value in notes.items():
            self.set_header(f"X-Cozeproxy-{word}", value)


def _translation(asked: Asked) -> Callable[[bool], ChatStream]:
    """Give what makes the translation of an answer; told whether its beginning has been sent."""
    head = Head(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), asked.model)

    def translate(begun: bool) -> ChatStream:  # noqa: FBT001 - the relay's one question
        read_into = asked.plan.read_into
        if asked.streaming:
            chunks = ChunkWriter(head, include_usage=asked.include_usage, started=begun)
            return ChatStream(chunks, read_into)
        return ChatStream(CompletionWriter(head), read_into)

    return translate
