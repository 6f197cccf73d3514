"""The upstream: a server that speaks Coze's event stream and costs little.

What it sends is told by words inside the request's body:

* ``burst-TOKENS``: a whole answer at once,
* ``drip-TOKENS-MILLISECONDS``: the first token at once, and then one at each interval,
* ``flood-BYTES``: tokens as fast as they are taken, about that many bytes of them.

A chat whose caller has left can be cancelled, as the service does.

Every event is an HTTP chunk of its own, as from a server that flushes each. The text of a dripped
token is ``~``, the sender's monotonic clock in nanoseconds, ``~``.
"""

import asyncio
import gc
import json
import re
import sys
import time
from itertools import count
from typing import cast

ORDER = re.compile(rb"(burst|drip|flood)-(\d+)(?:-(\d+))?")
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\nX-Tt-Logid: 20260101000000000000000000000000\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
LAST_CHUNK = b"0\r\n\r\n"
CANCEL = b"POST /v3/chat/cancel "
CANCELLED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n"
    b'{"code":0,"msg":""}'
)
CHAT = {
    "id": "7381473525342978089",
    "conversation_id": "7381473525342978088",
    "bot_id": "7379462189365198898",
    "completed_at": 1718792949,
    "last_error": {"code": 0, "msg": ""},
}
USAGE = {"token_count": 633, "output_count": 64, "input_count": 569}
MESSAGE = {
    "id": "7381473525342978090",
    "conversation_id": "7381473525342978088",
    "bot_id": "7379462189365198898",
    "role": "assistant",
    "type": "answer",
    "content": "",
    "content_type": "text",
    "chat_id": "7381473525342978089",
}
FINISH_MARK = '{"msg_type":"generate_answer_finish","data":"","from_module":null,"from_unit":null}'
WORD = " stream"
STAMP_WIDTH = 19
# By how much of an interval each stream is later than the one before it: the golden ratio keeps any
# number of streams evenly spread.
PHASE = 0.618033988749895
FLOOD_TOKENS = 256


def chunk(data: bytes) -> bytes:
    """Return an HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(name: str, data: object) -> bytes:
    """Return an event of /v3/chat in a chunk."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return chunk(f"event:{name}\ndata:{text}\n\n".encode())


def chat(state: str, **fields: object) -> bytes:
    """Return an event that tells how the chat is."""
    return event(f"conversation.chat.{state}", {**CHAT, "status": state, **fields})


def message(state: str, content: str, kind: str = "answer") -> bytes:
    """Return an event with a message or a part of one."""
    data = {**MESSAGE, "content": content, "type": kind}
    return event(f"conversation.message.{state}", data)


START = HEAD + chat("created") + chat("in_progress")
TOKEN = message("delta", WORD)
# The length of a chunk goes before it, so that a stamp has to have a known width.
BEFORE_STAMP, AFTER_STAMP = message("delta", f"~{'0' * STAMP_WIDTH}~").split(b"0" * STAMP_WIDTH)


def stamp() -> bytes:
    """Return the time as it stands in a token."""
    return b"%0*d" % (STAMP_WIDTH, time.monotonic_ns())


def ending(text: str) -> bytes:
    """Return all that comes after the last token of an answer."""
    return (
        message("completed", text)
        + message("completed", FINISH_MARK, "verbose")
        + chat("completed", usage=USAGE)
        + event("done", "[DONE]")
        + LAST_CHUNK
    )


class Upstream(asyncio.Protocol):
    """One connection: answers one request after the other."""

    def __init__(self, bursts: dict[int, bytes], phases: "count[int]") -> None:
        # Shared by all connections: whole answers that were made before, and the streams so far.
        self._bursts = bursts
        self._phases = phases
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._received = b""
        # Of a drip: what is still to do, and when.
        self._timer: asyncio.TimerHandle | None = None
        self._stamps: list[bytes] = []
        self._tokens = 0
        self._interval = 0.0
        self._due = 0.0
        # Of a flood: how many bytes are still to go, and whether the connection takes more.
        self._left = 0
        self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - it does not matter
        """Send no more."""
        if self._timer:
            self._timer.cancel()
        self._left = 0

    def data_received(self, data: bytes) -> None:
        """Answer a request as soon as it is complete."""
        received = self._received = self._received + data
        head, found, body = received.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not found or (length and len(body) < int(length[1])):
            return
        self._received = b""
        order = ORDER.search(body)
        if received.startswith(CANCEL):
            self._transport.write(CANCELLED)
        elif not order:
            self._transport.close()
        elif order[1] == b"burst":
            self._burst(int(order[2]))
        elif order[1] == b"drip":
            self._drip(int(order[2]), int(order[3]) / 1000)
        else:
            self._transport.write(START)
            self._left = int(order[2])
            self._flood()

    def _burst(self, tokens: int) -> None:
        if tokens not in self._bursts:
            self._bursts[tokens] = START + TOKEN * tokens + ending(WORD * tokens)
        self._transport.write(self._bursts[tokens])

    def _drip(self, tokens: int, interval: float) -> None:
        first = stamp()
        self._transport.write(START + BEFORE_STAMP + first + AFTER_STAMP)
        self._stamps = [first]
        self._tokens = tokens
        self._interval = interval
        # Wherever the request came from and however late, streams are spread over the interval.
        now = self._loop.time()
        phase = next(self._phases) * PHASE % 1
        self._due = now - now % interval + (1 + phase) * interval
        self._go_on()

    def _go_on(self) -> None:
        if len(self._stamps) < self._tokens:
            self._timer = self._loop.call_at(self._due, self._drop)
        else:
            text = b"~" + b"~~".join(self._stamps) + b"~"
            self._transport.write(ending(text.decode()))

    def _drop(self) -> None:
        token = stamp()
        self._transport.write(BEFORE_STAMP + token + AFTER_STAMP)
        self._stamps.append(token)
        self._due += self._interval
        self._go_on()

    def _flood(self) -> None:
        block = TOKEN * FLOOD_TOKENS
        while self._left > 0:
            if self._full:
                return
            self._transport.write(block)
            self._left -= len(block)
        self._transport.write(ending(""))

    def pause_writing(self) -> None:
        """Note that the connection takes no more for now."""
        self._full = True

    def resume_writing(self) -> None:
        """Go on with a flood."""
        self._full = False
        if self._left > 0:
            self._flood()


async def serve() -> None:
    """Listen, print the port, and answer until the process is ended."""
    bursts: dict[int, bytes] = {}
    phases = count()
    server = await asyncio.get_running_loop().create_server(
        lambda: Upstream(bursts, phases), "127.0.0.1", 0, backlog=4096
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    # A collection in between would show as a delay of the subject.
    gc.disable()
    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        sys.exit(0)
