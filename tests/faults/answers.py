"""Answers that are on their way when something happens, and what must have come of them."""

import asyncio
import json
import socket
from contextlib import contextmanager, suppress

from tests.faults.raw_caller import request
from tests.faults.raw_upstream import CANCEL
from tests.service.asking import body, objects, payloads
from tests.support import coze

CHAT = "/v3/chat"
SAID = "Half of "
HALF = coze.CREATED + coze.delta(SAID)
# What is left of such an answer.
REST = coze.delta("it") + coze.completed(SAID + "it") + coze.FINISH_MARKER + coze.END
RUNNING = {"conversation_id": "72", "chat_id": "71"}
# A list of what was said, and where the service asks Coze for it.
HISTORY = "/v1/conversations/72/history"
LIST = "/v1/conversation/message/list"
# More than all buffers on the way hold, and less than the service takes of Coze for a list.
LARGE = "x" * 7 * 2**20
# How long it may take until something has gone on to the other side, in seconds.
PROMPTLY = 0.1


def listed(text):
    """Coze's answer to LIST where nothing but one text was said."""
    said = {"id": "81", "role": "user", "content": text, "content_type": "text"}
    return {"code": 0, "msg": "", "data": [said], "has_more": False, "last_id": "81"}


async def asked(dial, upstream, *, stream=True, **fields):
    """A caller that has asked, and the call that has come of it."""
    caller = await dial()
    await caller.send(request(body("7", stream=stream, **fields)))
    return caller, await upstream.called(CHAT)


async def half(dial, upstream, **options):
    """The same, where the caller has got the first half of a streamed answer."""
    caller, call = await asked(dial, upstream, **options)
    await call.start(HALF)
    assert (await caller.head()).status == 200
    await caller.until(json.dumps(SAID).encode())
    return caller, call


async def cancelled(upstream):
    """Wait until the chat has been cancelled at Coze."""
    assert (await upstream.called(CANCEL)).json == RUNNING


async def fine(dial, upstream):
    """Show that another request is answered as if nothing had happened."""
    caller, call = await asked(dial, upstream, stream=False)
    await call.answer(coze.answer("Fine"))
    response = await caller.response()
    assert response.status == 200
    assert response.json["choices"][0]["message"]["content"] == "Fine"


def failure_of(raw, said=None):
    """The error of a stream that has failed midway, which must not look like a success."""
    *chunks, last = [json.loads(payload) for payload in payloads(without_comments(raw))]
    assert b"[DONE]" not in raw
    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks)
    if said is not None:
        assert said_in(chunks) == said
    assert last.keys() == {"error"}
    assert last["error"].keys() == {"message", "type", "param", "code"}
    return last["error"]


def text(raw):
    """The text of a stream that has ended as a good one must, once, and with nothing beyond."""
    chunks = objects(without_comments(raw))
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks]
    assert reasons == [None] * (len(chunks) - 1) + ["stop"]
    return said_in(chunks)


def said_in(chunks):
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)


def comments(raw):
    """How many signs of life are in a stream."""
    return sum(frame.startswith(b":") for frame in raw.split(b"\n\n"))


def without_comments(raw):
    """A stream without its signs of life."""
    return b"".join(
        frame + b"\n\n" for frame in raw.split(b"\n\n") if frame and not frame.startswith(b":")
    )


@contextmanager
def taking(times):
    """Note how long the block takes."""
    clock = asyncio.get_running_loop().time
    start = clock()
    yield
    times.append(clock() - start)


def median(times):
    """The usual one of several times: a busy machine may hold up any single one."""
    return sorted(times)[len(times) // 2]


async def turns(dial):
    """Let everything happen that can: several round trips through the service."""
    caller = await dial()
    for _ in range(5):
        assert (await caller.ask(path="/health", method="GET")).status == 200
    await caller.close()


BLOCK = coze.delta("x" * 2**16)


class Flood:
    """An answer that is far larger than what all buffers on its way hold."""

    blocks = 400

    def __init__(self, call):
        self._call = call
        self._task = asyncio.create_task(self._run())

    async def _run(self):
        with suppress(ConnectionError):
            for _ in range(self.blocks):
                await self._call.say(BLOCK)
            await self._call.end(coze.FINISH_MARKER, coze.END)

    @property
    def is_over(self):
        return self._task.done()

    async def stuck(self):
        """Wait until it is held back, and has been for some turns."""
        transport = self._call.connection.writer.transport
        still = 0
        while still < 20:
            before = transport.get_write_buffer_size()
            await asyncio.sleep(0.005)
            full = before and before == transport.get_write_buffer_size()
            still = still + 1 if full else 0
            assert not self.is_over

    def stop(self):
        self._task.cancel()


def hurry(caller):
    """Have a caller with a small buffer read as fast as others from now on."""
    sock = caller._writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
    caller._reader._limit = 2**20


def of_chunks(raw):
    """The body that chunks, to the last of them, are made of; nothing may come after it."""
    body, at = [], 0
    while True:
        start = raw.index(b"\r\n", at) + 2
        end = start + int(raw[at : start - 2], 16)
        at = end + 2
        assert raw[end:at] == b"\r\n"
        if end == start:
            assert at == len(raw)
            return b"".join(body)
        body.append(raw[start:end])
