"""``POST /v1/audio/transcriptions``: what is said in a recording."""

import math
from functools import partial
from typing import NamedTuple

from cozeproxy.errors import RequestError
from cozeproxy.handlers.asking import AskingHandler
from cozeproxy.handlers.forms import Form, read_form
from cozeproxy.protocol.attachments import Attachment
from cozeproxy.protocol.transcription import (
    IGNORED,
    REFUSED,
    check_format,
    events_of,
    recording,
    refuse,
)
from cozeproxy.upstream.files import transcribe


class Recording(NamedTuple):
    """What is to be transcribed, and how the text is to be given."""

    model: str
    attachment: Attachment
    response_format: str
    streaming: bool
    user: str | None
    ignored: list[str]


def read_recording(pieces: list[bytes], content_type: str) -> Recording:
    """Read the form of a request.

    Raises:
        RequestError: something is missing, or cannot be served.
    """
    form = read_form(pieces, content_type)
    refuse(form.given(REFUSED))
    return Recording(
        # Any will do, as with chats; whoever names none has forgotten more than that.
        form.need("model"),
        recording(form.file.body, form.file.filename),
        check_format(form.get("response_format")),
        _streaming(form),
        form.get("user"),
        form.given(IGNORED),
    )


class TranscriptionsHandler(AskingHandler):
    """Transcriptions."""

    async def post(self) -> None:
        """Give Coze a recording, and the caller the text."""
        with self.context.load.entered():
            content_type = self.request.headers.get("Content-Type", "")
            asked = await self.read_body(partial(read_recording, content_type=content_type))
            self.body.become(len(asked.attachment.data))
            self.record.model = asked.model
            self.note_ignored(asked.ignored)
            times = self.context.chat_times
            seconds = min(times.whole, times.deadline or math.inf)
            account = self.account(self.end_user(asked.user))
            hearing = transcribe(account, asked.attachment, seconds)
            form, streaming = asked.response_format, asked.streaming
            del asked
            text = await self.wait_for(hearing)
            if text is None:
                return
            if streaming:
                self.set_header("Content-Type", "text/event-stream; charset=utf-8")
                self.finish(events_of(text))
            elif form == "text":
                self.set_header("Content-Type", "text/plain; charset=utf-8")
                self.finish(text)
            else:
                self.write_json({"text": text})


def _streaming(form: Form) -> bool:
    given = form.get("stream") or "false"
    if given not in ("true", "false"):
        raise RequestError.invalid("stream", "it must be true or false")
    return given == "true"
