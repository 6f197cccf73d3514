"""Time between attempts that passes when a test says so."""

import time

from cozeproxy.upstream.session import Timing


class Pauses:
    """Gives the service its time and chance, and does at each pause what the test wants.

    Attributes:
        asked: for how many seconds each pause was to be.
        then: what happens in place of a pause.
        passed: seconds that have passed beside those of the clock.
        chance: what there is of it, from 0 to 1.
    """

    def __init__(self):
        self.asked = []
        self.passed = 0.0
        self.chance = 0.5
        self.then = self.nothing
        self.timing = Timing(self._clock, self._sleep, lambda: self.chance)

    async def nothing(self):
        pass

    def _clock(self):
        return time.monotonic() + self.passed

    async def _sleep(self, seconds):
        self.asked.append(seconds)
        await self.then()
