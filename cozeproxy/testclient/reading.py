"""Reading what a service says of itself, and what it lists: JSON, at a path."""

import json
from typing import Any

from cozeproxy.testclient.calls import Caller
from cozeproxy.testclient.troubles import refused

# With this status a service says that it is not ready, and why.
UNAVAILABLE = 503


async def read(caller: Caller, path: str) -> dict[str, Any]:
    """Give the JSON object that is at a path.

    Raises:
        AskError: there is none.
    """
    return await _read(caller, path, 200)


async def read_state(caller: Caller) -> str:
    """Give what a service says of whether it takes requests: "ready", or why it does not.

    Raises:
        AskError: it does not say.
    """
    found = await _read(caller, "/ready", 200, UNAVAILABLE)
    return str(found.get("status"))


async def _read(caller: Caller, path: str, *statuses: int) -> dict[str, Any]:
    async with caller.send("GET", path) as exchange:
        body = await exchange.whole()
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    # What stands in front of a service has answers of its own, which hold an error if anything.
    sound = exchange.status in statuses and isinstance(found, dict) and "error" not in found
    if not sound:
        raise refused(exchange.status, exchange.headers, body)
    return dict(found)
