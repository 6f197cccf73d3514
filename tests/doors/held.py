"""The token endpoint of the stand-in, which can be held: an exchange takes as long as it must."""

import asyncio

from cozeproxy.sandbox.oauth import TokenHandler
from tests.doors.access import EXCHANGE


class HeldEndpoint:
    """Takes the place of a stand-in's token endpoint.

    Attributes:
        times: when each exchange was asked for.
    """

    def __init__(self, sandbox, clock):
        self.times = []
        self._clock = clock
        self._holds = False
        self._waiting = []
        self._asked = asyncio.Condition()
        sandbox.app.add_handlers(".*", [(EXCHANGE, _Handler, {"sandbox": sandbox, "held": self})])

    def hold(self):
        """Answer nothing until release()."""
        self._holds = True

    def release(self):
        """Answer what waits, and what comes."""
        self._holds = False
        for gate in self._waiting:
            gate.set()
        self._waiting.clear()

    async def asked(self, count):
        """Wait until so many exchanges have been asked for, in all."""
        async with self._asked:
            await self._asked.wait_for(lambda: len(self.times) >= count)

    async def arrived(self):
        """Take note of an exchange, and wait until it may be answered."""
        self.times.append(self._clock())
        async with self._asked:
            self._asked.notify_all()
        if self._holds:
            self._waiting.append(asyncio.Event())
            await self._waiting[-1].wait()


class _Handler(TokenHandler):
    def initialize(self, sandbox, held):
        super().initialize(sandbox)
        self._held = held

    async def post(self):
        await self._held.arrived()
        super().post()
