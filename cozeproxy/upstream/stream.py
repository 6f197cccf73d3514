"""One streaming call to Coze, from its request to its end.

On top of what Tornado's curl client does, a call gets what relaying needs and ``fetch`` has not:
its pieces without a detour, a pause while the caller reads slowly, and an end at any moment.
"""

import asyncio
import io
from collections.abc import Callable

import pycurl
from tornado.curl_httpclient import CurlError

from cozeproxy.errors import ServiceError, StaleConnectionError, UpstreamBrokenError
from cozeproxy.protocol import failures
from cozeproxy.protocol.request import Call
from cozeproxy.upstream.transport import Transfer, logid_of, read_reply, transfer_error

# Of an answer that is no stream, only the error in it is of use.
MAX_ERROR_BYTES = 1024 * 1024
# Where a kept connection ends before any answer, Coze had closed it, which shows within a round
# trip. Later it is Coze that gives up, maybe after it has begun, and a second request would be a
# second chat.
STALE_SECONDS = 1.0
# What comes after an answer's end is read, as only a stream that was read to its end leaves a
# connection that can be used again; for so many seconds, and of so many streams at a time.
READ_ON_SECONDS = 60.0
MOST_REMAINDERS = 100
# libcurl reads as long as there is something, megabytes before the loop turns again.
MOST_HELD_BYTES = 64 * 1024
# The least that libcurl allows; its usual 64 kB would be the largest part of what a stream takes.
UPLOAD_BUFFER_BYTES = 16 * 1024


def _nobody() -> None:
    """Take nothing, when all has come."""


class Remainders:
    """The streams of answers that have been given, while Coze has not closed them."""

    def __init__(self) -> None:
        # The oldest first.
        self._streams: dict[UpstreamStream, None] = {}

    def take(self, stream: "UpstreamStream") -> None:
        """Read a stream to its end, behind everybody's back."""
        if len(self._streams) >= MOST_REMAINDERS:
            # At once, as it may be some turns until it is over, and more come in this one.
            oldest = next(iter(self._streams))
            del self._streams[oldest]
            oldest.abort()
        self._streams[stream] = None
        give_up = asyncio.get_running_loop().call_later(READ_ON_SECONDS, stream.abort)

        def over(_: object) -> None:
            give_up.cancel()
            self._streams.pop(stream, None)

        stream.transfer.done.add_done_callback(over)


