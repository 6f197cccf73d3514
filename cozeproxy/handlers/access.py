"""Who may use the service, and for what: callers' keys, and the guard of what only its owner sees.

Keys are known by their SHA-256 digests: what is compared, and what a dump could show, is no key.
"""

import hmac
import ipaddress
from collections import Counter
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

from cozeproxy.errors import BAD_TOKEN, FORBIDDEN, RATE_LIMIT, ServiceError
from cozeproxy.settings import CallerKey, digest_of

# A reverse proxy adds at least one of these, or one that begins with the prefix; whoever came
# through one is not on this machine.
FORWARDING = ("Forwarded", "Via", "X-Real-Ip")
FORWARDING_PREFIX = "X-Forwarded-"


class BadKeyError(ServiceError):
    """The caller has no key, or a wrong one. It is not repeated."""

    answer = BAD_TOKEN._replace(resend=False)

    def __init__(self) -> None:
        super().__init__("Incorrect API key provided.")


class TooManyError(ServiceError):
    """The caller's key has as many requests open as it may have."""

    answer = RATE_LIMIT
    retry_after = "1"

    def __init__(self, limit: int) -> None:
        super().__init__(f"This API key may have {limit} requests open at a time.")


class ForbiddenError(ServiceError):
    """The caller's key is good, and not for this."""

    answer = FORBIDDEN._replace(resend=False)


class KeyRing:
    """The keys that are taken. Without any, everybody is let in.

    Args:
        keys: of callers.
        allowed: the only bots and workflows that any of them may use; empty is all.
    """

    def __init__(self, keys: Iterable[CallerKey], allowed: Iterable[str] = ()) -> None:
        self._keys = list(keys)
        self._allowed = frozenset(allowed) or None
        self._anybody = CallerKey(None, b"")
        self._open: Counter[CallerKey] = Counter()

    def is_limited(self, key: CallerKey) -> bool:
        """Whether there is anything that a key may not use."""
        return self._allowed is not None or key.allowed is not None

    def allows(self, key: CallerKey, ids: Sequence[str]) -> bool:
        """Whether all these bots and workflows are for a key."""
        limits = (self._allowed, key.allowed)
        return all(allowed is None or allowed.issuperset(ids) for allowed in limits)

    def check(self, key: CallerKey, ids: Sequence[str]) -> None:
        """Refuse bots and workflows that are not for a key.

        Raises:
            ForbiddenError: one of them is not.
        """
        if not self.allows(key, ids):
            raise ForbiddenError("This API key may not use that bot or workflow.")

    def find(self, request: HTTPServerRequest) -> CallerKey:
        """The key of a request.

        Raises:
            BadKeyError: there are keys, and the request has none of them.
        """
        if not self._keys:
            return self._anybody
        digest = digest_of(bearer(request) or request.headers.get("api-key", ""))
        found = None
        for key in self._keys:
            # All are compared, so that the time tells nothing of which one it was.
            if hmac.compare_digest(key.digest, digest):
                found = key
        if found is None:
            raise BadKeyError
        return found

    def enter(self, key: CallerKey) -> None:
        """Count a request of a key, until leave().

        Raises:
            TooManyError: the key has too many already.
        """
        if key.max_concurrent is not None and self._open[key] >= key.max_concurrent:
            raise TooManyError(key.max_concurrent)
        self._open[key] += 1

    def leave(self, key: CallerKey) -> None:
        """Count a request of a key no more."""
        self._open[key] -= 1


def bearer(request: HTTPServerRequest) -> str:
    """The token of the Authorization header, empty where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class Guard:
    """Lets in who may see tokens and how the service is set up.

    Args:
        admin_key: whoever has it is let in, from wherever it comes.
        loopback: without an admin key, requests of this machine are let in.
    """

    def __init__(self, admin_key: str | None, *, loopback: bool) -> None:
        self._digest = digest_of(admin_key) if admin_key else None
        self._loopback = loopback

    def admits(self, request: HTTPServerRequest) -> bool:
        """Whether a request is let in."""
        if self._digest is not None:
            return hmac.compare_digest(self._digest, digest_of(bearer(request)))
        return self._loopback and _is_local(request)

    def check(self, request: HTTPServerRequest) -> None:
        """Refuse who is not let in, and say how it can be.

        Raises:
            ForbiddenError: who asks is not let in.
        """
        if not self.admits(request):
            how = (
                "Send 'Authorization: Bearer' with the service's PROXY_ADMIN_KEY."
                if self._digest is not None
                else "Set PROXY_ADMIN_KEY and send it as bearer token, or on a machine of your own"
                " set TOKEN_ENDPOINTS=loopback and ask from that machine."
            )
            raise ForbiddenError(f"This is not open to everybody. {how}")


def _is_local(request: HTTPServerRequest) -> bool:
    """Whether a request comes from this machine, and from no web page of another origin.

    The Host header must be this machine's too: a page whose name was rebound to 127.0.0.1 comes
    from this machine, and says its own name there.
    """
    headers = request.headers
    if any(name in FORWARDING or name.startswith(FORWARDING_PREFIX) for name in headers):
        return False
    # Where there is none, Tornado's request.host makes one up.
    host = headers.get("Host", "")
    if not _is_loopback(request.remote_ip or "") or not _is_loopback(_host(f"//{host}")):
        return False
    origin = headers.get("Origin")
    if origin is not None and origin != f"{request.protocol}://{host}":
        return False
    return headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
