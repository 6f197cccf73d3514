"""F4: the caller stops to read. Coze waits, memory does not grow, and some time it is enough."""

import asyncio
import logging

import pytest

from cozeproxy.listener import UNSENT_BYTES
from tests.faults.answers import (
    HISTORY,
    LARGE,
    LIST,
    Flood,
    cancelled,
    failure_of,
    fine,
    hurry,
    listed,
    text,
    turns,
)
from tests.faults.process_costs import cpu_seconds, resident
from tests.faults.raw_caller import request
from tests.faults.sockets import is_open, seen
from tests.faults.waiting import eventually, hold_loop
from tests.service.asking import body
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=60)

MOST_OF_A_STREAM = 10**6
STALLED = 20
# As many requests as have answers of some megabytes together.
MANY = 6000


async def stalled(dial, upstream, *, stream=True):
    """A caller that has asked, and will read when the test does."""
    caller = await dial(receive_buffer=4096)
    await caller.send(request(body("7", stream=stream)))
    return caller, await upstream.called()


async def flooded(dial, upstream):
    caller, call = await stalled(dial, upstream)
    await call.start(coze.CREATED)
    flood = Flood(call)
    await flood.stuck()
    return caller, call, flood


@pytest.mark.usefixtures("engine")
async def test_coze_is_held_back_and_nothing_is_lost(dial, upstream):
    caller, *_ = await flooded(dial, upstream)
    hurry(caller)
    assert (await caller.head()).status == 200
    assert text(await caller.rest()) == "x" * 2**16 * Flood.blocks


async def test_stream_takes_a_bounded_part_of_memory(dial_to, upstream, serve):
    process, port = await asyncio.to_thread(serve)

    async def dial(**options):
        return await dial_to(port, **options)

    await fine(dial, upstream)
    before = resident(process.pid)
    stuck = await asyncio.gather(*(flooded(dial, upstream) for _ in range(STALLED)))
    await turns(dial)
    assert (resident(process.pid) - before) / STALLED < MOST_OF_A_STREAM
    for _, _, flood in stuck:
        flood.stop()


async def test_kernel_takes_little_for_it(dial, upstream, port):
    caller, _, flood = await flooded(dial, upstream)
    (ours,) = [s for s in seen() if (s.local, s.remote) == (port, caller.local[1])]
    assert 0 < ours.queue < 2 * UNSENT_BYTES
    flood.stop()


async def test_others_go_on(dial, upstream):
    _, _, flood = await flooded(dial, upstream)
    await fine(dial, upstream)
    flood.stop()


class TestHeartbeats:
    @pytest.fixture
    def environment(self):
        return {"HEARTBEAT_SECONDS": "0.02"}

    async def test_signs_of_life_that_nobody_takes_cost_nothing(self, dial_to, upstream, serve):
        process, port = await asyncio.to_thread(serve)

        async def dial(**options):
            return await dial_to(port, **options)

        _, _, flood = await flooded(dial, upstream)
        before = cpu_seconds(process.pid)
        # As much time as it takes to see whether it is busy.
        await asyncio.sleep(0.5)
        assert cpu_seconds(process.pid) - before < 0.05
        flood.stop()

    async def test_nothing_comes_after_the_end_however_late_it_is_taken(self, dial, upstream):
        caller, call = await stalled(dial, upstream)
        await call.start(coze.CREATED)
        await call.end(coze.delta(LARGE), coze.FINISH_MARKER, coze.END)
        # Time for several signs of life.
        await asyncio.sleep(0.2)
        assert (await caller.head()).status == 200
        assert text(await caller.rest()) == LARGE
        await caller.send(request(body("7")))
        await (await upstream.called()).answer(coze.answer("Fine"))
        assert (await caller.response()).json["choices"][0]["message"]["content"] == "Fine"


