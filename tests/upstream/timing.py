"""A time that passes only when a test says so, and what must not take any."""

import asyncio

# Later than it is: the answers of the stand-in then carry a Date that is too early by years, so
# that a token's life is what was asked for, to the second.
START = 2_000_000_000.0


class Clock:
    """The time, for both sides; to be called."""

    def __init__(self):
        self.now = START
        self.slept = []

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        """Let time pass."""
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def at_once(coroutine):
    """Give what a coroutine returns, which must not wait for anything."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise AssertionError("it waits")
