"""What is ordered of the upstream, in the text of a request, and what each caller does."""

import random
import re
from collections.abc import Iterator
from typing import NamedTuple

# Ways in which the upstream fails, after some tokens unless it says otherwise.
FAULTS = (
    "close",  # its connection ends with a FIN,
    "reset",  # or with an RST,
    "fail",  # or it says that the chat has failed,
    "garbage",  # or something that cannot be decoded,
    "silence",  # or nothing any more
    "refuse",  # it refuses, in place of an answer,
    "html",  # or there is only an error page of what stands before it
)
WHOLE = "whole"
ABORTS = 0.10
FAILURES = 0.05
NOT_STREAMED = 0.10
MOST_TOKENS = 40
_ORDER = re.compile(rb"soak-([a-z]+)-(\d+)")


class Order(NamedTuple):
    """One request.

    Attributes:
        kind: WHOLE, or one of FAULTS.
        tokens: how many the upstream says.
        stream: whether the answer is streamed.
        leaves: after how many tokens the caller leaves; None where it stays.
        resets: whether it leaves with an RST.
    """

    kind: str
    tokens: int
    stream: bool = True
    leaves: int | None = None
    resets: bool = False

    @property
    def text(self) -> str:
        """The order, as the upstream finds it in a request."""
        return f"soak-{self.kind}-{self.tokens}"


def orders(number: int, seed: int) -> Iterator[Order]:
    """Give this many orders, the same ones for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - nothing is secret here
    for _ in range(number):
        drawn = chance.random()
        tokens = chance.randint(1, MOST_TOKENS)
        stream = chance.random() >= NOT_STREAMED
        if drawn < ABORTS:
            leaves = chance.randint(0, tokens)
            yield Order(WHOLE, tokens, stream, leaves, chance.random() < 1 / 2)
        elif drawn < ABORTS + FAILURES:
            yield Order(chance.choice(FAULTS), tokens, stream)
        else:
            yield Order(WHOLE, tokens, stream)


def found_in(request: bytes) -> tuple[str, int] | None:
    """Find the order in a request's body: its kind and its tokens."""
    found = _ORDER.search(request)
    return (found[1].decode(), int(found[2])) if found else None


def said(tokens: int) -> str:
    """Return the text that so many tokens make."""
    return "".join(token(i) for i in range(tokens))


def token(number: int) -> str:
    """Return one of the tokens."""
    return f"t{number} "
