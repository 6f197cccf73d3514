"""The upstream: answers as it is ordered, in pieces, so that an answer has a middle."""

import asyncio
import random
import re
import socket
import struct
import sys
from typing import cast

from benchmark.upstream import LAST_CHUNK, START, chat, ending, event, message

from soaking.orders import found_in, said, token

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
REFUSAL = b'{"code":4028,"msg":"no credit"}'
PAGE = b"<html>nobody is here</html>"
CANCELLED = b'{"code":0,"msg":""}'
# How many pieces an answer comes in, and the most seconds between two.
PIECES = 3
PAUSE = 0.02
# A connection that is not used for so many seconds is closed, as servers do.
IDLE_SECONDS = 2.0
LINGER = struct.pack("ii", 1, 0)


def response(status: str, kind: str, body: bytes) -> bytes:
    """Return a response that is no stream."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Upstream(asyncio.Protocol):
    """One connection: answers one request after the other."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._received = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it does not matter
        """Say no more."""
        self._wait(None)

    def data_received(self, data: bytes) -> None:
        """Answer a request as soon as it is complete."""
        received = self._received = self._received + data
        head, found, body = received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not found or (length and len(body) < int(length[1])):
            return
        self._received = b""
        self._wait(None)
        order = found_in(body)
        if order is None:
            self._end(response("200 OK", "application/json", CANCELLED))
        elif order[0] == "refuse":
            self._end(response("200 OK", "application/json", REFUSAL))
        elif order[0] == "html":
            self._end(response("502 Bad Gateway", "text/html", PAGE))
        else:
            self._transport.write(START)
            self._say(*order, 0)

    def _say(self, kind: str, tokens: int, begin: int) -> None:
        end = min(tokens, begin + max(1, tokens // PIECES))
        pieces = [message("delta", token(i)) for i in range(begin, end)]
        self._transport.write(b"".join(pieces))
        if end < tokens:
            pause = random.random() * PAUSE  # noqa: S311 - nothing is secret here
            self._timer = self._loop.call_later(pause, self._say, kind, tokens, end)
        elif kind == "close":
            self._transport.close()
        elif kind == "reset":
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
            self._transport.abort()
        elif kind == "fail":
            self._end(chat("failed", last_error={"code": 5000, "msg": "no"}) + LAST_CHUNK)
        elif kind == "garbage":
            self._end(event("conversation.message.delta", "nothing") + LAST_CHUNK)
        elif kind != "silence":
            self._end(ending(said(tokens)))

    def _end(self, data: bytes) -> None:
        self._transport.write(data)
        self._wait(self._loop.call_later(IDLE_SECONDS, self._transport.close))

    def _wait(self, timer: asyncio.TimerHandle | None) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = timer


async def serve() -> None:
    """Listen, print the port, and answer until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        sys.exit(0)
