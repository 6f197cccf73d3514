"""How late the event loop is."""

import time
from collections.abc import Callable

from tornado.ioloop import IOLoop

# Seconds between two looks. A stall that is longer is always seen, a shorter one now and then.
INTERVAL = 0.25


class LoopLag:
    """Looks again and again how much later than asked for the loop does something.

    While one handler keeps the loop busy, all streams stand still for as long.

    Args:
        observe: is told the seconds.
    """

    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe
        self._due = 0.0
        self._timeout: object = None

    def start(self) -> None:
        """Begin, on the current loop."""
        self._due = time.monotonic() + INTERVAL
        self._timeout = IOLoop.current().call_later(INTERVAL, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._timeout is not None:
            IOLoop.current().remove_timeout(self._timeout)
            self._timeout = None

    def _look(self) -> None:
        self._observe(max(0.0, time.monotonic() - self._due))
        self.start()
