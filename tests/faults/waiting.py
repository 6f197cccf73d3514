"""Waiting for what nothing tells of, as long as the test may take."""

import asyncio


async def eventually(condition):
    """Wait until something is so."""
    while not condition():  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0.01)
