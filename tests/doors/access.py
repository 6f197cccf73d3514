"""Keys of callers, and what Coze was shown of tokens."""

import hashlib
import hmac
import json

from tests.support.canaries import MARK

# Every key of these tests begins so, so that it can be looked for.
SECRET = f"{MARK}door-"
ANN, BOB, LIMITED, UNNAMED, OTHER = (
    f"{SECRET}{name}" for name in ("ann", "bob", "limited", "unnamed", "other")
)
EXCHANGE = "/api/permission/oauth2/token"


def bearer(key):
    """The header that shows a key, for keyword arguments."""
    return {"Authorization": f"Bearer {key}"}


def digest(key):
    """What PROXY_KEYS_FILE has of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def comparisons(monkeypatch):
    """How long what is compared in constant time is, both sides, from now on."""
    compared = []
    compare = hmac.compare_digest

    def noted(one, other):
        compared.append((len(one), len(other)))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    return compared


def keys_file(folder, **entries):
    """Write a PROXY_KEYS_FILE; the names are those of the keys above."""
    path = folder / "keys.json"
    path.write_text(json.dumps(entries))
    return str(path)


def shown(key):
    """A token as the stand-in remembers it."""
    return f"Bearer sha256:{digest(key)[:16]}"


def tokens_seen(sandbox, path):
    """The tokens that came to one of Coze's paths, in order, as the stand-in remembers them."""
    return [r.headers.get("authorization") for r in sandbox.requests if r.path == path]


def exchanges(sandbox):
    """How often a token was asked for."""
    return len(tokens_seen(sandbox, EXCHANGE))
