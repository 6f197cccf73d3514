"""What a request asks, out of its body."""

import gc
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from cozeproxy.protocol.openai import ChatRequest
from cozeproxy.protocol.parsing import ignored_fields
from cozeproxy.protocol.plan import Plan, Rules

T = TypeVar("T")

# From here on a body is read beside the loop. Up to here that takes a millisecond at the most.
LARGE = 128 * 1024


class Asked(NamedTuple):
    """A request to be answered: all that is needed of it but the texts, which are in the plan.

    Attributes:
        model: the name that the answer gives back.
        streaming: whether the answer is to come in chunks.
        include_usage: whether the last of them has the usage.
        plan: how it is served.
        ignored: fields that are without effect.
    """

    model: str
    streaming: bool
    include_usage: bool
    plan: Plan
    ignored: list[str]


class Reading(NamedTuple):
    """How the requests of an endpoint are read. Both raise a RequestError.

    Attributes:
        parse: makes a request of a body.
        make_plan: decides how it is served.
    """

    parse: Callable[[bytes], ChatRequest]
    make_plan: Callable[[ChatRequest, Mapping[str, str], Rules, str | None], Plan]


def read(
    pieces: list[bytes],
    headers: Mapping[str, str],
    rules: Rules,
    key_name: str | None,
    reading: Reading,
) -> Asked:
    """Read a body, which is used up by it.

    Raises:
        RequestError: it cannot be served.
    """
    body = b"".join(pieces)
    pieces.clear()
    request = reading.parse(body)
    plan = reading.make_plan(request, headers, rules, key_name)
    ignored = ignored_fields(body)
    if not plan.attachments:
        # Now, as it is as long as the body.
        made = plan.call(iter(()))
        plan.call = lambda _: made
    return Asked(request.model, bool(request.stream), request.include_usage, plan, ignored)


def without_collection(read: Callable[[list[bytes]], T], pieces: list[bytes]) -> T:
    """Read a body in another thread than the loop's.

    Python would look for garbage, again and again and in the time of all threads, among the many
    objects that are only just being made.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        return read(pieces)
    finally:
        if was_on:
            gc.enable()
