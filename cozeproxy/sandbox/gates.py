"""Gates: a test holds a script at a step until it has seen what the step before it did.

This proves streaming without clocks: chunk N is let go only when chunk N-1 has arrived.

A gate is a named counter of steps that may pass. It comes into being when somebody names it; a
step that is released before a script asks for it is kept, so that neither side can be too early.
"""

import asyncio
from collections import defaultdict


class Gates:
    """All gates of one stand-in, by name."""

    def __init__(self) -> None:
        # Steps released and not yet used.
        self._passes: defaultdict[str, int] = defaultdict(int)
        # Scripts that stand at the gate, longest waiting first.
        self._queues: defaultdict[str, list[asyncio.Future[None]]] = defaultdict(list)
        # Set, and replaced, whenever a script comes to a gate.
        self._arrived = asyncio.Event()
        self._open = False

    def waiting(self, name: str) -> int:
        """Return how many scripts stand at the gate now."""
        return len(self._queues[name]) if name in self._queues else 0

    def release(self, name: str, steps: int = 1) -> None:
        """Let that many steps through, now or when they come."""
        self._passes[name] += steps
        queue = self._queues[name]
        while queue and self._passes[name]:
            self._passes[name] -= 1
            queue.pop(0).set_result(None)
        self._forget_if_idle(name)

    def open_all(self) -> None:
        """Let everything through from now on; for the end of the stand-in."""
        self._open = True
        for name in list(self._queues):
            self.release(name, len(self._queues[name]))

    async def reached(self, name: str, count: int = 1) -> None:
        """Wait until that many scripts stand at the gate."""
        while self.waiting(name) < count:
            await self._arrived.wait()

    async def step(self, name: str) -> None:
        """Stand at the gate until a step is released; called by scripts."""
        if self._open:
            return
        if self._passes[name]:
            self._passes[name] -= 1
            self._forget_if_idle(name)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues[name].append(future)
        self._arrived.set()
        self._arrived = asyncio.Event()
        try:
            await future
        except asyncio.CancelledError:
            if future in self._queues[name]:
                self._queues[name].remove(future)
            self._forget_if_idle(name)
            raise

    def _forget_if_idle(self, name: str) -> None:
        if not self._passes[name]:
            del self._passes[name]
        if name in self._queues and not self._queues[name]:
            del self._queues[name]
