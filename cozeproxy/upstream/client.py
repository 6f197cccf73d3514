"""Calls to Coze, streaming and not.

The engine is Tornado's curl client: it keeps connections, and parses in C.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pycurl
from tornado.curl_httpclient import CurlAsyncHTTPClient, CurlError
from tornado.httpclient import HTTPRequest, HTTPResponse

from cozeproxy.errors import OverloadedError, StoppingError
from cozeproxy.protocol import failures
from cozeproxy.protocol.request import Call
from cozeproxy.settings import Secret
from cozeproxy.upstream.stream import MOST_REMAINDERS, Remainders, UpstreamStream
from cozeproxy.upstream.transport import USER_AGENT, Transfer, prepare, read_reply, transfer_error

MAX_CONTROL_CALLS = 50
MAX_CANCELS = 20
MAX_FORMS = 100
# More than any answer has that is no stream; pages of bots and workflows are the longest.
MAX_ANSWER_BYTES = 8 * 1024 * 1024
# Seconds.
CONTROL_TIMEOUT = 20.0


class CozeClient:
    """Makes calls to one Coze site, each with the token it is given.

    Args:
        base_url: as in ``https://api.coze.com``.
        ca_file: certificates to trust in place of the well-known ones.
        connect_timeout: seconds that a connection may take to be made.
        max_streams: how many answers may be on their way at a time. A handle is made for each at
            the start, and whoever calls keeps to it: what is more would wait, unseen.
    """

    def __init__(
        self,
        base_url: str,
        ca_file: Path | None = None,
        *,
        connect_timeout: float = 10.0,
        max_streams: int = 1000,
    ) -> None:
        self._base_url = base_url
        self._common: dict[str, Any] = {
            "user_agent": USER_AGENT,
            "connect_timeout": connect_timeout,
            # The token is for this host only.
            "follow_redirects": False,
            "decompress_response": False,
            "ca_certs": str(ca_file) if ca_file else None,
        }
        self._set_up = prepare(base_url)
        # force_instance: the shared instance of the loop has ten slots, and users outside this.
        self._http = CurlAsyncHTTPClient(
            force_instance=True, max_clients=max_streams + MOST_REMAINDERS
        )
        # Short calls must not queue behind streams, nor those that somebody waits for behind those
        # that nobody does.
        self._control = _short_calls(MAX_CONTROL_CALLS)
        self._cancels = _short_calls(MAX_CANCELS)
        # Files and recordings take minutes, so that they have room of their own.
        self._forms = _short_calls(MAX_FORMS)
        self._forms_open = 0
        self._open: set[Transfer] = set()
        self._stopping = False
        self._remainders = Remainders()

    def stream(
        self, call: Call, token: Secret, receiver: Callable[[], None], *, fresh: bool = False
    ) -> UpstreamStream:
        """Start a streaming call; the receiver is called when there is something of the answer.

        Whoever calls looks at the time: the call has no bound but that for connecting.

        Args:
            call: to be made.
            token: to make it with.
            receiver: called in a turn of the loop after something has come; it calls the stream's
                take() and resume().
            fresh: make it on no connection that was kept.

        Raises:
            StoppingError: calls have been ended.
        """
        stream = UpstreamStream(receiver, call, self._set_up, self._remainders, fresh=fresh)
        request = HTTPRequest(
            self._base_url + call.path + (f"?{urlencode(call.query)}" if call.query else ""),
            method="POST",
            headers={
                "Authorization": f"Bearer {token.reveal()}",
                "Content-Type": "application/json",
                "Accept": call.accept,
                # Compressed tokens would wait in the compressor of whoever compresses them.
                "Accept-Encoding": "identity",
            },
            body=call.body,
            request_timeout=0,
            header_callback=stream.receive_header_line,
            streaming_callback=stream.receive,
            prepare_curl_callback=stream.prepare,
            **self._common,
        )
        self._begin(stream.transfer, self._http, request)
        return stream

    async def get(self, path: str, query: Mapping[str, str], token: Secret) -> bytes:
        """Ask for something; give the JSON of Coze's answer.

        Raises:
            UpstreamError: Coze refused, or cannot be reached.
        """
        return await self.call("GET", Call(path, query, b""), token)

    async def call(
        self,
        method: str,
        call: Call,
        token: Secret,
        content_type: str = "application/json",
        timeout: float = CONTROL_TIMEOUT,  # noqa: ASYNC109 - libcurl keeps it
    ) -> bytes:
        """Make a call that is no stream, with any method; give the JSON of Coze's answer.

        Raises:
            UpstreamError: Coze refused, or cannot be reached.
        """
        return await self._control_call(
            call.path + (f"?{urlencode(call.query)}" if call.query else ""),
            token,
            {"Content-Type": content_type} if call.body else {},
            method=method,
            body=call.body or None,
            # Tornado would insist on a body for a POST, and on none for a DELETE.
            allow_nonstandard_methods=True,
            request_timeout=timeout,
        )

    async def send(
        self, path: str, content_type: str, body: bytes, token: Secret, seconds: float
    ) -> bytes:
        """Send something large, which may take so many seconds; give the JSON of Coze's answer.

        Raises:
            OverloadedError: there are as many such calls as there may be.
            UpstreamError: Coze refused it, or cannot be reached, or not in time.
        """
        if self._forms_open >= MAX_FORMS:
            # It would wait, unseen.
            raise OverloadedError
        self._forms_open += 1
        try:
            return await self._control_call(
                path,
                token,
                {"Content-Type": content_type},
                self._forms,
                method="POST",
                body=body,
                request_timeout=seconds,
            )
        finally:
            self._forms_open -= 1

    async def cancel(self, body: bytes, token: Secret) -> None:
        """End a chat, which nobody waits for.

        Raises:
            UpstreamError: Coze refused, or cannot be reached.
        """
        await self._control_call(
            "/v3/chat/cancel",
            token,
            {"Content-Type": "application/json"},
            self._cancels,
            method="POST",
            body=body,
            request_timeout=CONTROL_TIMEOUT,
        )

    def end_calls(self) -> None:
        """End the calls that are open, as failures, and begin no more: the service stops.

        Those that end chats go on until close(): they are what Coze is still to be told.
        """
        self._stopping = True
        for transfer in list(self._open):
            if not transfer.ends_chat:
                transfer.abort(StoppingError())

    async def close(self) -> None:
        """Close all connections; those of calls that are still open, too."""
        for transfer in list(self._open):
            transfer.abort()
        if self._open:
            await asyncio.wait([transfer.done for transfer in self._open])
        for http in (self._http, self._control, self._cancels, self._forms):
            http.close()

    def _begin(self, transfer: Transfer, http: CurlAsyncHTTPClient, request: HTTPRequest) -> None:
        if self._stopping and not transfer.ends_chat:
            raise StoppingError
        transfer.done = http.fetch(request, raise_error=False)
        self._open.add(transfer)

        def over(done: "asyncio.Future[HTTPResponse]") -> None:
            self._open.discard(transfer)
            if not done.cancelled():
                # Looked at, as nobody may be left who waits for it.
                done.exception()
            # The answer leads back to its request, which would lead back to all that is here.
            request.header_callback = request.streaming_callback = None
            request.prepare_curl_callback = None

        transfer.done.add_done_callback(over)

    async def _control_call(
        self,
        path: str,
        token: Secret,
        headers: Mapping[str, str],
        http: CurlAsyncHTTPClient | None = None,
        **options: Any,
    ) -> bytes:
        authorization = f"Bearer {token.reveal()}"
        transfer = Transfer(ends_chat=http is self._cancels)

        def set_up(curl: pycurl.Curl) -> None:
            self._set_up(curl)
            transfer.prepare(curl)

        request = HTTPRequest(
            self._base_url + path,
            headers={"Authorization": authorization, "Accept": "application/json", **headers},
            prepare_curl_callback=set_up,
            **self._common,
            **options,
        )
        self._begin(transfer, http or self._control, request)
        try:
            # Shielded: a future that is cancelled would not tell when the transfer is over.
            response = await asyncio.shield(transfer.done)
        except CurlError as error:
            raise (transfer.reason or transfer_error(error)) from error
        except asyncio.CancelledError:
            transfer.abort()
            raise
        failure = failures.error_in(read_reply(response.code, response.headers, response.body))
        if failure:
            raise failure
        return response.body


def _short_calls(most: int) -> CurlAsyncHTTPClient:
    return CurlAsyncHTTPClient(
        force_instance=True, max_clients=most, max_body_size=MAX_ANSWER_BYTES
    )
