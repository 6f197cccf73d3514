"""What the token endpoint answers: a token and its life, or why there is none.

Everything here is a pure function of its arguments. An answer is one of two JSON objects without
Coze's usual envelope (docs.coze.cn, oauth_jwt; error fields as in coze-go's ``error.go``)::

    {"access_token": "czs_...", "expires_in": 1721135859}
    {"error_code": "invalid_client", "error_message": "...", "error": "..."}
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from cozeproxy.errors import UPSTREAM, UpstreamError
from cozeproxy.settings import Secret

# Seconds that two clocks may be apart before it is worth a word.
TOLERATED_SKEW = 30.0
# Coze sends a time under a name that means a duration, other places a duration. No token lives for
# thirty years, and no clock is at 2001.
EARLIEST_TIME = 1_000_000_000
LONGEST_TEXT = 300
# The reason where nobody is to blame.
STOPPING = "the service is stopping"

_HINTS = {
    "invalid_client": (
        " Check that COZE_JWT_APP_ID, COZE_JWT_KEY_ID and the private key are of one OAuth app, and"
        " that COZE_BASE_URL and COZE_JWT_AUD name the site on which it was made."
    ),
    "invalid_request": " Check COZE_JWT_TTL, COZE_JWT_SCOPE and COZE_JWT_ACCOUNT_ID.",
}


class TokenError(UpstreamError):
    """There is no access token: 502 for whoever needed one.

    Attributes:
        reason: in words; of a refusal those of Coze.
        code: ``error_code`` of the answer, None where there was none.
        refused: whether Coze has refused, so that the same request would be refused again.
        skew: seconds by which Coze's clock is ahead of this machine's; None where it did not say.
    """

    fault = "token"

    def __init__(
        self,
        reason: str,
        code: str | None = None,
        refused: bool = False,  # noqa: FBT001, FBT002 - exceptions are copied by position
        skew: float | None = None,
    ) -> None:
        super().__init__(reason, code, refused, skew)
        self.reason = reason
        self.code = code
        self.refused = refused
        self.skew = skew
        self.answer = UPSTREAM._replace(resend=not refused)

    def __str__(self) -> str:
        text = f"No access token could be had: {self.reason.removesuffix('.')}."
        text += _HINTS.get(self.code or "", "")
        if self.skew is not None and abs(self.skew) > TOLERATED_SKEW:
            side = "behind" if self.skew > 0 else "ahead of"
            text += f" This machine's clock is {abs(self.skew):.0f} s {side} Coze's."
        return text


@dataclass(frozen=True)
class Grant:
    """An access token.

    Attributes:
        token: itself.
        life: seconds for which it is good, from when it was asked for.
    """

    token: Secret
    life: float


@dataclass(frozen=True)
class Reply:
    """An answer of the token endpoint.

    Attributes:
        status: the HTTP status.
        body: the bytes.
        date: its ``Date`` in unix seconds, None where it has none.
    """

    status: int
    body: bytes
    date: float | None


def read_grant(reply: Reply, *, asked: float, now: float) -> Grant:
    """Read an answer.

    Args:
        reply: the answer.
        asked: for how many seconds a token was asked for.
        now: this machine's time, in unix seconds.

    Raises:
        TokenError: there is no token in it.
    """
    answer = _json_object(reply.body)
    token = answer.get("access_token")
    # What is not printable ASCII cannot go into a header.
    if isinstance(token, str) and token and token.isascii() and token.isprintable():
        # A Date is cut to whole seconds, so it may be nearly one later there.
        there = now if reply.date is None else reply.date + 1
        return Grant(Secret(token), life_of(answer.get("expires_in"), asked=asked, now=there))
    raise _refusal(reply, answer, now)


def life_of(expires_in: object, *, asked: float, now: float) -> float:
    """Tell how many seconds a new token is good for.

    The times of one machine are compared with each other where the answer has a ``Date``, so a
    clock of ours that is off does no harm. Where it has none, two limits bound the harm: no token
    lives longer than was asked for, and none is all but dead on arrival.

    Args:
        expires_in: as it came: a time in unix seconds, or a duration; either may be text.
        asked: for how many seconds it was asked for.
        now: the time of whoever answered, in unix seconds.
    """
    try:
        value = float(expires_in)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return asked
    left = value if value < EARLIEST_TIME else value - now
    return min(left, asked) if left >= 1 else asked


def _refusal(reply: Reply, answer: dict[str, Any], now: float) -> TokenError:
    skew = None if reply.date is None else reply.date - now
    code = _text(answer, "error_code") or _text(answer, "error") or _text(answer, "code")
    message = (
        _text(answer, "error_message") or _text(answer, "error_description") or _text(answer, "msg")
    )
    said = ": ".join(filter(None, dict.fromkeys([code, message, _text(answer, "error")])))
    reason = f"Coze answered {said or 'without one'} (HTTP {reply.status})"
    passing = reply.status >= 500 or reply.status in (408, 429) or code == "internal_error"
    return TokenError(reason, code, code is not None and not passing, skew)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _text(answer: dict[str, Any], name: str) -> str | None:
    value = answer.get(name)
    if not isinstance(value, str | int) or value in ("", 0):
        return None
    # It goes into logs and to callers: one line of it, and no book.
    return "".join(c if c.isprintable() else " " for c in str(value))[:LONGEST_TEXT]