class TestStallTimeout:
    @pytest.fixture
    def environment(self):
        return {"CALLER_STALL_TIMEOUT": "0.2"}

    @pytest.mark.usefixtures("engine")
    async def test_both_sides_are_cut_and_the_chat_is_cancelled(
        self, dial, upstream, service, caplog
    ):
        caller, call = await stalled(dial, upstream)
        await call.start(coze.CREATED)
        flood = Flood(call)
        await call.left()
        await cancelled(upstream)
        await caller.closed()
        flood.stop()
        await eventually(lambda: not service._background)
        (line,) = [r for r in caplog.records if "/chat/completions" in r.getMessage()]
        assert line.levelno == logging.INFO
        assert line.getMessage().startswith("499 ")
        await fine(dial, upstream)
        assert upstream.waiting() == 0

    async def test_caller_may_leave_when_it_is_about_to_be_cut(self, dial, upstream):
        caller, call = await stalled(dial, upstream)
        await call.start(coze.CREATED)
        flood = Flood(call)
        await turns(dial)
        caller.reset()
        await asyncio.sleep(0)
        hold_loop(0.3)
        await call.left()
        await cancelled(upstream)
        flood.stop()

    @pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
    async def test_end_of_an_answer_that_nobody_takes_is_cut_too(
        self, dial, upstream, port, stream
    ):
        caller, call = await stalled(dial, upstream, stream=stream)
        await call.start(coze.CREATED)
        await call.end(coze.delta(LARGE), coze.FINISH_MARKER, coze.END)
        await eventually(lambda: not is_open(port, caller))
        # Only what the system had buffered.
        assert 0 < len(await caller.closed()) < len(LARGE)
        await fine(dial, upstream)
        assert upstream.waiting() == 0

    async def test_list_that_nobody_takes_is_cut_too(self, dial, upstream, service, port):
        caller = await dial(receive_buffer=4096)
        await caller.send(request(b"", HISTORY, "GET"))
        await (await upstream.called(LIST)).reply(listed(LARGE))
        await eventually(lambda: not is_open(port, caller))
        assert 0 < len(await caller.closed()) < len(LARGE)
        assert not service._load._open

    async def test_errors_that_nobody_takes_are_cut_too(self, dial, upstream, port):
        caller = await dial(receive_buffer=4096)
        await caller.send(request(b"", "/v1/nothing", "GET") * MANY)
        await eventually(lambda: not is_open(port, caller))
        await fine(dial, upstream)


class TestStallTimeoutAndHeartbeat:
    @pytest.fixture
    def environment(self):
        return {"CALLER_STALL_TIMEOUT": "0.2", "HEARTBEAT_SECONDS": "2"}

    async def test_stall_is_noticed_long_before_the_next_sign_of_life_is_due(self, dial, upstream):
        caller, call = await stalled(dial, upstream)
        await call.start(coze.CREATED)
        await caller.head()
        await caller.until(b"still working")
        clock = asyncio.get_running_loop().time
        began = clock()
        flood = Flood(call)
        await call.left()
        assert clock() - began < 1
        flood.stop()


class TestRequestTimeout:
    @pytest.fixture
    def environment(self):
        return {"REQUEST_TIMEOUT": "1.5"}

    async def test_caller_that_reads_on_is_told(self, dial, upstream):
        caller, call, flood = await flooded(dial, upstream)
        await call.left()
        assert (await caller.head()).status == 200
        assert failure_of(await caller.rest())["code"] == "upstream_timeout"
        await cancelled(upstream)
        flood.stop()


class TestRequestAndStallTimeout:
    @pytest.fixture
    def environment(self):
        return {"REQUEST_TIMEOUT": "1.5", "CALLER_STALL_TIMEOUT": "1.6"}

    async def test_caller_that_does_not_is_cut(self, dial, upstream, port):
        caller, call, flood = await flooded(dial, upstream)
        await call.left()
        await cancelled(upstream)
        await eventually(lambda: not is_open(port, caller))
        assert b"upstream_timeout" not in await caller.closed()
        flood.stop()
