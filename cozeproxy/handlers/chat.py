"""``POST /v1/chat/completions``, and the same in another form: ``POST /v1/completions``."""

import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from cozeproxy.handlers.answering import AnsweringHandler
from cozeproxy.handlers.reading import Asked, Reading, read
from cozeproxy.protocol.completion import ChunkWriter, CompletionWriter, Head
from cozeproxy.protocol.parsing import parse_chat_request, parse_text_request
from cozeproxy.protocol.planning import make_plan
from cozeproxy.protocol.stream import ChatStream
from cozeproxy.protocol.text_completion import (
    TextChunkWriter,
    TextCompletionWriter,
    make_text_plan,
)


class Form(NamedTuple):
    """What the requests and the answers of an endpoint look like.

    Attributes:
        reading: how a request is read.
        prefix: what the ids of answers begin with.
        chunks: writes an answer as it comes.
        whole: writes an answer at its end.
    """

    reading: Reading
    prefix: str
    chunks: type[ChunkWriter | TextChunkWriter]
    whole: type[CompletionWriter | TextCompletionWriter]


class ChatCompletionsHandler(AnsweringHandler):
    """Chat completions, streamed and not."""

    form = Form(Reading(parse_chat_request, make_plan), "chatcmpl-", ChunkWriter, CompletionWriter)

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
                    reading=self.form.reading,
                )
            )
            if self.gone:
                self.tell_nobody()
                return
            plan = asked.plan
            self.tell(plan, asked.model, streaming=asked.streaming)
            context.keys.check(self.key, plan.targets)
            self.note_plan(plan, asked.ignored)
            account = self.account(plan.user_id)
            translate = _translation(asked, self.form)
            await self.answer(plan, account, translate, streaming=asked.streaming)


class CompletionsHandler(ChatCompletionsHandler):
    """Text completions: a chat in which nobody has said anything but the prompt."""

    form = Form(
        Reading(parse_text_request, make_text_plan), "cmpl-", TextChunkWriter, TextCompletionWriter
    )


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
