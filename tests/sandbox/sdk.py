"""cozepy, the official SDK, as the judge."""

import asyncio
import warnings
from collections.abc import Callable
from typing import TypeVar

with warnings.catch_warnings():
    # cozepy 0.20.0 signs its JWTs with a part of Authlib that is deprecated; Authlib insists on
    # showing that unless it is told otherwise after its own import.
    import authlib.deprecate

    warnings.simplefilter("ignore", authlib.deprecate.AuthlibDeprecationWarning)
    import cozepy

__all__ = ["cozepy", "in_thread", "text_of"]

Result = TypeVar("Result")


async def in_thread(work: Callable[[], Result]) -> Result:
    """Run something that blocks, while the stand-in runs on this loop."""
    return await asyncio.get_running_loop().run_in_executor(None, work)


def text_of(events) -> str:
    """Return the text of a chat's deltas."""
    return "".join(
        event.message.content
        for event in events
        if event.event == cozepy.ChatEventType.CONVERSATION_MESSAGE_DELTA
    )
