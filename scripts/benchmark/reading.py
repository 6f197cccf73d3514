"""What answers say: whether they are complete, and when their tokens came."""

import re
from itertools import pairwise
from typing import NamedTuple

from benchmark.caller import BODY_START, Caller

OK = b"HTTP/1.1 200 "
# By dialect: what stands in an answer once for each token, and once at its end.
DELTA = {"coze": b"event:conversation.message.delta\n", "openai": b'"delta":{"content":"'}
DONE = {"coze": b"event:done\n", "openai": b"data: [DONE]\n"}
FAILURE = {"coze": b"event:error", "openai": b'"error":'}
# What stands between two chunks, which proxies cut anew, also inside a token.
BETWEEN_CHUNKS = re.compile(rb"\r\n[0-9a-f]+\r\n")


class UnexpectedAnswerError(Exception):
    """An answer is not what it should be, so that its figures would mean nothing."""


def check_stream(caller: Caller, dialect: str, tokens: int) -> None:
    """Check that a streamed answer is complete, with each token in a delta of its own."""
    answer = _success(caller)
    if FAILURE[dialect] in answer:
        raise UnexpectedAnswerError(f"a failure: {answer[-300:]!r}")
    wanted = (tokens, 1)
    found = answer.count(DELTA[dialect]), answer.count(DONE[dialect])
    if found != wanted:
        answer = _body_of(answer)
        found = answer.count(DELTA[dialect]), answer.count(DONE[dialect])
    if found != wanted:
        raise UnexpectedAnswerError(f"tokens and ends: {found} in place of {wanted}")


def check_whole(caller: Caller) -> None:
    """Check an answer that is no stream."""
    answer = _success(caller)
    if b'"finish_reason":"stop"' not in answer:
        raise UnexpectedAnswerError(f"no complete answer: {answer[-300:]!r}")


def _success(caller: Caller) -> bytes:
    answer = caller.answer()
    if caller.broken or not answer.startswith(OK):
        raise UnexpectedAnswerError(f"no success: {caller.broken} {answer[:300]!r}")
    return answer


def _body_of(answer: bytes) -> bytes:
    """Return the body of a chunked answer."""
    _, _, left = answer.partition(BODY_START)
    body = []
    while left:
        size, _, left = left.partition(b"\r\n")
        length = int(size, 16)
        body.append(left[:length])
        left = left[length + 2 :]
    return b"".join(body)


class Token(NamedTuple):
    """A token that arrived.

    Attributes:
        sent: when, on the clock that both ends share, in nanoseconds.
        arrived: when, on the same clock.
        together: how many came in the same read.
    """

    sent: int
    arrived: int
    together: int


def tokens_of(caller: Caller, number: int) -> list[Token]:
    """Return the dripped tokens of an answer, at most that many, as Coze repeats all at its end."""
    tokens: list[Token] = []
    carried = b""
    for arrived, data in caller.reads:
        parts = (carried + data).split(b"~")
        # An even number: it was cut inside a stamp, which the next read goes on with.
        carried = b"~" + parts.pop() if len(parts) % 2 == 0 else b""
        stamps = parts[1::2]
        for stamp in stamps:
            whole = stamp if stamp.isdigit() else BETWEEN_CHUNKS.sub(b"", stamp)
            tokens.append(Token(int(whole), arrived, len(stamps)))
    return tokens[:number]


def check_drip(caller: Caller, dialect: str, number: int) -> list[Token]:
    """Check a stream of dripped tokens, and return them."""
    check_stream(caller, dialect, number)
    tokens = tokens_of(caller, number)
    if len(tokens) != number or any(a.sent >= b.sent for a, b in pairwise(tokens)):
        raise UnexpectedAnswerError(f"{len(tokens)} tokens in place of {number}, or out of order")
    return tokens
