"""Streaming calls to Coze.

The engine is Tornado's curl client: it keeps connections, speaks HTTP/2, and parses in C. On top of
it a call gets what relaying needs and ``fetch`` has not: pieces delivered once a loop turn, a pause
while the caller reads slowly, and an end at any moment.

The way of a piece: libcurl calls ``_write`` from inside its own machinery, where no application
code may run, so ``_write`` only keeps the piece and asks the loop for one ``_deliver``. That joins
what came in the meantime and hands it to the receiver.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import pycurl
from tornado.curl_httpclient import CurlAsyncHTTPClient, CurlError
from tornado.httpclient import HTTPRequest
from tornado.httputil import HTTPHeaders, HTTPInputError

from cozeproxy import __version__
from cozeproxy.errors import (
    UpstreamBrokenError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from cozeproxy.protocol import failures
from cozeproxy.protocol.request import Call

logger = logging.getLogger(__name__)

# How many streams may be open at a time. A handle is made for each at the start.
MAX_STREAMS = 1000
MAX_CONTROL_CALLS = 50
CONNECT_TIMEOUT = 10.0
# Long answers are legitimate; this only bounds what one request can hold.
REQUEST_TIMEOUT = 600.0
UPLOAD_TIMEOUT = 120.0
CONTROL_TIMEOUT = 20.0
USER_AGENT = f"cozeproxy/{__version__}"
# Of an answer that is no stream, only the error in it is of use.
MAX_ERROR_BYTES = 1024 * 1024

_UNREACHABLE = {
    pycurl.E_COULDNT_RESOLVE_HOST,
    pycurl.E_COULDNT_RESOLVE_PROXY,
    pycurl.E_COULDNT_CONNECT,
    pycurl.E_SSL_CONNECT_ERROR,
    pycurl.E_PEER_FAILED_VERIFICATION,
    pycurl.E_SSL_CACERT_BADFILE,
}


class CozeClient:
    """Makes calls to one Coze site with one credential.

    Args:
        base_url: as in ``https://api.coze.com``.
        token: the bearer token.
    """

    def __init__(self, base_url: str, token: str) -> None:
        self._base_url = base_url
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept": "text/event-stream",
            # Compressed tokens would wait in the compressor of whoever compresses them.
            "Accept-Encoding": "identity",
        }
        # A proxy for the outside world must not be asked for this machine.
        self._direct = (urlsplit(base_url).hostname or "") in ("localhost", "127.0.0.1", "::1")
        # force_instance: the shared instance of the loop has ten slots, and users outside this.
        self._http = CurlAsyncHTTPClient(force_instance=True, max_clients=MAX_STREAMS)
        # Short calls must not queue behind streams.
        self._control = CurlAsyncHTTPClient(force_instance=True, max_clients=MAX_CONTROL_CALLS)
        self._open: set[UpstreamStream] = set()

    def stream(self, call: Call, receiver: Callable[[bytes], None]) -> "UpstreamStream":
        """Start a streaming call; the receiver gets the event stream's bytes as they come."""
        url = self._base_url + call.path + (f"?{urlencode(call.query)}" if call.query else "")
        stream = UpstreamStream(receiver, self._prepare)
        stream.start(self._http, url, self._headers, call.body)
        self._open.add(stream)
        stream.done.add_done_callback(lambda _: self._open.discard(stream))
        return stream

    async def upload(self, content_type: str, body: bytes) -> bytes:
        """Upload a file as multipart data; give the JSON of Coze's answer.

        Raises:
            UpstreamError: Coze refused it, or cannot be reached.
        """
        headers = {"Content-Type": content_type}
        return await self._control_call(
            "POST", "/v1/files/upload", headers=headers, body=body, request_timeout=UPLOAD_TIMEOUT
        )

    async def get(self, path: str, query: Mapping[str, str]) -> bytes:
        """Ask for something; give the JSON of Coze's answer.

        Raises:
            UpstreamError: Coze refused, or cannot be reached.
        """
        return await self._control_call("GET", f"{path}?{urlencode(query)}")

    async def _control_call(
        self, method: str, path: str, *, headers: Mapping[str, str] = {}, **options: Any
    ) -> bytes:
        request = HTTPRequest(
            self._base_url + path,
            method=method,
            headers={**self._headers, "Accept": "application/json", **headers},
            user_agent=USER_AGENT,
            connect_timeout=CONNECT_TIMEOUT,
            follow_redirects=False,
            decompress_response=False,
            prepare_curl_callback=self._prepare,
            **{"request_timeout": CONTROL_TIMEOUT, **options},
        )
        try:
            response = await self._control.fetch(request, raise_error=False)
        except CurlError as error:
            raise _transfer_error(error) from error
        failure = failures.error_in(_reply(response.code, response.headers, response.body))
        if failure:
            raise failure
        return response.body

    def _prepare(self, curl: pycurl.Curl) -> None:
        # Without it libcurl sets and resets signal handlers around every piece.
        curl.setopt(pycurl.NOSIGNAL, 1)
        if self._direct:
            curl.setopt(pycurl.PROXY, "")

    async def close(self) -> None:
        """End the calls that are open, and close all connections."""
        for stream in self._open:
            stream.abort()
        if self._open:
            await asyncio.wait([stream.done for stream in self._open])
        self._http.close()
        self._control.close()


