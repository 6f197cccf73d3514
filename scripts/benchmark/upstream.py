"""The upstream: a server that speaks Coze's event stream and costs little.

What it sends is told by words inside the request's body:

* ``burst-TOKENS``: a whole answer at once,
* ``drip-TOKENS-MILLISECONDS``: the first token at once, and then one at each interval,
* ``flood-BYTES``: tokens without end, as fast as they are taken, up to about that many bytes.

Every event is an HTTP chunk of its own, as Coze flushes each. A dripped token's text is ``~``, the
sender's monotonic clock in nanoseconds, ``~``.
"""

import asyncio
import gc
import json
import re
import sys
import time
from collections.abc import Callable
from itertools import count

ORDER = re.compile(rb"(burst|drip|flood)-(\d+)(?:-(\d+))?")
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\nX-Tt-Logid: 20260101000000000000000000000000\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
LAST_CHUNK = b"0\r\n\r\n"
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
WORD = " stream"
STAMP_WIDTH = 19
# Parts of an interval by which each stream is later than the one before it: the golden ratio keeps
# any number of them evenly spread.
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
FINISH_MARK = '{"msg_type":"generate_answer_finish","data":"","from_module":null,"from_unit":null}'
TOKEN = message("delta", WORD)
# The length of a chunk goes before it, so that a stamp has to have a known width.
BEFORE_STAMP, AFTER_STAMP = message("delta", f"~{'0' * STAMP_WIDTH}~").split(b"0" * STAMP_WIDTH)


def ending(text: str) -> bytes:
    """Return all that comes after the last token of an answer."""
    return (
        message("completed", text)
        + message("completed", FINISH_MARK, "verbose")
        + chat("completed", usage=USAGE)
        + event("done", "[DONE]")
        + LAST_CHUNK
    )


def stamped() -> bytes:
    """Return a token that says when it was sent."""
    return BEFORE_STAMP + b"%019d" % time.monotonic_ns() + AFTER_STAMP


class Upstream(asyncio.Protocol):
    """One connection: answers one request after the other."""

    bursts: dict[int, bytes] = {}  # noqa: RUF012 - of all connections, filled as they are asked for
    streams = count()

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._received = b""
        self._timer: asyncio.TimerHandle | None = None
        # What to do when the connection takes more, while a flood waits for that.
        self._resume: Callable[[], None] | None = None
        self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Send no more."""
        if self._timer:
            self._timer.cancel()
        self._resume = None

    def data_received(self, data: bytes) -> None:
        """Answer a request as soon as it is complete."""
        received = self._received + data
        end = received.find(b"\r\n\r\n") + 4
        length = LENGTH.search(received, 0, end) if end > 3 else None
        if not length or len(received) < end + int(length[1]):
            self._received = received
            return
        self._received = b""
        order = ORDER.search(received, end)
        if not order:
            self._transport.close()
            return
        name, amount, milliseconds = order.groups()
        if name == b"burst":
            self._burst(int(amount))
        elif name == b"drip":
            self._drip(int(amount), int(milliseconds) / 1000)
        else:
            self._transport.write(START)
            self._flood(int(amount))

    def _burst(self, tokens: int) -> None:
        if tokens not in self.bursts:
            self.bursts[tokens] = START + TOKEN * tokens + ending(WORD * tokens)
        self._transport.write(self.bursts[tokens])

    def _drip(self, tokens: int, interval: float) -> None:
        first = stamped()
        sent = [first]
        self._transport.write(START + first)
        late = next(self.streams) * PHASE % 1
        now = self._loop.time()
        due = now - now % interval + (1 + late) * interval

        def send() -> None:
            nonlocal due
            if len(sent) == tokens:
                text = b"".join(sent).replace(AFTER_STAMP, b"").replace(BEFORE_STAMP, b"~")
                self._transport.write(ending(text.decode()))
                return
            token = stamped()
            sent.append(token)
            self._transport.write(token)
            due += interval
            self._timer = self._loop.call_at(due, send)

        if tokens == 1:
            send()
        else:
            self._timer = self._loop.call_at(due, send)

    def _flood(self, left: int) -> None:
        block = TOKEN * FLOOD_TOKENS
        while left > 0:
            if self._full:
                self._resume = lambda: self._flood(left)
                return
            self._transport.write(block)
            left -= len(block)
        self._transport.write(ending(""))

    def pause_writing(self) -> None:
        """Note that the connection takes no more for now."""
        self._full = True

    def resume_writing(self) -> None:
        """Go on with a flood."""
        self._full = False
        resume, self._resume = self._resume, None
        if resume:
            resume()


async def serve() -> None:
    """Listen, print the port, and answer until the process is ended."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    # A collection in between would show as a delay of the subject.
    gc.disable()
    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        sys.exit(0)
