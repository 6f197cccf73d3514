"""One streaming call to Coze, from its request to its end.

On top of what Tornado's curl client does, a call gets what relaying needs and ``fetch`` has not:
pieces delivered once a loop turn, a pause while the caller reads slowly, and an end at any moment.

The way of a piece: libcurl calls ``_write`` from inside its own machinery, where no application
code may run, so ``_write`` only keeps the piece and asks the loop for one ``_deliver``. That joins
what came in the meantime and hands it to the receiver.
"""

import asyncio
from collections.abc import Callable

import pycurl
from tornado.curl_httpclient import CurlError
from tornado.httputil import HTTPHeaders, HTTPInputError

from cozeproxy.errors import UpstreamBrokenError
from cozeproxy.protocol import failures
from cozeproxy.upstream.transport import Transfer, logid_of, read_reply, transfer_error

# Of an answer that is no stream, only the error in it is of use.
MAX_ERROR_BYTES = 1024 * 1024


class UpstreamStream:
    """One streaming call to Coze.

    Attributes:
        headers: of the answer, once they have come; complete when the receiver is first called.
        transfer: the call under way.
    """

    def __init__(
        self, receiver: Callable[[bytes], None], set_up: Callable[[pycurl.Curl], None]
    ) -> None:
        self.headers = HTTPHeaders()
        self.transfer = Transfer()
        self._status = 0
        self._receiver = receiver
        self._set_up = set_up
        self._loop = asyncio.get_running_loop()
        self._pieces: list[bytes] = []
        self._scheduled = False
        # Set by pause() and resume(), read by _write().
        self._paused = False
        self._error_body = b""
        # What the receiver raised; it ends the call.
        self._crash: Exception | None = None

    async def wait(self) -> None:
        """Wait for the end of the answer.

        Raises:
            ServiceError: it was no stream, or broke off, or never came, or was ended from here for
                a reason.
        """
        try:
            await self.transfer.done
        except CurlError as error:
            if not self.transfer.aborted:
                raise transfer_error(error) from error
        self._deliver()
        failure = self._crash or self.transfer.reason
        if failure:
            raise failure
        if not self.transfer.aborted and not self.is_stream:
            raise failures.error_in(
                read_reply(self._status, self.headers, self._error_body)
            ) or UpstreamBrokenError("Coze answered with JSON where a stream was asked for.")

    @property
    def logid(self) -> str | None:
        """Coze's name for this call, under the header of the hosted service or of coze-studio."""
        return logid_of(self.headers)

    def pause(self) -> None:
        """Take no more from Coze until resume(): its data stays in the kernel, and then with it."""
        self._paused = True

    def resume(self) -> None:
        """Go on after pause()."""
        if self._paused:
            self._paused = False
            self.transfer.kick(pycurl.PAUSE_CONT)

    def abort(self) -> None:
        """End the call and close its connection, now, whether or not Coze is sending."""
        self.transfer.abort()

    def prepare(self, curl: pycurl.Curl) -> None:
        """Take over a handle that is about to make the call: a ``prepare_curl_callback``."""
        self._set_up(curl)
        self.transfer.prepare(curl)
        curl.setopt(pycurl.WRITEFUNCTION, self._write)

    def _write(self, piece: bytes) -> int | None:
        if self.transfer.aborted:
            return 0
        if self._paused:
            return int(pycurl.WRITEFUNC_PAUSE)
        self.receive(piece)
        return None

    def receive(self, piece: bytes) -> None:
        """Take a piece of the answer, for the next turn of the loop: a ``streaming_callback``."""
        self._pieces.append(piece)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._deliver)

    def receive_header_line(self, line: str) -> None:
        """Take a line of the answer's head: a ``header_callback``."""
        # Tornado passes these on through the loop, before any _deliver for the body after them.
        try:
            if line.startswith("HTTP/"):
                self._status = int(line.split(maxsplit=2)[1])
                self.headers.clear()
            elif line.strip():
                self.headers.parse_line(line.rstrip("\r\n"))
        except (ValueError, IndexError, HTTPInputError):
            self._crash = UpstreamBrokenError("Coze sent HTTP headers that cannot be read.")
            self.abort()

    @property
    def is_stream(self) -> bool:
        """Whether the answer has begun, and is an event stream."""
        kind = self.headers.get("Content-Type", "").lower()
        return self._status == 200 and kind.startswith("text/event-stream")

    def _deliver(self) -> None:
        self._scheduled = False
        if not self._pieces or self.transfer.aborted:
            return
        data = b"".join(self._pieces)
        self._pieces.clear()
        if not self.is_stream:
            self._error_body += data
            if len(self._error_body) > MAX_ERROR_BYTES:
                self._crash = UpstreamBrokenError("Coze's answer is no stream, and does not end.")
                self.abort()
            return
        try:
            self._receiver(data)
        except Exception as error:  # noqa: BLE001 - wait() raises it where it can be handled
            self._crash = error
            self.abort()
