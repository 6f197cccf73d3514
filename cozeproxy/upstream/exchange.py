"""Exchanging JWTs for access tokens, over HTTP.

Endpoint and request are those of docs.coze.cn, oauth_jwt, and of cozepy 0.20.0
(``auth/__init__.py``).
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

import msgspec
import pycurl
from tornado.curl_httpclient import CurlAsyncHTTPClient, CurlError
from tornado.httpclient import HTTPRequest, HTTPResponse

from cozeproxy.settings import MASK
from cozeproxy.upstream.assertion import OAuthApp, sign
from cozeproxy.upstream.grant import (
    STOPPING,
    TOLERATED_SKEW,
    Grant,
    Reply,
    TokenError,
    read_grant,
)
from cozeproxy.upstream.transport import USER_AGENT, prepare, transfer_error

logger = logging.getLogger(__name__)

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CONNECT_TIMEOUT = 5.0
REQUEST_TIMEOUT = 10.0
# Exchanges at a time, where each user has a token; a handle is made for each at the start.
MAX_EXCHANGES = 20
MAX_ANSWER_BYTES = 64 * 1024
# Bytes of randomness in the name of a JWT; docs.coze.cn, oauth_jwt, advises so many.
JTI_BYTES = 32


@dataclass(frozen=True)
class Terms:
    """What is asked for, and where.

    Attributes:
        base_url: as in ``https://api.coze.com``.
        app: who asks.
        seconds: how long a token is to live.
        account_id: the organisation that it is for; without one it is for the app's owner.
        scope: what it may do, as JSON text; without it all that the app may.
        ca_file: certificates to trust in place of the well-known ones.
    """

    base_url: str
    app: OAuthApp
    seconds: int
    account_id: str | None = None
    scope: str | None = None
    ca_file: Path | None = None


class Exchange:
    """Asks one token endpoint for one app's tokens. Made on the loop that it will run on.

    Args:
        terms: what is asked for.
        wall: the time in unix seconds.
        jti: a new random text each time.
    """

    def __init__(
        self,
        terms: Terms,
        *,
        wall: Callable[[], float] = time.time,
        jti: Callable[[], str] = lambda: secrets.token_hex(JTI_BYTES),
    ) -> None:
        self._terms = terms
        self._wall = wall
        self._jti = jti
        account = f"account/{terms.account_id}/" if terms.account_id else ""
        self._url = f"{terms.base_url}/api/permission/oauth2/{account}token"
        body = {"grant_type": GRANT_TYPE, "duration_seconds": terms.seconds}
        scope = {"scope": msgspec.Raw(terms.scope.encode())} if terms.scope else {}
        self._body = msgspec.json.encode({**body, **scope})
        # Seconds to add to this machine's time in a JWT; learnt when Coze has refused one.
        self._correction = 0.0
        # A client of its own: exchanges must not queue behind streams.
        self._http = CurlAsyncHTTPClient(
            force_instance=True, max_clients=MAX_EXCHANGES, max_body_size=MAX_ANSWER_BYTES
        )
        self._set_up = prepare(terms.base_url)
        self._calls: set[asyncio.Future[HTTPResponse]] = set()
        # Every handle that was ever used, at most MAX_EXCHANGES; close() needs them.
        self._handles: set[pycurl.Curl] = set()
        # Set by close(), read by libcurl through _prepare() and the progress function.
        self._closed = False

    async def __call__(self, session_name: str) -> Grant:
        """Get a new token for a session.

        A refused JWT is signed anew once where its times, going by the answer, were not Coze's.

        Raises:
            TokenError: there is none.
        """
        correction = self._correction
        try:
            return await self._ask(session_name, correction)
        except TokenError as error:
            if error.skew is None or not error.refused:
                raise
            if abs(error.skew - correction) <= TOLERATED_SKEW:
                raise
            logger.warning("JWTs are signed with Coze's time, %.0f s from ours", error.skew)
            self._correction = error.skew
        return await self._ask(session_name, self._correction)

    async def close(self) -> None:
        """End the exchanges that run, as failures, and close all connections."""
        if self._closed:
            return
        self._closed = True
        for handle in self._handles:
            # Pausing and going on makes libcurl look at the flag at once. What is idle refuses.
            with suppress(pycurl.error):
                handle.pause(pycurl.PAUSE_ALL)
                handle.pause(pycurl.PAUSE_CONT)
        if self._calls:
            await asyncio.wait(self._calls)
        self._http.close()

    async def _ask(self, session_name: str, correction: float) -> Grant:
        assertion = sign(
            self._terms.app,
            now=self._wall() + correction,
            jti=self._jti(),
            session_name=session_name,
        )
        response = await self._post(assertion)
        # Some servers quote what they were sent.
        body = response.body.replace(assertion.encode(), MASK.encode())
        reply = Reply(response.code, body, _seconds(response.headers.get("Date")))
        return read_grant(reply, asked=self._terms.seconds, now=self._wall())

    async def _post(self, assertion: str) -> HTTPResponse:
        if self._closed:
            raise TokenError(STOPPING)
        request = HTTPRequest(
            self._url,
            method="POST",
            headers={
                "Authorization": f"Bearer {assertion}",
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
            body=self._body,
            user_agent=USER_AGENT,
            connect_timeout=CONNECT_TIMEOUT,
            request_timeout=REQUEST_TIMEOUT,
            # The JWT is for this host only.
            follow_redirects=False,
            ca_certs=str(self._terms.ca_file) if self._terms.ca_file else None,
            prepare_curl_callback=self._prepare,
        )
        call = self._http.fetch(request, raise_error=False)
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        try:
            return await call
        except CurlError as error:
            # Only close() aborts.
            stopped = error.errno == pycurl.E_ABORTED_BY_CALLBACK
            raise TokenError(STOPPING if stopped else str(transfer_error(error))) from error

    def _prepare(self, curl: pycurl.Curl) -> None:
        self._set_up(curl)
        curl.setopt(pycurl.NOPROGRESS, 0)
        curl.setopt(pycurl.XFERINFOFUNCTION, lambda *_: int(self._closed))
        self._handles.add(curl)


def _seconds(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None
