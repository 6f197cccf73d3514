"""The listening side: connections of callers, as many as there are file descriptors for."""

import asyncio
import logging
import resource
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, cast

from tornado.http1connection import HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream, StreamClosedError

from cozeproxy.errors import OverloadedError
from cozeproxy.protocol.completion import error_body

logger = logging.getLogger(__name__)

# File descriptors that are for neither callers nor answers: logs, threads, short calls to Coze.
# Where there are few in all, a quarter of them.
OWN = 128
# Connections that are taken at a time, before the loop turns to those that it has.
AT_A_TIME = 128
# What the kernel takes for a caller beyond what is on its way: it would take megabytes for one who
# does not read, and nobody would see that. Connections have it from the socket that listens.
UNSENT_BYTES = 128 * 1024
# For how long none are taken after the system has refused one.
PAUSE_SECONDS = 1.0
# What is turned away is told why; at most so many at a time, and for so long.
MOST_TURNED_AWAY = 16
TURNING_SECONDS = 1.0

_BODY = error_body(OverloadedError())
_TURNED_AWAY = (
    b"HTTP/1.1 503 Service Unavailable\r\n"
    b"Content-Type: application/json\r\n"
    b"Retry-After: 1\r\n"
    b"Connection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


def raise_limit() -> int:
    """Allow this process the file descriptors that it may allow itself; gives their number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError):  # some systems have a lower bound that they do not tell
            return soft
    return hard


def most_connections(limit: int, max_requests: int) -> int:
    """How many connections of callers there may be.

    Each request needs another one, to Coze: where not all have one, they share by halves.
    """
    left = limit - min(OWN, limit // 4)
    return max(left - max_requests, left // 2)


class CallerServer(HTTPServer):
    """HTTP towards callers.

    Attributes:
        streams: the connections that are open.
    """

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        """Take what HTTPServer takes; Tornado calls this in place of a constructor."""
        super().initialize(*args, **kwargs)
        self.streams: set[IOStream] = set()

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Serve a connection."""
        self.streams.add(stream)
        super().handle_stream(stream, address)

    def on_close(self, server_conn: object) -> None:
        """Note that a connection is closed."""
        super().on_close(server_conn)
        self.streams.discard(cast("HTTP1ServerConnection", server_conn).stream)

    def keep(self, busy: set[IOStream]) -> None:
        """Close all connections but some, and those as soon as they have had an answer."""
        self.conn_params.no_keep_alive = True
        for stream in self.streams - busy:
            stream.close()


class Listener:
    """Takes connections for a server.

    Unlike Tornado's own it outlives the moment when no more can be had: it waits then, where
    Tornado's would try again without end, and it turns callers away before that.

    Args:
        server: that serves them.
        max_requests: that may be open at a time.
    """

    def __init__(self, server: CallerServer, max_requests: int) -> None:
        self._server = server
        self._max_requests = max_requests
        self._sockets: list[socket.socket] = []
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}
        self._turning: set[asyncio.Task[None]] = set()

    def start(self, sockets: Iterable[socket.socket]) -> None:
        """Take connections from these sockets, which are stop()'s to close."""
        for sock in sockets:
            # Not all systems that are called Linux have it.
            with suppress(AttributeError, OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
            self._sockets.append(sock)
            self._listen(sock)

    def stop(self) -> None:
        """Take those that have come, and no more."""
        for sock in self._sockets:
            asyncio.get_running_loop().remove_reader(sock)
            self._accept(sock)
            if sock in self._pauses:
                self._pauses.pop(sock).cancel()
            sock.close()
        self._sockets.clear()

    def _listen(self, sock: socket.socket) -> None:
        asyncio.get_running_loop().add_reader(sock, self._accept, sock)

    def _accept(self, sock: socket.socket) -> None:
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = most_connections(limit, self._max_requests)
        for _ in range(AT_A_TIME):
            try:
                connection, address = sock.accept()
            except ConnectionAbortedError:
                continue  # it was closed while it waited
            except BlockingIOError:
                return
            except OSError as error:
                self._pause(sock, error)
                return
            stream = IOStream(connection)
            if len(self._server.streams) < most:
                self._server.handle_stream(stream, address)
            else:
                self._turn_away(stream)

    def _pause(self, sock: socket.socket, error: OSError) -> None:
        # Whoever wants to connect waits with the system meanwhile.
        logger.warning("no connection can be taken: %s", error.strerror)
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock)
        self._pauses[sock] = loop.call_later(PAUSE_SECONDS, self._listen, sock)

    def _turn_away(self, stream: IOStream) -> None:
        if len(self._turning) >= MOST_TURNED_AWAY:
            stream.close()
            return
        task = asyncio.create_task(_tell(stream))
        self._turning.add(task)
        task.add_done_callback(self._turning.discard)


async def _tell(stream: IOStream) -> None:
    """Tell a caller that there is no room, and read past what it sends: see LINGER_SECONDS."""
    try:
        async with asyncio.timeout(TURNING_SECONDS):
            await stream.write(_TURNED_AWAY)
            while True:
                await stream.read_bytes(2**16, partial=True)
    except (StreamClosedError, TimeoutError):
        stream.close()
