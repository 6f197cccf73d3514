"""What every call to Coze has in common: the way there, and what it means where the way fails."""

import asyncio
import ipaddress
import logging
import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import pycurl
from tornado.curl_httpclient import CurlError
from tornado.httpclient import HTTPResponse

from cozeproxy import __version__
from cozeproxy.errors import (
    ServiceError,
    UpstreamBrokenError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from cozeproxy.protocol.failures import LOGID, Reply, known

USER_AGENT = f"cozeproxy/{__version__}"

logger = logging.getLogger(__name__)

# What may go on to callers, and into the log: what a value looks like, and not what else a server
# could put there, such as the token that it was sent.
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9.+-]{1,50}/[A-Za-z0-9.+-]{1,50}")
# Seconds, or a date as HTTP writes it.
_RETRY_AFTER = re.compile(r"[0-9]{1,10}|[A-Za-z]{3}, [0-9A-Za-z: ]{1,30}")

_UNREACHABLE = {
    pycurl.E_COULDNT_RESOLVE_HOST,
    pycurl.E_COULDNT_RESOLVE_PROXY,
    pycurl.E_COULDNT_CONNECT,
    pycurl.E_SSL_CONNECT_ERROR,
}
_UNTRUSTED = {pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT_BADFILE}


def is_loopback(base_url: str) -> bool:
    """Whether an address is one of this machine's own."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def prepare(base_url: str) -> Callable[[pycurl.Curl], None]:
    """Give what sets a handle up for calls to an address, as ``prepare_curl_callback`` wants it.

    libcurl itself heeds ``https_proxy``, ``http_proxy`` and ``no_proxy`` of the environment.
    """
    # A proxy for the outside world must not be asked for this machine.
    direct = is_loopback(base_url)

    def set_up(curl: pycurl.Curl) -> None:
        # Without it libcurl sets and resets signal handlers around every piece.
        curl.setopt(pycurl.NOSIGNAL, 1)
        # Not HTTP/2. There a stream that is paused goes on filling libcurl's own memory, up to the
        # ten megabytes of its window; and where one connection carries all streams, its end is the
        # end of them all.
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        # The kernel finds out that the other side has vanished, also where nothing is awaited.
        curl.setopt(pycurl.TCP_KEEPALIVE, 1)
        # Where loggers are set to DEBUG, Tornado's client would log every header, token and all.
        curl.setopt(pycurl.VERBOSE, 0)
        if direct:
            curl.setopt(pycurl.PROXY, "")

    return set_up


class Transfer:
    """A call under way: what can be done to it from outside.

    Args:
        ends_chat: it tells Coze that nobody waits for a chat any more.

    Attributes:
        ends_chat: the same.
        done: resolved when it is over, however it ended; set by whoever starts it.
        aborted: it was ended from here.
        reason: what whoever waits for it is told then; None where nobody does.
    """

    done: "asyncio.Future[HTTPResponse]"

    def __init__(self, *, ends_chat: bool = False) -> None:
        self.ends_chat = ends_chat
        self.aborted = False
        self.reason: ServiceError | None = None
        self._curl: pycurl.Curl | None = None

    def prepare(self, curl: pycurl.Curl) -> None:
        """Take over a handle that is about to make the call.

        Raises:
            CurlError: the call was ended while it waited for a handle, and is not to be made.
        """
        if self.aborted:
            raise CurlError(pycurl.E_ABORTED_BY_CALLBACK, "ended before it began")
        self._curl = curl
        curl.setopt(pycurl.XFERINFOFUNCTION, _end)

    def abort(self, reason: ServiceError | None = None) -> None:
        """End the call and close its connection, now, whether or not Coze is sending."""
        if not self.aborted:
            self.aborted = True
            self.reason = reason
            if self._curl is None or self.done.done():
                return
            # libcurl asks from now on whether to go on, when something happens on the connection.
            # Pausing and going on is what happens. While it looks up the host's address it does not
            # ask, but sees that the time is over.
            self._curl.setopt(pycurl.NOPROGRESS, 0)
            self._curl.setopt(pycurl.TIMEOUT_MS, 1)
            self.kick(pycurl.PAUSE_ALL)
            self.kick(pycurl.PAUSE_CONT)

    def kick(self, action: int) -> None:
        """Pause the handle, or let it go on, as libcurl's constant says."""
        # Once the call is over the handle belongs to the next one.
        if self._curl is None or self.done.done():
            return
        try:
            self._curl.pause(action)
        except pycurl.error:
            # The transfer has failed meanwhile; whoever waits for it is told how.
            logger.debug("a transfer that has failed cannot be paused", exc_info=True)


def _end(*_totals: int) -> int:
    """What libcurl takes for: do not go on. It asks only once it is told to."""
    return 1


def transfer_error(error: CurlError) -> UpstreamError:
    """Say what it means for a caller that a transfer failed.

    libcurl's own texts name hosts and addresses, which are not the caller's to know.
    """
    if error.errno == pycurl.E_OPERATION_TIMEDOUT:
        return UpstreamTimeoutError("Coze did not answer in time.")
    if error.errno in _UNREACHABLE:
        return UpstreamUnreachableError("Coze cannot be reached.")
    if error.errno in _UNTRUSTED:
        return UpstreamUnreachableError(
            "Coze cannot be reached: its certificate is not to be trusted.", may_pass=False
        )
    return UpstreamBrokenError("The connection to Coze broke off.")


def logid_of(headers: Mapping[str, str]) -> str | None:
    """Coze's name for a call, under the header of the hosted service or of coze-studio.

    Names of headers are in lower case, or those of a mapping that does not care.
    """
    return known(LOGID, headers.get("x-tt-logid") or headers.get("x-log-id"))


def read_reply(status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    """What matters of an answer that is no stream."""
    kind = known(_MEDIA_TYPE, headers.get("content-type", "").partition(";")[0]) or ""
    retry_after = known(_RETRY_AFTER, headers.get("retry-after"))
    return Reply(status, kind, body, logid_of(headers), retry_after)
