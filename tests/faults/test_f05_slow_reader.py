"""F5: a caller that reads slowly, but reads. No timer for silence may take it for gone."""

import asyncio
import json
import re
import socket
from contextlib import contextmanager

import pytest

from tests.faults.answers import HISTORY, LARGE, LIST, Flood, asked, hurry, listed, of_chunks, text
from tests.faults.raw_caller import request
from tests.service.asking import body
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=60)

# As long as several of the times below.
SLOWLY = 1.5
PAUSE = 0.02
# Bytes a second. The kernel then keeps as much for the caller at all times, as it fills up at once.
STEADILY = 2**20
BUFFER = 2**17


@pytest.fixture
def environment():
    return {
        "UPSTREAM_FIRST_BYTE_TIMEOUT": "0.3",
        "UPSTREAM_IDLE_TIMEOUT": "0.3",
        "CALLER_STALL_TIMEOUT": "0.3",
        "HEARTBEAT_SECONDS": "0.1",
    }


@pytest.mark.usefixtures("engine")
async def test_slow_reader_gets_the_whole_answer(dial, upstream):
    caller = await dial(receive_buffer=4096)
    await caller.send(request(body("7", stream=True)))
    call = await upstream.called()
    await call.start(coze.CREATED)
    flood = Flood(call)
    assert (await caller.head()).status == 200
    clock = asyncio.get_running_loop().time
    end = clock() + SLOWLY
    came = []
    while clock() < end:
        came.append(await caller._reader.read(2048))
        await asyncio.sleep(PAUSE)
    assert not flood.is_over
    hurry(caller)
    while not came[-1].endswith(b"\r\n0\r\n\r\n"):
        came.append(await caller._reader.read(2**20))
    assert text(of_chunks(b"".join(came))) == "x" * 2**16 * Flood.blocks


async def test_slow_reader_gets_the_whole_list(dial, upstream):
    caller = await dial(receive_buffer=4096)
    await caller.send(request(b"", HISTORY, "GET"))
    await (await upstream.called(LIST)).reply(listed(LARGE))
    left = int((await caller.head()).headers["content-length"])
    clock = asyncio.get_running_loop().time
    end = clock() + SLOWLY
    while clock() < end:
        left -= len(await caller._reader.read(2048))
        await asyncio.sleep(PAUSE)
    hurry(caller)
    assert len(await caller._reader.readexactly(left)) == left


class TestSteadyReader:
    """One whose buffer the kernel fills up to the same byte again and again."""

    async def test_gets_the_whole_list(self, port, upstream):
        with asked_by_socket(port, request(b"", HISTORY, "GET")) as caller:
            await (await upstream.called(LIST)).reply(listed(LARGE))
            came = await steadily(caller)
            assert len(await to_the_end(caller, came)) > len(LARGE)

    async def test_gets_the_whole_answer(self, port, upstream):
        with asked_by_socket(port, request(body("7"))) as caller:
            call = await upstream.called()
            await call.start(coze.CREATED)
            await call.end(coze.delta(LARGE), coze.FINISH_MARKER, coze.END)
            came = await steadily(caller)
            answer = json.loads(await to_the_end(caller, came))
        assert answer["choices"][0]["message"]["content"] == LARGE

    @pytest.mark.parametrize("ends", ["before", "after"])
    async def test_gets_the_whole_stream_whenever_it_ends(self, port, upstream, ends):
        with asked_by_socket(port, request(body("7", stream=True))) as caller:
            call = await upstream.called()
            await call.start(coze.CREATED)
            await call.say(coze.delta("One"))
            came = await asyncio.get_running_loop().sock_recv(caller, 2**16)
            await call.say(coze.delta(LARGE))
            if ends == "before":
                await call.end(coze.FINISH_MARKER, coze.END)
            came += await steadily(caller)
            if ends == "after":
                await call.end(coze.FINISH_MARKER, coze.END)
            assert text(of_chunks(await to_the_end(caller, came))) == "One" + LARGE


@contextmanager
def asked_by_socket(port, asked):
    """A caller that reads nothing ahead, as a reader of asyncio's does."""
    with socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        caller.connect(("127.0.0.1", port))
        caller.setblocking(False)
        caller.sendall(asked)
        yield caller


async def steadily(caller):
    """Read at a steady pace for a while."""
    loop = asyncio.get_running_loop()
    began, came = loop.time(), b""
    while (elapsed := loop.time() - began) < SLOWLY:
        if (due := int(elapsed * STEADILY) - len(came)) > 0:
            came += await loop.sock_recv(caller, due)
        await asyncio.sleep(0)
    return came


async def to_the_end(caller, came):
    """Read on until a response is whole, and give its body."""
    while not is_whole(came):
        piece = await asyncio.get_running_loop().sock_recv(caller, 2**20)
        assert piece, f"it was cut off after {len(came)} bytes"
        came += piece
    return came.partition(b"\r\n\r\n")[2]


def is_whole(response):
    head, _, rest = response.partition(b"\r\n\r\n")
    if length := re.search(rb"Content-Length: (\d+)", head):
        return len(rest) == int(length[1])
    return rest.endswith(b"\r\n0\r\n\r\n")


async def test_coze_that_speaks_slowly_is_not_silent(dial, upstream):
    caller, call = await asked(dial, upstream)
    await call.start(coze.CREATED)
    await caller.head()
    for _ in range(10):
        await asyncio.sleep(0.1)
        await call.say(coze.delta("x"))
    await call.end(coze.FINISH_MARKER, coze.END)
    assert text(await caller.rest()) == "x" * 10
