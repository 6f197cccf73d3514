"""The load: asks, leaves, and judges what came."""

import asyncio
import json
import re
import socket
import struct
from collections import Counter
from collections.abc import Iterator

from benchmark.caller import openai_request

from soaking.orders import WHOLE, Order, said

BUFFER = 2**16
DELTA = b'"delta":{"content":"t'
LINGER = struct.pack("ii", 1, 0)
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
# An answer that has not ended by then will not end.
GIVE_UP_SECONDS = 60.0


class Caller:
    """Asks one request after the other, on a connection that is kept where it can be."""

    def __init__(self, port: int, outcomes: "Counter[str]") -> None:
        self._port = port
        self._outcomes = outcomes
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, orders: Iterator[Order]) -> None:
        """Ask all that there is to ask, together with others who do the same."""
        for order in orders:
            try:
                async with asyncio.timeout(GIVE_UP_SECONDS):
                    outcome = await self._outcome(order)
            except (ConnectionError, asyncio.IncompleteReadError, TimeoutError) as error:
                outcome = f"UNEXPECTED: {order.kind}, {type(error).__name__}"
                self._leave()
            self._outcomes[outcome] += 1
        self._leave()

    async def _outcome(self, order: Order) -> str:
        if self._open is None:
            self._open = await asyncio.open_connection("127.0.0.1", self._port, limit=BUFFER)
        reader, writer = self._open
        writer.write(openai_request(order.text, stream=order.stream))
        if order.leaves is not None:
            await self._leave_midway(order, reader)
            return "left by its caller"
        head = await reader.readuntil(b"\r\n\r\n")
        body = await body_of(head, reader)
        wrong = fault_of(order, head, body)
        return f"UNEXPECTED: {order.kind}, {wrong}" if wrong else order.kind

    async def _leave_midway(self, order: Order, reader: asyncio.StreamReader) -> None:
        seen = b""
        while order.stream and order.leaves and seen.count(DELTA) < order.leaves:
            piece = await reader.read(BUFFER)
            if not piece:
                raise ConnectionResetError
            seen += piece
        self._leave(resets=order.resets)

    def _leave(self, *, resets: bool = False) -> None:
        if self._open is None:
            return
        _, writer = self._open
        if resets:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
            writer.transport.abort()
        else:
            writer.close()
        self._open = None


async def body_of(head: bytes, reader: asyncio.StreamReader) -> bytes:
    """Read the body that belongs to a head."""
    length = LENGTH.search(head)
    if length:
        return await reader.readexactly(int(length[1]))
    pieces = []
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        pieces.append((await reader.readexactly(size + 2))[:-2])
        if not size:
            return b"".join(pieces)


def fault_of(order: Order, head: bytes, body: bytes) -> str | None:
    """Say what is wrong with an answer, if it is neither whole nor an error."""
    status = int(head.split(None, 2)[1])
    if order.kind == WHOLE:
        return None if status == 200 and _text(order, body) == said(order.tokens) else "not whole"
    if status != 200:
        return None if json.loads(body).keys() == {"error"} else "no error in it"
    if not order.stream:
        return "success"
    frames = [json.loads(line[6:]) for line in body.split(b"\n\n") if line.startswith(b"data: {")]
    if b"[DONE]" in body or b'"finish_reason":"' in body:
        return "it looks like a success"
    return None if frames[-1].keys() == {"error"} else "no error at its end"


def _text(order: Order, body: bytes) -> str | None:
    """The text of an answer that has ended well, None where it has not."""
    if not order.stream:
        choice = json.loads(body)["choices"][0]
        return str(choice["message"]["content"]) if choice["finish_reason"] == "stop" else None
    *lines, last, end = body.split(b"\n\n")
    if last != b"data: [DONE]" or end:
        return None
    choices = [json.loads(line[6:])["choices"][0] for line in lines if line.startswith(b"data: ")]
    if [c["finish_reason"] for c in choices] != [None] * (len(choices) - 1) + ["stop"]:
        return None
    return "".join(choice["delta"].get("content", "") for choice in choices)


async def soak(port: int, orders: Iterator[Order], connections: int) -> "Counter[str]":
    """Ask all of this, by so many callers; return how it came out."""
    outcomes: Counter[str] = Counter()
    callers = [Caller(port, outcomes) for _ in range(connections)]
    await asyncio.gather(*(caller.run(orders) for caller in callers))
    return outcomes
