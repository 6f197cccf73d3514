"""What to do where Coze gives no token.

Pure functions. Coze documents a refusal's ``error_code`` (docs.coze.cn, oauth_jwt), and under one
of them, ``invalid_client``, whatever can be wrong with a JWT; the text beside it is not documented.
So the text is searched for the words that JWTs are spoken of with, and where none of them is in it,
all that can be wrong is said.
"""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from cozeproxy.settings import Settings
from cozeproxy.upstream.assertion import audience_of
from cozeproxy.upstream.grant import TokenError

# The two sites of Coze that know nothing of each other's apps: host of the API -> host of the
# other one's (cozepy 0.20.0, config.py).
OTHER_SITE = {"api.coze.com": "api.coze.cn", "api.coze.cn": "api.coze.com"}


def host_of(settings: Settings) -> str:
    """The host that is asked for tokens."""
    return urlsplit(settings.coze_base_url).hostname or ""


def audience_in(settings: Settings) -> str:
    """What the JWT has as ``aud``."""
    return settings.coze_jwt_aud or audience_of(settings.coze_base_url)


def cure_for(error: TokenError, settings: Settings) -> str:
    """Say what to do about a token that could not be had."""
    cure = _BY_CODE.get(error.code or "")
    if cure:
        return cure(error, settings)
    if error.refused:
        return "Check the app in Coze's console, and that it is of the type for JWT."
    if error.code:
        return "The trouble is Coze's own. Try again later."
    return (
        f"Check that COZE_BASE_URL, {settings.coze_base_url}, is the address of Coze's API, such as"
        " https://api.coze.com, and try again."
    )


def _invalid_client(error: TokenError, settings: Settings) -> str:
    for words, cure in _BY_WORDS:
        if re.search(words, error.reason, re.IGNORECASE):
            return cure(settings)
    every = [cure(settings) for _, cure in _BY_WORDS]
    return "It is one of these. " + " ".join(f"({n}) {cure}" for n, cure in enumerate(every, 1))


def _invalid_request(_: TokenError, settings: Settings) -> str:
    given = {
        "COZE_JWT_TTL": settings.coze_jwt_ttl,
        "COZE_JWT_ACCOUNT_ID": settings.coze_jwt_account_id,
        "COZE_JWT_SCOPE": settings.coze_jwt_scope,
    }
    names = [name for name, value in given.items() if value is not None]
    return f"Check {' and '.join(names)}."


def _access_denied(error: TokenError, _: Settings) -> str:
    if "deactivated" in error.reason:
        return "The app's owner has to activate it again in Coze's console."
    if "app type" in error.reason:
        return "Make another app in Coze's console, of the type for JWT, and use that one."
    return "Check in Coze's console that the app is active, and of the type for JWT."


def _unsupported(_: TokenError, settings: Settings) -> str:
    return (
        f"What answers at {settings.coze_base_url} gives no tokens for JWTs. Use Coze itself, such"
        " as https://api.coze.com, or an API key."
    )


def _clock(_: Settings) -> str:
    return "Set this machine's clock: Coze takes the JWT for one that is too old or too new."


def _audience(settings: Settings) -> str:
    if settings.coze_jwt_aud:
        return (
            f"Coze is not {settings.coze_jwt_aud}: take COZE_JWT_AUD out, so that the JWT is for"
            f" {audience_of(settings.coze_base_url)}."
        )
    return (
        f"The JWT is for {audience_in(settings)}, the host of COZE_BASE_URL. If Coze has another"
        " name there, set COZE_JWT_AUD to that." + _site(settings)
    )


def _key(settings: Settings) -> str:
    return (
        "The private key does not match the public key that Coze has under"
        f" {settings.coze_jwt_key_id}. Use the file that was saved when that key was made, or make"
        " another pair, and set COZE_JWT_KEY_ID with it."
    )


def _key_id(settings: Settings) -> str:
    return (
        f"Coze has no public key {settings.coze_jwt_key_id}. Copy COZE_JWT_KEY_ID from the app's"
        " keys in Coze's console: it is the fingerprint there." + _site(settings)
    )


def _app_id(settings: Settings) -> str:
    return (
        f"The key is not of the app {settings.coze_jwt_app_id}. Copy COZE_JWT_APP_ID from the app"
        " in Coze's console that has the key." + _site(settings)
    )


def _site(settings: Settings) -> str:
    host = host_of(settings)
    other = OTHER_SITE.get(host)
    if other is None:
        return ""
    return (
        f" {host} knows no app of {other.removeprefix('api.')}; for one, set"
        f" COZE_BASE_URL=https://{other}."
    )


# The first that fits. "Signature has expired" is about time, so time goes before the key.
_BY_WORDS: tuple[tuple[str, Callable[[Settings], str]], ...] = (
    (r"expired|\bexp\b|\biat\b|\bnbf\b|not yet", _clock),
    (r"\baud", _audience),
    (r"\bkid\b|public key|fingerprint", _key_id),
    (r"signature|verif", _key),
    (r"\biss|\bapp", _app_id),
)
_BY_CODE: dict[str, Callable[[TokenError, Settings], str]] = {
    "invalid_client": _invalid_client,
    "invalid_request": _invalid_request,
    # Spelt in one way among the errors of JWTs, in the other among those of devices.
    "access_deny": _access_denied,
    "access_denied": _access_denied,
    "unsupported_grant_type": _unsupported,
}
