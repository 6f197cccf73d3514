"""F5: a caller that reads slowly, but reads. No timer for silence may take it for gone."""

import asyncio

import pytest

from tests.faults.answers import HISTORY, LARGE, LIST, Flood, asked, hurry, listed, of_chunks, text
from tests.faults.raw_caller import request
from tests.service.asking import body
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=60)

# As long as several of the times below.
SLOWLY = 1.5
PAUSE = 0.02


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


async def test_coze_that_speaks_slowly_is_not_silent(dial, upstream):
    caller, call = await asked(dial, upstream)
    await call.start(coze.CREATED)
    await caller.head()
    for _ in range(10):
        await asyncio.sleep(0.1)
        await call.say(coze.delta("x"))
    await call.end(coze.FINISH_MARKER, coze.END)
    assert text(await caller.rest()) == "x" * 10
