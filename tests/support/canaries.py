"""Secrets that can be found again: those that the tests give to the service, in all its settings.

Whatever the service says to its callers, and whatever it logs, is looked through for them by
``tests/support/watch.py``, in each test.
"""

import base64
import functools
import hashlib

from cozeproxy.sandbox import Sandbox
from tests.upstream.keys import PEM

# Every key of callers and of the owner begins so, and the password of every proxy.
MARK = "sk-canary-"
CALLER_KEY = f"{MARK}caller"
ADMIN_KEY = f"{MARK}owner"
METRICS_KEY = f"{MARK}scraper"
SETTINGS = {
    "COZE_API_KEY": Sandbox.API_KEY,
    "COZE_JWT_PRIVATE_KEY": PEM,
    "PROXY_API_KEYS": CALLER_KEY,
    "PROXY_ADMIN_KEY": ADMIN_KEY,
    "METRICS_KEY": METRICS_KEY,
}
# Those that mean something else, or cannot be, where the other is set.
INSTEAD = {
    "COZE_JWT_PRIVATE_KEY_FILE": "COZE_JWT_PRIVATE_KEY",
    "PROXY_KEYS_FILE": "PROXY_API_KEYS",
    "COZE_TOKEN_PASSTHROUGH": "PROXY_API_KEYS",
    "TOKEN_ENDPOINTS": "PROXY_ADMIN_KEY",
    "METRICS_PUBLIC": "METRICS_KEY",
}

ACCESS_TOKENS = "access tokens"


def settings_for(environment, *, keys):
    """Every secret setting, as far as it goes with what a test sets; with keys or without."""
    left_out = {INSTEAD[name] for name in environment if name in INSTEAD}
    left_out |= set() if keys else {"PROXY_API_KEYS", "PROXY_ADMIN_KEY"}
    return {name: value for name, value in SETTINGS.items() if name not in left_out} | environment


def speaks_of_keys(environment):
    """Whether a test says itself what callers have to show."""
    return any("PROXY_API_KEYS" in (name, INSTEAD.get(name)) for name in environment)


def lines_of(pem):
    """What cannot be missed of a private key, whatever part of it is shown."""
    return pem.splitlines()[1:-1]


@functools.cache
def looked_for():
    """What nothing may show, by its name: whole, or the beginning of every secret of its kind."""
    first, *_, last = lines_of(PEM)
    return {
        "a key of callers or of the owner": MARK,
        "the API key": Sandbox.API_KEY,
        ACCESS_TOKENS: "czs_",
        "a JWT": "eyJ",
        "the digest of a key": hashlib.sha256(CALLER_KEY.encode()).hexdigest(),
        "the private key": first,
        "the private key's end": last,
        "the private key as base64": base64.b64encode(PEM.encode()).decode()[80:120],
    }