class UpstreamStream:
    """One streaming call to Coze.

    Its pieces are kept until take(). What is more than a receiver takes at a time, stays with
    libcurl, and then with Coze, until resume() is called.

    Args:
        receiver: called in a turn of the loop after something has come. It calls take(), and then
            resume(), now or when it can take more.
        call: what is asked.
        set_up: prepares a handle for calls to Coze.
        remainders: where it goes when its answer has ended before it.
        fresh: make the call on no connection that was kept.

    Attributes:
        headers: of the answer, names in lower case; complete when the receiver is first called.
        is_stream: the answer has begun, and is what was asked for: mostly an event stream.
        paused: nothing more is taken from Coze until resume(): as somebody has called pause(), or
            as more has come than take() has been called for.
        transfer: the call under way.
    """

    # Pieces and header lines are taken from libcurl itself. Without it they come as Tornado passes
    # them on, which costs a turn of the loop each, and nothing else is different.
    takes_over = True

    def __init__(
        self,
        receiver: Callable[[], None],
        call: Call,
        set_up: Callable[[pycurl.Curl], None],
        remainders: Remainders,
        *,
        fresh: bool = False,
    ) -> None:
        self.headers: dict[str, str] = {}
        self.is_stream = False
        self.paused = False
        self.transfer = Transfer()
        self._status = 0
        self._receiver = receiver
        # What has come since take(), and how long that is.
        self._pieces: list[bytes] = []
        self._held = 0
        self._body = io.BytesIO(call.body)
        self._kind = call.accept.removesuffix("*")
        self._set_up = set_up
        self._remainders = remainders
        self._fresh = fresh
        self._is_stale = False
        self._error_body = b""
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()

    async def wait(self) -> None:
        """Wait for the end of the answer.

        Raises:
            ServiceError: it was no stream, or broke off, or never came, or was ended from here for
                a reason.
        """
        try:
            # Shielded: a future that is cancelled would not tell when the transfer is over.
            await asyncio.shield(self.transfer.done)
        except CurlError as error:
            if not self.transfer.aborted:
                broken = StaleConnectionError() if self._is_stale else transfer_error(error)
                raise broken from error
        finally:
            if not self.takes_over:
                # The last piece is on its way through the loop, and so is what becomes of it.
                await asyncio.sleep(0)
            # Who receives has this in turn, and what is in such a circle stays for the collector.
            self._receiver = _nobody
        if self.transfer.reason:
            raise self.transfer.reason
        if not self.transfer.aborted and not self.is_stream:
            raise failures.error_in(
                read_reply(self._status, self.headers, self._error_body)
            ) or UpstreamBrokenError("Coze answered with JSON where a stream was asked for.")

    @property
    def logid(self) -> str | None:
        """Coze's name for this call, under the header of the hosted service or of coze-studio."""
        return logid_of(self.headers)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.transfer.done.done()

    @property
    def ended_here(self) -> bool:
        """Whether it was ended from here, while Coze was at it."""
        return self.transfer.aborted

    def pause(self) -> None:
        """Take no more from Coze until resume(): its data stays in the kernel, and then with it."""
        if not self.paused:
            self.paused = True
            self.transfer.kick(pycurl.PAUSE_RECV)

    def resume(self) -> None:
        """Go on after pause()."""
        if self.paused:
            self.paused = False
            self.transfer.kick(pycurl.PAUSE_CONT)

    def read_on(self) -> None:
        """Let the rest come, for nobody, so that the connection can be used again."""
        self.resume()
        self._remainders.take(self)

    def abort(self, reason: ServiceError | None = None) -> None:
        """End the call and close its connection, now, whether or not Coze is sending."""
        self.transfer.abort(reason)

    def prepare(self, curl: pycurl.Curl) -> None:
        """Take over a handle that is about to make the call: a ``prepare_curl_callback``."""
        self._set_up(curl)
        self.transfer.prepare(curl)
        curl.setopt(pycurl.UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES)
        curl.setopt(pycurl.READFUNCTION, self._body.read)
        curl.setopt(pycurl.SEEKFUNCTION, self._rewind)
        curl.setopt(pycurl.FRESH_CONNECT, int(self._fresh))
        if self.takes_over:
            curl.setopt(pycurl.HEADERFUNCTION, self._receive_header_bytes)
            curl.setopt(pycurl.WRITEFUNCTION, self._write)

    # How a piece comes: from libcurl, or in its place from Tornado; it is kept; it is taken.

    def _write(self, piece: bytes) -> int | None:
        if self._held > MOST_HELD_BYTES:
            # libcurl keeps it, and comes with it again.
            self.paused = True
            return int(pycurl.WRITEFUNC_PAUSE)
        # The same as _keep() for what is not the first, without a call: each chunk of HTTP's comes
        # by itself, often hundreds in a turn.
        if self.is_stream and self._pieces:
            self._held += len(piece)
            self._pieces.append(piece)
        else:
            self._keep(piece)
        return None

    def receive(self, piece: bytes) -> None:
        """Take a piece of the answer: a ``streaming_callback``."""
        # Tornado passes the lines of the head on through the loop, and they go before it.
        self._loop.call_soon(self._keep, piece)

    def _keep(self, piece: bytes) -> None:
        if self.is_stream:
            # This may be inside libcurl's machinery, where no application code may run.
            if not self._pieces:
                self._loop.call_soon(self._receiver)
            self._held += len(piece)
            self._pieces.append(piece)
        elif not self.transfer.aborted:
            self._error_body += piece
            if len(self._error_body) > MAX_ERROR_BYTES:
                # Not from inside libcurl, which may not be told anything here.
                error = UpstreamBrokenError("Coze's answer is no stream, and does not end.")
                self._loop.call_soon(self.abort, error)

    def take(self) -> bytes:
        """Give what has come of a good answer since the last call, which may be nothing."""
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._held = 0
        return data

    def receive_header_line(self, line: str) -> None:
        """Take a line of the answer's head: a ``header_callback``."""
        name, colon, value = line.partition(":")
        if line.startswith("HTTP/"):
            # After a 1xx there is another head.
            self.headers.clear()
            status = line.split(maxsplit=2)[1:2]
            self._status = int(status[0]) if status and status[0].isdigit() else 0
        elif colon:
            self.headers[name.lower()] = value.strip()
        elif not line.strip():
            kind = self.headers.get("content-type", "").lower()
            self.is_stream = self._status == 200 and kind.startswith(self._kind)

    def _receive_header_bytes(self, line: bytes) -> None:
        self.receive_header_line(line.decode("latin-1"))

    def _rewind(self, _offset: int, _origin: int) -> int:
        """Keep libcurl from sending the request once more.

        It wants to where a kept connection has ended before any answer, and would do so on others
        that were kept, five times, as if nothing was the matter.
        """
        self._is_stale = self._loop.time() - self._started <= STALE_SECONDS
        return int(pycurl.SEEKFUNC_FAIL)
