"""A caller: a kept connection on which one request is made again and again."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import cast

CHUNKED_END = b"\r\n0\r\n\r\n"
BODY_START = b"\r\n\r\n"


def coze_request(order: str) -> bytes:
    """Return the bytes that ask Coze for a chat, as cozeproxy asks for it."""
    body = {
        "bot_id": "7379462189365198898",
        "user_id": "benchmark",
        "stream": True,
        "additional_messages": [
            {"role": "user", "type": "question", "content_type": "text", "content": order}
        ],
    }
    return _post("/v3/chat", body)


def openai_request(order: str, *, stream: bool) -> bytes:
    """Return the bytes that ask cozeproxy for a completion."""
    body = {"model": "coze", "stream": stream, "messages": [{"role": "user", "content": order}]}
    return _post("/v1/chat/completions", body)


def _post(path: str, body: object) -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer pat_benchmark\r\n"
        "Content-Type: application/json\r\nAccept: text/event-stream\r\n"
        f"User-Agent: benchmark\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


class Caller(asyncio.Protocol):
    """One connection of a caller's.

    Args:
        request: the bytes to send, each time the same.
        finished: called with this caller after each complete answer.

    Attributes:
        asked: when the request under way was sent, on the monotonic clock in nanoseconds.
        reads: what came of the answer: for each read the time, and the bytes.
        broken: what ended the connection too early.
    """

    def __init__(self, request: bytes, finished: Callable[["Caller"], None]) -> None:
        self.asked = 0
        self.reads: list[tuple[int, bytes]] = []
        self.broken = ""
        self._request = request
        self._finished = finished
        self._transport: asyncio.Transport
        self._under_way = False
        # Of an answer that is not chunked: how many bytes are still to come.
        self._left: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note an end in the middle of an answer."""
        if self._under_way:
            self._under_way = False
            self.broken = f"the connection was closed in the middle of an answer ({exc})"
            self._finished(self)

    def ask(self) -> None:
        """Send the request."""
        self.reads = []
        self._left = None
        self._under_way = True
        self.asked = time.monotonic_ns()
        self._transport.write(self._request)

    def leave(self) -> None:
        """Close the connection, whatever is under way."""
        self._under_way = False
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Keep what came, and see whether it is the end."""
        self.reads.append((time.monotonic_ns(), data))
        if len(self.reads) == 1:
            self._read_head(data)
        if self._left is not None:
            self._left -= len(data)
            complete = self._left <= 0
        elif len(data) >= len(CHUNKED_END):
            complete = data.endswith(CHUNKED_END)
        else:
            complete = self.answer().endswith(CHUNKED_END)
        if complete:
            self._under_way = False
            self._finished(self)

    def _read_head(self, data: bytes) -> None:
        head, _, _ = data.partition(BODY_START)
        _, found, length = head.lower().partition(b"content-length: ")
        if found:
            self._left = len(head) + len(BODY_START) + int(length.split(b"\r\n")[0])

    def answer(self) -> bytes:
        """Return all that came, with the head."""
        return b"".join(data for _, data in self.reads)


class StalledCaller(Caller):
    """A caller that reads the beginning of an answer, and then no more."""

    def data_received(self, data: bytes) -> None:
        """Keep what came, and stop reading."""
        super().data_received(data)
        self._transport.pause_reading()


async def connect(
    port: int,
    request: bytes,
    finished: Callable[[Caller], None],
    kind: type[Caller] = Caller,
) -> Caller:
    """Open a caller's connection."""
    _, caller = await asyncio.get_running_loop().create_connection(
        lambda: kind(request, finished), "127.0.0.1", port
    )
    return caller
