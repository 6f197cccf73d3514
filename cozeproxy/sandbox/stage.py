"""Where scripts are played: the connection of one request, or nothing where a chat is polled.

A script is played to its end even when its caller leaves, as Coze's runs are; only steps that are
about the caller itself (:class:`Silence`, :class:`StopIfAlone`) end it then.
"""

import asyncio
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable
from typing import Any, cast

from tornado.http1connection import HTTP1Connection
from tornado.iostream import IOStream, StreamClosedError
from tornado.web import RequestHandler

from cozeproxy.sandbox.errors import CozeError
from cozeproxy.sandbox.scenarios.steps import (
    Answer,
    Cut,
    Gate,
    Pause,
    Raw,
    Refuse,
    Silence,
    Start,
    StopIfAlone,
    Suspend,
)
from cozeproxy.sandbox.state import Script
from cozeproxy.sandbox.wire import Event, LineFormat

# wbits for zlib to write gzip's header and trailer.
_GZIP = 31


class Left(Exception):  # noqa: N818 - nothing is wrong
    """The caller has left a script that was only there for it."""


class Replaced(Exception):  # noqa: N818 - nothing is wrong
    """The script gives a whole response of another kind in place of Coze's."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self.answer = answer


class Stage:
    """The response that a script is played into.

    Args:
        handler: The request's handler; None writes nothing, for a chat that is polled.
        lines: How events are written.
    """

    def __init__(self, handler: RequestHandler | None, lines: LineFormat) -> None:
        self._handler = handler
        self._lines = lines
        self._count = 0
        self._compressor: Any = None
        # The bare connection, once the script has left HTTP's rules.
        self._bare: IOStream | None = None
        # Set with the first event: from then on the chat exists for a caller that polls.
        self.opened = asyncio.Event()
        # Set when the caller has left.
        self.gone = asyncio.Event()

    async def start(self, start: Start) -> None:
        """Prepare the response's head; it goes out with the first bytes."""
        self.opened.set()
        if self._handler is None:
            return
        stream = _connection(self._handler).stream
        # A token must not wait for the acknowledgement of the one before it.
        stream.set_nodelay(True)
        if start.http10:
            self._bare = self._handler.detach()
            self._bare.set_close_callback(self.gone.set)
            head = f"HTTP/1.0 200 OK\r\nContent-Type: {start.content_type}\r\n\r\n"
            await self.write(head.encode())
            return
        self._handler.set_header("Content-Type", start.content_type)
        self._handler.set_header("Cache-Control", "no-cache")
        if start.gzip:
            self._handler.set_header("Content-Encoding", "gzip")
            self._compressor = zlib.compressobj(wbits=_GZIP)

    async def emit(self, event: Event) -> None:
        """Write one event in the format of this stream."""
        if not self.opened.is_set():
            await self.start(Start())
        for piece in self._lines(self._count, event):
            await self.write(piece)
        self._count += 1

    async def write(self, data: bytes) -> None:
        """Write bytes and wait until the system has taken them: a slow caller slows the script."""
        if self._compressor is not None:
            data = self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        await self._send(data)

    async def end(self) -> None:
        """Finish what the script has left open."""
        if self._compressor is not None:
            await self._send(self._compressor.flush())
        if self._bare is not None:
            self._bare.close()

    def cut(self, *, reset: bool) -> None:
        """Close the connection with nothing said; with ``reset``, by a TCP RST."""
        if self._handler is None or self.gone.is_set():
            return
        stream = self._bare or _connection(self._handler).stream
        if reset:
            linger = struct.pack("ii", 1, 0)
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.gone.set()
        stream.close()

    async def _send(self, data: bytes) -> None:
        if self._handler is None or self.gone.is_set():
            return
        try:
            if self._bare is not None:
                await self._bare.write(data)
                return
            self._handler.write(data)
            await self._handler.flush()
        except StreamClosedError:
            self.gone.set()


async def play(
    script: Script,
    stage: Stage,
    *,
    watch: Callable[[Event], None],
    gate: Callable[[], Awaitable[None]],
    came: Any = None,
) -> Script | None:
    """Play a script up to its end or to where it waits for the caller.

    Args:
        script: A fresh script, or one that was suspended.
        stage: Where to.
        watch: Sees each event before it is written.
        gate: Waits at the request's gate.
        came: What a suspended script was waiting for.

    Returns:
        The script, if it is suspended now; None if it has ended.

    Raises:
        CozeError: The script refuses the request.
        Replaced: The script answers with something else.
        Left: The caller has left, and the script was only there for it.
    """
    while True:
        try:
            step = script.send(came)
        except StopIteration:
            await stage.end()
            return None
        came = None
        match step:
            case Event():
                watch(step)
                await stage.emit(step)
            case Suspend():
                await stage.end()
                return script
            case Gate():
                await gate()
            case _:
                await _play_step(step, stage)


async def _play_step(step: object, stage: Stage) -> None:
    """Play one of the steps that need no more than the stage."""
    match step:
        case Start():
            await stage.start(step)
        case Raw():
            await stage.write(step.data)
        case Pause():
            await asyncio.sleep(step.seconds)
        case Silence():
            await stage.gone.wait()
            raise Left
        case StopIfAlone():
            if stage.gone.is_set():
                raise Left
        case Cut():
            stage.cut(reset=step.reset)
        case Refuse():
            raise CozeError(step.code, step.message, status=step.status, headers=dict(step.headers))
        case Answer():
            raise Replaced(step)
        case _:
            raise TypeError(f"not a step: {step!r}")


def _connection(handler: RequestHandler) -> HTTP1Connection:
    return cast("HTTP1Connection", handler.request.connection)
