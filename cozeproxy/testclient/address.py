"""Addresses of services, as people write them."""

import ipaddress
import re
from urllib.parse import urlsplit

# Names that no resolver of the public gives (RFC 6761, RFC 6762, RFC 9476; ".internal" by ICANN).
_INSIDE = re.compile(r"(^|\.)(localhost|local|internal|test|home\.arpa|alt)$")


def service_url(text: str) -> str:
    """The address of a service, from one with or without ``/v1`` and ``http://``.

    Raises:
        ValueError: it is no address; worded to follow "must be".
    """
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, or brackets without a pair
        sound = False
    if not sound or not re.fullmatch(r"[!-~]+", url) or re.search(r"[?#@]", url):
        raise ValueError("an address such as http://localhost:3000, without user name and query")
    return url.rstrip("/").removesuffix("/v1").rstrip("/")


def is_public(url: str) -> bool:
    """Whether an address is one that the whole internet may reach, as far as it tells."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        # A name without a dot is of this machine, or of a network of containers.
        return "." in host.rstrip(".") and not _INSIDE.search(host.rstrip("."))
