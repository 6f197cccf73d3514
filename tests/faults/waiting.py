"""Waiting for what nothing tells of, as long as the test may take."""

import asyncio
import time


async def eventually(condition):
    """Wait until something is so."""
    while not condition():  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0.01)


def hold_loop(seconds):
    """Keep the loop, which is the service's as well, from turning.

    All that happens meanwhile comes in its next turn: what sockets have, then what timers are due.
    """
    time.sleep(seconds)
