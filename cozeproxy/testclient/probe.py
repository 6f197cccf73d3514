"""One plain call that finds out whether Coze can be reached, and what time it is there."""

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import pycurl
from tornado.curl_httpclient import CurlAsyncHTTPClient, CurlError
from tornado.httpclient import HTTPRequest

from cozeproxy.settings import Settings
from cozeproxy.upstream.exchange import CONNECT_TIMEOUT, REQUEST_TIMEOUT
from cozeproxy.upstream.transport import USER_AGENT, prepare

# Asked with GET and without a JWT, so it does nothing but answer.
TOKEN_PATH = "/api/permission/oauth2/token"  # noqa: S105 - it is no password

_ADDRESS = (
    "Check COZE_BASE_URL, and whether a firewall is in the way. Where the way out leads through a"
    " proxy, https_proxy must name it."
)
# What to do, by libcurl's number of what went wrong.
_CURES = {
    pycurl.E_COULDNT_RESOLVE_PROXY: "Check https_proxy in the environment.",
    pycurl.E_SSL_CONNECT_ERROR: (
        "There is something, but it does not speak TLS. Check https:// and the port in"
        " COZE_BASE_URL."
    ),
    pycurl.E_PEER_FAILED_VERIFICATION: (
        "Something else may answer in place of Coze. If that is a proxy of your own which opens TLS"
        " connections, set COZE_CA_FILE to its certificate. A clock that is off by months has the"
        " same effect."
    ),
    pycurl.E_SSL_CACERT_BADFILE: "COZE_CA_FILE must be a file with certificates as PEM.",
}


@dataclass(frozen=True)
class Reached:
    """Something has answered.

    Attributes:
        ahead: seconds by which its clock is ahead of this machine's, give or take one; None where
            the answer has no Date.
    """

    ahead: float | None


class UnreachableError(Exception):
    """Nothing answers.

    Attributes:
        reason: libcurl's words, which may name hosts and addresses: for who runs the service only.
        cure: what to do.
    """

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(reason, cure)
        self.reason = reason
        self.cure = cure


async def probe(settings: Settings) -> Reached:
    """Ask the token endpoint for nothing; any answer at all will do.

    Raises:
        UnreachableError: there is none.
    """
    http = CurlAsyncHTTPClient(force_instance=True, max_clients=1)
    request = HTTPRequest(
        settings.coze_base_url + TOKEN_PATH,
        user_agent=USER_AGENT,
        connect_timeout=CONNECT_TIMEOUT,
        request_timeout=REQUEST_TIMEOUT,
        follow_redirects=False,
        ca_certs=str(settings.coze_ca_file) if settings.coze_ca_file else None,
        prepare_curl_callback=prepare(settings.coze_base_url),
    )
    asked_at = time.time()
    try:
        response = await http.fetch(request, raise_error=False)
    except CurlError as error:
        cure = _CURES.get(error.errno, _ADDRESS)
        raise UnreachableError(str(error.message), cure) from error
    finally:
        http.close()
    return Reached(_ahead(response.headers.get("Date"), (asked_at + time.time()) / 2))


def _ahead(date: str | None, here: float) -> float | None:
    try:
        # A Date is cut to whole seconds: half of one is the best guess at the rest.
        return parsedate_to_datetime(date).timestamp() + 0.5 - here if date else None
    except ValueError:
        return None
