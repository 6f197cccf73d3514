"""Requests to a service over HTTP, as any stranger makes them, and their responses as they come."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pycurl
from tornado.curl_httpclient import CurlAsyncHTTPClient, CurlError
from tornado.httpclient import HTTPRequest
from tornado.httputil import HTTPHeaders, HTTPInputError

from cozeproxy.testclient.troubles import AskError
from cozeproxy.upstream.transport import USER_AGENT, Transfer, prepare

CONNECT_TIMEOUT = 10.0
# Of an answer that is being written there is no telling how long it will take.
NO_TIMEOUT = 0.0

# What to do, by libcurl's number of what went wrong.
_CURES = {
    pycurl.E_COULDNT_CONNECT: (
        "Start the service there (scripts/run, or cozeproxy serve), or give the address of another"
        " one as --url."
    ),
    pycurl.E_COULDNT_RESOLVE_HOST: "Check the name in the address.",
    pycurl.E_COULDNT_RESOLVE_PROXY: "Check https_proxy and http_proxy in the environment.",
    pycurl.E_SSL_CONNECT_ERROR: "There is something, but it does not speak TLS. Try http://.",
    pycurl.E_PEER_FAILED_VERIFICATION: (
        "Something else may answer in its place, or its certificate is for another name. If it is"
        " from an authority of your own, give that one's certificate as --ca-file."
    ),
    pycurl.E_SSL_CACERT_BADFILE: "--ca-file must be a file with certificates as PEM.",
}
_OTHERWISE = "Check the address, and what stands between here and there."


class Exchange:
    """A request under way, and the response to it.

    Attributes:
        status: of the response, once a piece of it has come; 0 before.
        headers: the same.
    """

    def __init__(self, url: str, path: str) -> None:
        self.status = 0
        self.headers = HTTPHeaders()
        self._url = url
        self._path = path
        # None stands for the end.
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._transfer = Transfer()
        self._set_up = prepare(url)

    def begin(self, http: CurlAsyncHTTPClient, method: str, body: Any, **options: Any) -> None:
        """Send the request."""
        request = HTTPRequest(
            self._url + self._path,
            method=method,
            body=None if body is None else json.dumps(body),
            user_agent=USER_AGENT,
            connect_timeout=CONNECT_TIMEOUT,
            # What a key is for is not sent on to wherever somebody else says.
            follow_redirects=False,
            decompress_response=False,
            header_callback=self._receive_header_line,
            streaming_callback=self._pieces.put_nowait,
            prepare_curl_callback=self._prepare,
            **options,
        )
        self._transfer.done = http.fetch(request, raise_error=False)
        self._transfer.done.add_done_callback(lambda _: self._pieces.put_nowait(None))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        # Whoever goes before the end leaves the service alone, and no connection open.
        self._transfer.abort()
        await asyncio.wait([self._transfer.done])
        self._transfer.done.exception()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Give the next piece of the body.

        Raises:
            AskError: there is no answer, or no more of it.
        """
        piece = await self._pieces.get()
        if piece is not None:
            return piece
        # For whoever asks again.
        self._pieces.put_nowait(None)
        try:
            await self._transfer.done
        except CurlError as error:
            raise self._trouble(error) from error
        raise StopAsyncIteration

    async def whole(self) -> bytes:
        """Give the whole body.

        Raises:
            AskError: there is no answer, or not all of it.
        """
        return b"".join([piece async for piece in self])

    def _trouble(self, error: CurlError) -> AskError:
        said = str(error.message)
        if self.status:
            return AskError(f"the answer broke off: {said}", "Try again.")
        return AskError(
            f"{self._url} cannot be reached: {said}", _CURES.get(error.errno, _OTHERWISE)
        )

    def _prepare(self, curl: pycurl.Curl) -> None:
        self._set_up(curl)
        self._transfer.prepare(curl)

    def _receive_header_line(self, line: str) -> None:
        if line.startswith("HTTP/"):
            # A proxy's answer, or an interim one, may have come before.
            self.headers.clear()
            with suppress(ValueError, IndexError):
                self.status = int(line.split(maxsplit=2)[1])
        elif line.strip():
            with suppress(HTTPInputError):
                self.headers.parse_line(line.rstrip("\r\n"))


class Caller:
    """Makes requests to one service, one at a time.

    Made on the loop that it will run on.

    Args:
        url: of the service, without ``/v1``.
        key: bearer token; empty is none.
        seconds: that the whole of a request may take.
        ca_file: certificates to trust there, in place of the usual ones.
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        seconds: float = NO_TIMEOUT,
        *,
        ca_file: Path | None = None,
    ) -> None:
        self._url = url
        self._common = {
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            **({"Authorization": f"Bearer {key}"} if key else {}),
        }
        self._seconds = seconds
        self._ca_certs = str(ca_file) if ca_file else None
        self._http = CurlAsyncHTTPClient(force_instance=True, max_clients=1)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """Send a request; what is given as its body becomes JSON."""
        exchange = Exchange(self._url, path)
        exchange.begin(
            self._http,
            method,
            body,
            headers={**self._common, **(headers or {})},
            request_timeout=self._seconds,
            ca_certs=self._ca_certs,
        )
        return exchange

    def close(self) -> None:
        """Close all connections, once no request is under way."""
        self._http.close()
