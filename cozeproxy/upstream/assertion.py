"""The JWT that an OAuth app signs to get an access token: its key and its claims.

Everything here is a pure function of its arguments. Header and claims are those of docs.coze.cn,
oauth_jwt, and of cozepy 0.20.0 (``auth/__init__.py``).
"""

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from cozeproxy.upstream.transport import is_loopback

# What RS256 asks for (RFC 7518, 3.3).
LEAST_KEY_BITS = 2048
# A JWT is used once and at once, so its times are there to bear clocks that are off: a clock may be
# ahead by the one and behind by the other. An hour is what cozepy 0.20.0 takes.
BACKDATED = 30
GOOD_FOR = 3600

_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)

WANTED = (
    "an RSA private key as PEM text, from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----,"
    " with line breaks or \\n between its lines, or base64 of all that"
)
WHOLE = (
    "a private key to its last line, -----END ...; in a file of settings several lines need quotes"
    " around them"
)
UNENCRYPTED = "a private key without a passphrase; 'openssl pkey -in KEY -out NEW' makes one of it"


class KeyFormatError(ValueError):
    """A text is no key that can sign; says what it must be, to follow the words "must be"."""


@dataclass(frozen=True)
class OAuthApp:
    """An app of type JWT as Coze's console shows it.

    Attributes:
        app_id: its id.
        key_id: the fingerprint of its public key.
        key: its private key.
        audience: the host that gives tokens, without scheme and path.
    """

    app_id: str
    key_id: str
    key: RSAPrivateKey
    audience: str


def audience_of(base_url: str) -> str:
    """Give the ``aud`` for an address: its host; on this machine with the port, as cozepy does."""
    parts = urlsplit(base_url)
    return parts.netloc if is_loopback(base_url) else parts.hostname or ""


def sign(app: OAuthApp, *, now: float, jti: str, session_name: str) -> str:
    """Make a JWT.

    Args:
        app: the app that asks.
        now: the time in unix seconds.
        jti: a random text that no other JWT has: each is taken once.
        session_name: Coze keeps the memory of sessions with different names apart.
    """
    issued_at = int(now) - BACKDATED
    claims = {
        "iss": app.app_id,
        "aud": app.audience,
        "iat": issued_at,
        "exp": int(now) + GOOD_FOR,
        "jti": jti,
        "session_name": session_name,
    }
    return jwt.encode(claims, app.key, algorithm="RS256", headers={"kid": app.key_id})


def load_key(text: str) -> RSAPrivateKey:
    r"""Read a private key, however it was pasted.

    Taken are PEM (PKCS#8, or PKCS#1 as ``BEGIN RSA PRIVATE KEY``) with any line breaks, with
    literal ``\n``, in quotes; and base64 of that, or of the key's DER form.

    Raises:
        KeyFormatError: it is no RSA key, or one with a passphrase, or no private one.
    """
    der = _der(text)
    try:
        key = load_der_private_key(der, password=None)
    except TypeError as error:
        raise KeyFormatError(UNENCRYPTED) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFormatError(WANTED) from error
    if not isinstance(key, RSAPrivateKey):
        raise KeyFormatError("an RSA private key; this one is of another kind")
    if key.key_size < LEAST_KEY_BITS:
        raise KeyFormatError(
            f"an RSA private key of at least {LEAST_KEY_BITS} bits; this one has {key.key_size}"
        )
    return key


def _der(text: str) -> bytes:
    text = _unescaped(text)
    found = _PEM.search(text)
    if found is None and text.startswith("-----BEGIN"):
        raise KeyFormatError(WHOLE)
    if found is None:
        decoded = _base64(text)
        found = _PEM.search(_unescaped(decoded.decode("latin-1")))
        if found is None:
            return decoded
    label, body = found.groups()
    # The one is in the label of PKCS#8, the other in the headers of PKCS#1 (RFC 1421, 4.6.1.1).
    if "ENCRYPTED" in label or "Proc-Type:" in body:
        raise KeyFormatError(UNENCRYPTED)
    if "PRIVATE KEY" not in label:
        raise KeyFormatError(f"an RSA private key; this one is marked {label}")
    return _base64(body)


def _unescaped(text: str) -> str:
    return text.replace("\\r", "\n").replace("\\n", "\n").strip().strip("\"'")


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise KeyFormatError(WANTED) from error
