"""One answer, from Coze's bytes to the caller's: the way out as one object."""

from collections.abc import Callable
from typing import Any, Protocol

from cozeproxy.errors import ServiceError, UpstreamBrokenError
from cozeproxy.protocol import coze
from cozeproxy.protocol.plan import Translator
from cozeproxy.protocol.response import RunningChat, Writer
from cozeproxy.protocol.sse import MAX_EVENT_BYTES, EventParser

# Of each answer something is kept until its end: where it is given whole all of its text, else the
# ids of its messages. Many times what a model writes, or the bound of one broken stream's events.
MAX_ANSWER_BYTES = 4 * MAX_EVENT_BYTES


class Output(Writer, Protocol):
    """A writer that turns what it takes into bytes for the caller."""

    def start(self) -> None:
        """Write what an answer begins with, if it can be told and has not been written."""

    def fail(self, error: ServiceError) -> None:
        """Write the end of an answer that has failed after something of it went out."""

    def take(self) -> bytes:
        """Give what has been written since the last call."""


class Translation(Protocol):
    """What becomes of one answer of Coze's: a ChatStream, or something that takes its place."""

    error: ServiceError | None

    @property
    def ended(self) -> bool:
        """Whether the whole answer has been given."""

    @property
    def info(self) -> dict[str, Any]:
        """Coze's ids, as far as they are known."""

    @property
    def running(self) -> RunningChat | None:
        """The chat, while Coze works on it without an end in sight."""

    @property
    def tokens(self) -> tuple[int, int] | None:
        """The tokens of the request and of the answer, where Coze tells them."""

    def start(self) -> bytes:
        """Give what an answer begins with, before there is anything of it; maybe nothing."""

    def receive_data(self, data: bytes) -> bytes:
        """Take a piece, cut anywhere; give what the caller can have of it."""

    def receive_eof(self) -> bytes:
        """Take the end of Coze's answer."""

    def failure(self, error: ServiceError) -> bytes:
        """Give the end of an answer that has failed after its status went out."""


class ChatStream:
    """Translates one answer of Coze's as its bytes arrive.

    Nothing that Coze sends makes it raise. After a failure it holds ``error`` and yields nothing
    more: whoever feeds it knows whether a status has gone out, and picks the status or the error
    frame. What a failing piece held before the failure is still given.

    Args:
        writer: makes the caller's bytes.
        make: makes what follows Coze's events and tells the writer of them.
        max_bytes: how much Coze may send until the end of an answer.

    Attributes:
        error: why the answer has failed, None while it has not.
    """

    def __init__(
        self,
        writer: Output,
        make: Callable[[Writer], Translator],
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self.error: ServiceError | None = None
        self._left = max_bytes
        self._parser = EventParser()
        self._writer = writer
        self._translator = make(writer)

    @property
    def ended(self) -> bool:
        """Whether the whole answer has been given."""
        return self._translator.ended

    @property
    def info(self) -> dict[str, Any]:
        """Coze's ids, as far as they are known. The log id, which is a header, is put in here."""
        return self._translator.info

    @property
    def running(self) -> RunningChat | None:
        """The chat, while Coze works on it without an end in sight."""
        return self._translator.running

    @property
    def tokens(self) -> tuple[int, int] | None:
        """The tokens of the request and of the answer, which Coze may tell after the end."""
        usage = self._translator.usage
        return coze.tokens(usage) if usage else None

    @property
    def answer(self) -> str | int | None:
        """Coze's id of the answer that is being written, where it has one."""
        return self._translator.answer

    def start(self) -> bytes:
        """Give what an answer begins with, before there is anything of it; maybe nothing."""
        self._writer.start()
        return self._writer.take()

    def failure(self, error: ServiceError) -> bytes:
        """Give the end of an answer that has failed after its status went out."""
        self._writer.fail(error)
        return self._writer.take()

    def receive_data(self, data: bytes) -> bytes:
        """Take a piece of Coze's stream, cut anywhere; give what the caller can have of it."""
        if self.error:
            return b""
        self._left -= len(data)
        try:
            self._translator.receive_events(self._parser.receive_data(data))
            if self._parser.overflowed and not self.ended:
                raise UpstreamBrokenError("Coze sent an event that is too long.")
            if self._left < 0 and not self.ended:
                raise UpstreamBrokenError("Coze sent an answer that is too long.")
        except ServiceError as error:
            self._fail_midway(error)
        return self._writer.take()

    def receive_eof(self) -> bytes:
        """Take the end of Coze's stream."""
        if not self.error:
            try:
                self._translator.receive_eof()
            except ServiceError as error:
                self._fail_midway(error)
        return self._writer.take()

    def fail(self, error: ServiceError) -> None:
        """End the answer as failed, if it has neither ended nor failed before."""
        if not self.error and not self.ended:
            error.accepted = error.accepted or self._translator.accepted
            self.error = error

    def _fail_midway(self, error: ServiceError) -> None:
        # What begins as a stream and cannot be read, or breaks off, may be a chat that has begun.
        # Only a refusal in so many words says that it has not.
        error.accepted = isinstance(error, UpstreamBrokenError)
        self.fail(error)
