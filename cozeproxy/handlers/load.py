"""What the service has taken on at a time, and how much it takes on."""

import asyncio
from contextlib import AbstractContextManager
from typing import Protocol

from tornado.iostream import IOStream

from cozeproxy.errors import OverloadedError

TOO_MANY_BYTES = "The service has too many bytes of requests in memory."


class Waiting(Protocol):
    """A request whose caller waits for an answer."""

    def be_last(self) -> IOStream:
        """Tell the caller that no other will be answered on this connection, and give that."""

    def give_up(self) -> None:
        """End it with a failure, as the service stops, if its body or its answer is coming."""


class Load:
    """What one service has taken on.

    Args:
        max_requests: that may lead to Coze at a time.
        max_bytes: that all bodies may have together.

    Attributes:
        draining: the service is about to stop, and wants no more to do.
        leaving: it listens no more; what is answered now is the last on its connection.
    """

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self.draining = False
        self.leaving = False
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._requests = 0
        self._bytes = 0
        self._open: set[Waiting] = set()
        self._empty: asyncio.Future[None] | None = None
        self._entry = _Entry(self)

    def check(self) -> None:
        """Refuse a request where there are as many as there may be.

        Raises:
            OverloadedError: there are.
        """
        if self._requests >= self._max_requests:
            raise OverloadedError

    def entered(self) -> AbstractContextManager[None]:
        """Count a request that leads to Coze, as long as it does.

        Raises:
            OverloadedError: on entering, where there are as many as there may be.
        """
        return self._entry

    def count(self, change: int) -> None:
        """Count so many requests more that lead to Coze, or less."""
        self._requests += change

    def hold(self, size: int) -> None:
        """Count bytes of a body that has come.

        Raises:
            OverloadedError: there is no room for them.
        """
        if self._bytes + size > self._max_bytes:
            raise OverloadedError(TOO_MANY_BYTES)
        self._bytes += size

    def release(self, size: int) -> None:
        """Count bytes of a body that is no longer kept."""
        self._bytes -= size

    def open(self, request: Waiting) -> None:
        """Note that a caller waits for an answer."""
        self._open.add(request)

    def close(self, request: Waiting) -> None:
        """Note that it does not any more."""
        self._open.discard(request)
        if self._empty and not self._open:
            self._empty.set_result(None)
            self._empty = None

    def leave(self) -> set[IOStream]:
        """Let what is open be the last on its connection; gives those connections."""
        self.leaving = True
        return {request.be_last() for request in self._open}

    def give_up(self) -> None:
        """End the requests that are open with failures."""
        for request in list(self._open):
            request.give_up()

    async def answered(self, seconds: float) -> None:
        """Wait until nobody waits for an answer, for that long at the most."""
        if self._open:
            self._empty = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._empty], timeout=seconds)
            self._empty = None


class _Entry(AbstractContextManager[None]):
    """Counts what is inside ``with``: one for all requests, as it keeps nothing of any."""

    def __init__(self, load: Load) -> None:
        self._load = load

    def __enter__(self) -> None:
        self._load.check()
        self._load.count(+1)

    def __exit__(self, *_: object) -> None:
        self._load.count(-1)
