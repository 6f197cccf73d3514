"""``POST /v1/chat/completions``, and the same in another form: ``POST /v1/completions``."""

import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from cozeproxy.handlers.asking import AskingHandler
from cozeproxy.handlers.reading import Asked, Parse, read
from cozeproxy.handlers.relay import Relay
from cozeproxy.protocol.completion import ChunkWriter, CompletionWriter, Head
from cozeproxy.protocol.parsing import parse_chat_request, parse_text_request
from cozeproxy.protocol.plan import Plan
from cozeproxy.protocol.request import Call
from cozeproxy.protocol.stream import ChatStream
from cozeproxy.protocol.text_completion import TextChunkWriter, TextCompletionWriter
from cozeproxy.upstream.asking import ask


class Form(NamedTuple):
    """What the requests and the answers of an endpoint look like.

    Attributes:
        parse: reads a request.
        prefix: what the ids of answers begin with.
        chunks: writes an answer as it comes.
        whole: writes an answer at its end.
    """

    parse: Parse
    prefix: str
    chunks: type[ChunkWriter | TextChunkWriter]
    whole: type[CompletionWriter | TextCompletionWriter]


class ChatCompletionsHandler(AskingHandler):
    """Chat completions, streamed and not: always one streamed call to Coze."""

    form = Form(parse_chat_request, "chatcmpl-", ChunkWriter, CompletionWriter)

    async def post(self) -> None:
        """Answer with Coze's answer."""
        context = self.context
        with context.load.entered():
            asked = await self.read_body(
                partial(
                    read,
                    headers=self.request.headers,
                    rules=context.rules,
                    key_name=self.key.name,
                    parse=self.form.parse,
                )
            )
            if self.gone:
                self.tell_nobody()
                return
            context.keys.check(self.key, asked.plan.targets)
            self._tell(asked)
            self._note(asked)
            account = self.account(asked.plan.user_id)
            times = context.run_times if asked.plan.is_run else context.chat_times
            translate = _translation(asked, self.form)
            self.relay = Relay(self, translate, times, streaming=asked.streaming)
            self._count(asked.plan)
            asking = ask(asked.plan, account, context.uploader, context.attempts(), self.relay)
            await self.relay.run(asking, account.cancel, context.keep)

    def _tell(self, asked: Asked) -> None:
        record, plan = self.record, asked.plan
        record.model, record.kind = asked.model, plan.kind
        record.bot, record.workflow = plan.bot_id, plan.workflow_id
        if asked.streaming:
            record.stream_begins()

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
        self.note(notes)


class CompletionsHandler(ChatCompletionsHandler):
    """Text completions: a chat in which nobody has said anything but the prompt."""

    form = Form(parse_text_request, "cmpl-", TextChunkWriter, TextCompletionWriter)


def _translation(asked: Asked, form: Form) -> Callable[[bool], ChatStream]:
    """Give what makes the translation of an answer; told whether its beginning has been sent."""
    head = Head(form.prefix + uuid.uuid4().hex, int(time.time()), asked.model)

    def translate(begun: bool) -> ChatStream:  # noqa: FBT001 - the relay's one question
        read_into = asked.plan.read_into
        if asked.streaming:
            chunks = form.chunks(head, include_usage=asked.include_usage, started=begun)
            return ChatStream(chunks, read_into)
        return ChatStream(form.whole(head), read_into)

    return translate
