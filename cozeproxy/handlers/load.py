"""What the service has taken on at a time, and how much it takes on."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from tornado.http1connection import HTTP1Connection
from tornado.iostream import IOStream
from tornado.web import RequestHandler

from cozeproxy.errors import OverloadedError

TOO_MANY_BYTES = "The service has too many bytes of requests in memory."


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
        self._open: set[RequestHandler] = set()
        self._empty: asyncio.Future[None] | None = None

    def check(self) -> None:
        """Refuse a request where there are as many as there may be.

        Raises:
            OverloadedError: there are.
        """
        if self._requests >= self._max_requests:
            raise OverloadedError

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Count a request that leads to Coze, as long as it does.

        Raises:
            OverloadedError: there are as many as there may be.
        """
        self.check()
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1

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

    def open(self, handler: RequestHandler) -> None:
        """Note that a caller waits for an answer."""
        self._open.add(handler)

    def close(self, handler: RequestHandler) -> None:
        """Note that it does not any more."""
        self._open.discard(handler)
        if self._empty and not self._open:
            self._empty.set_result(None)
            self._empty = None

    def leave(self) -> set[IOStream]:
        """Let what is open be the last on its connection; gives those connections."""
        self.leaving = True
        for handler in self._open:
            # Without effect where the head of the answer is out already.
            handler.set_header("Connection", "close")
        return {cast("HTTP1Connection", h.request.connection).stream for h in self._open}

    async def answered(self, seconds: float) -> None:
        """Wait until nobody waits for an answer, for that long at the most."""
        if self._open:
            self._empty = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._empty], timeout=seconds)
            self._empty = None