class UpstreamStream:
    """One streaming call to Coze.

    Attributes:
        headers: of the answer, once they have come; complete when the receiver is first called.
        done: resolved when the call is over, however it ended.
    """

    def __init__(
        self, receiver: Callable[[bytes], None], prepare: Callable[[pycurl.Curl], None]
    ) -> None:
        self.headers = HTTPHeaders()
        self._status = 0
        self._receiver = receiver
        self._prepare_handle = prepare
        self._loop = asyncio.get_running_loop()
        self._curl: pycurl.Curl | None = None
        self.done: asyncio.Future[Any] = self._loop.create_future()
        self._pieces: list[bytes] = []
        self._scheduled = False
        # Set by pause() and resume(), read by _write().
        self._paused = False
        # Set by abort(), read by libcurl through _progress() and _write().
        self._aborted = False
        self._error_body = b""
        # What the receiver raised; it ends the call.
        self._crash: Exception | None = None

    def start(
        self, http: CurlAsyncHTTPClient, url: str, headers: dict[str, str], body: bytes
    ) -> None:
        """Send the request."""
        self.done = http.fetch(
            HTTPRequest(
                url,
                method="POST",
                headers=headers,
                body=body,
                user_agent=USER_AGENT,
                connect_timeout=CONNECT_TIMEOUT,
                request_timeout=REQUEST_TIMEOUT,
                # The token is for this host only.
                follow_redirects=False,
                decompress_response=False,
                header_callback=self._header_line,
                streaming_callback=self._receive,
                prepare_curl_callback=self._prepare,
            ),
            raise_error=False,
        )

    async def wait(self) -> None:
        """Wait for the end of the answer.

        Raises:
            UpstreamError: it was no stream, or broke off, or never came.
        """
        try:
            await self.done
        except CurlError as error:
            if not self._aborted:
                raise _transfer_error(error) from error
        self._deliver()
        if self._crash:
            raise self._crash
        if not self._aborted and not self._is_stream():
            raise failures.error_in(
                _reply(self._status, self.headers, self._error_body)
            ) or UpstreamBrokenError("Coze answered with JSON where a stream was asked for.")

    @property
    def logid(self) -> str | None:
        """Coze's name for this call, under the header of the hosted service or of coze-studio."""
        return _logid(self.headers)

    def pause(self) -> None:
        """Take no more from Coze until resume(): its data stays in the kernel, and then with it."""
        self._paused = True

    def resume(self) -> None:
        """Go on after pause()."""
        if self._paused:
            self._paused = False
            self._kick(pycurl.PAUSE_CONT)

    def abort(self) -> None:
        """End the call and close its connection, now, whether or not Coze is sending."""
        if not self._aborted:
            self._aborted = True
            # libcurl looks at the flag when something happens on the connection. Pausing and going
            # on is what happens.
            self._kick(pycurl.PAUSE_ALL)
            self._kick(pycurl.PAUSE_CONT)

    def _kick(self, action: int) -> None:
        # Once the call is over the handle belongs to the next one.
        if self._curl is None or self.done.done():
            return
        try:
            self._curl.pause(action)
        except pycurl.error:
            # The transfer has failed meanwhile; wait() tells how.
            logger.debug("a stream that has failed cannot be paused", exc_info=True)

    def _prepare(self, curl: pycurl.Curl) -> None:
        self._curl = curl
        curl.setopt(pycurl.WRITEFUNCTION, self._write)
        curl.setopt(pycurl.NOPROGRESS, 0)
        curl.setopt(pycurl.XFERINFOFUNCTION, self._progress)
        self._prepare_handle(curl)

    def _write(self, piece: bytes) -> int | None:
        if self._aborted:
            return 0
        if self._paused:
            return int(pycurl.WRITEFUNC_PAUSE)
        self._receive(piece)
        return None

    def _progress(self, *_totals: int) -> int:
        return int(self._aborted)

    def _receive(self, piece: bytes) -> None:
        self._pieces.append(piece)
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._deliver)

    def _header_line(self, line: str) -> None:
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

    def _is_stream(self) -> bool:
        kind = self.headers.get("Content-Type", "").lower()
        return self._status == 200 and kind.startswith("text/event-stream")

    def _deliver(self) -> None:
        self._scheduled = False
        if not self._pieces or self._aborted:
            return
        data = b"".join(self._pieces)
        self._pieces.clear()
        if not self._is_stream():
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


def _transfer_error(error: CurlError) -> UpstreamError:
    # libcurl's texts name hosts and addresses, which are not the caller's to know.
    if error.errno == pycurl.E_OPERATION_TIMEDOUT:
        return UpstreamTimeoutError("Coze did not answer in time.")
    if error.errno in _UNREACHABLE:
        return UpstreamUnreachableError("Coze cannot be reached.")
    return UpstreamBrokenError("The connection to Coze broke off.")


def _logid(headers: HTTPHeaders) -> str | None:
    return _plain(headers.get("X-Tt-Logid") or headers.get("X-Log-Id"))


def _reply(status: int, headers: HTTPHeaders, body: bytes) -> failures.Reply:
    kind = _plain(headers.get("Content-Type")) or ""
    retry_after = _plain(headers.get("Retry-After"))
    return failures.Reply(status, kind, body, _logid(headers), retry_after)


def _plain(value: str | None) -> str | None:
    """A header's value if it may go on to the caller: short, and printable ASCII."""
    return (
        value if value and len(value) <= 100 and value.isascii() and value.isprintable() else None
    )
