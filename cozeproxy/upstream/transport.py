"""What every call to Coze has in common: the way there, and what it means where the way fails."""

import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit

import pycurl
from tornado.curl_httpclient import CurlError
from tornado.httputil import HTTPHeaders

from cozeproxy import __version__
from cozeproxy.errors import (
    UpstreamBrokenError,
    UpstreamError,
    UpstreamTimeoutError,
    UpstreamUnreachableError,
)
from cozeproxy.protocol.failures import Reply

USER_AGENT = f"cozeproxy/{__version__}"

# Of a header that is passed on to callers.
LONGEST_VALUE = 100

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
        if direct:
            curl.setopt(pycurl.PROXY, "")

    return set_up


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
            "Coze cannot be reached: its certificate is not to be trusted."
        )
    return UpstreamBrokenError("The connection to Coze broke off.")


def logid_of(headers: HTTPHeaders) -> str | None:
    """Coze's name for a call, under the header of the hosted service or of coze-studio."""
    return _plain(headers.get("X-Tt-Logid") or headers.get("X-Log-Id"))


def read_reply(status: int, headers: HTTPHeaders, body: bytes) -> Reply:
    """What matters of an answer that is no stream."""
    kind = _plain(headers.get("Content-Type")) or ""
    return Reply(status, kind, body, logid_of(headers), _plain(headers.get("Retry-After")))


def _plain(value: str | None) -> str | None:
    """A header's value, if it may go on to the caller: short, and printable ASCII."""
    if value and len(value) <= LONGEST_VALUE and value.isascii() and value.isprintable():
        return value
    return None
