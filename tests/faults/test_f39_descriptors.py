"""File descriptors run out: callers are told, the loop does not spin, and then all is as before."""

import asyncio
import os
import resource
import time
from pathlib import Path

import pytest

from tests.faults.raw_caller import request
from tests.faults.waiting import eventually
from tests.service.asking import body
from tests.support import coze
from tests.support.processes import COZEPROXY, Process

pytestmark = pytest.mark.gen_test(timeout=60)

LIMIT = 128
# What most_connections() gives for that limit.
MOST = 48
TICKS = os.sysconf("SC_CLK_TCK")


@pytest.fixture
def started(variables, tmp_path):
    """Start the service with so many descriptors; gives it, and its port."""
    processes = []

    def start(limit):
        command = ["sh", "-c", f'ulimit -n {limit} && exec "$@"', "sh", *COZEPROXY, "serve"]
        process = Process(command, tmp_path, **variables).__enter__()
        processes.append(process)
        return process, int(process.address().rpartition(":")[2])

    async def started(limit):
        return await asyncio.to_thread(start, limit)

    yield started
    for process in processes:
        process.__exit__()


@pytest.fixture
def served_then_refused(dial_to):
    """Dial until a caller is turned away; gives those that were not, and what that one was told."""

    async def served_then_refused(port):
        served = []
        while True:
            caller = await dial_to(port)
            response = await caller.ask(b"", "/health", "GET")
            if response.status != 200:
                return served, response
            served.append(caller)

    return served_then_refused


def seconds_used(process):
    """CPU time."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def descriptors(process):
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


async def test_callers_beyond_the_descriptors_are_turned_away_with_a_503(
    started, served_then_refused, dial_to
):
    process, port = await started(LIMIT)
    idle = descriptors(process)
    for _ in range(3):
        served, refused = await served_then_refused(port)
        assert len(served) == MOST
        assert refused.status == 503
        assert refused.error["code"] == "server_overloaded"
        assert (refused.headers["retry-after"], refused.headers["connection"]) == ("1", "close")
        # Those that are in are served all the same.
        for caller in served:
            assert (await caller.ask(b"", "/health", "GET")).status == 200
            await caller.close()
        await eventually(lambda: descriptors(process) <= idle)
    assert (await (await dial_to(port)).ask(b"", "/health", "GET")).status == 200
    assert process.end() == 0
    log = process.complaints()
    assert f"there can be {MOST} callers: the system allows no more open files" in log
    assert "Traceback" not in log


async def test_each_caller_that_is_in_gets_its_connection_to_coze(started, dial_to, upstream):
    process, port = await started(LIMIT)
    streams = []
    for _ in range(MOST):
        caller = await dial_to(port)
        await caller.send(request(body("7", stream=True)))
        call = await upstream.called()
        await call.start(coze.CREATED, coze.delta("Begun"))
        assert (await caller.head()).status == 200
        streams.append((caller, call))
    assert (await (await dial_to(port)).ask(body("7"))).status == 503
    for caller, call in streams:
        await call.end(coze.completed("Begun"), coze.FINISH_MARKER, coze.END)
        assert (await caller.rest()).endswith(b"data: [DONE]\n\n")
    assert process.end() == 0


async def test_storm_of_callers_is_told_as_far_as_can_be_and_does_no_harm(started, dial_to):
    process, port = await started(LIMIT)

    async def ask(number):
        caller = await dial_to(port)
        await caller.send(request(b"", "/health", "GET", f"x-number: {number}"))
        try:
            status = (await caller.response()).status
        except (ConnectionError, asyncio.IncompleteReadError):
            status = None
        await caller.close()
        return status

    statuses = await asyncio.gather(*map(ask, range(500)))
    assert set(statuses) <= {200, 503, None}
    assert statuses.count(200) >= MOST
    # Those that have just left may still be counted.
    while await ask(0) != 200:
        pass
    assert process.end() == 0
    assert "Traceback" not in process.complaints()


async def test_limit_that_falls_below_what_is_open_neither_kills_nor_spins(
    started, dial_to, upstream
):
    process, port = await started(LIMIT)
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    inside = await dial_to(port)
    assert (await inside.ask(b"", "/health", "GET")).status == 200
    # Two less than are open, so that none is to be had, should one of them just be closing.
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (descriptors(process) - 2, hard))
    waiting = await dial_to(port)
    await waiting.send(request(b"", "/health", "GET"))
    await eventually(lambda: "no connection can be taken" in process.complaints())
    before, start = seconds_used(process), time.monotonic()
    # Who is in is served; Coze cannot be reached, and the caller is told.
    for _ in range(20):
        assert (await inside.ask(b"", "/health", "GET")).status == 200
    assert (await inside.ask(body("7"))).status in (502, 503)
    await eventually(lambda: process.complaints().count("no connection can be taken") >= 3)
    # Two seconds, in which a loop that spins would have done nothing else.
    assert time.monotonic() - start > 1.5
    assert seconds_used(process) - before < 1
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (hard, hard))
    assert (await waiting.response()).status == 200
    await inside.send(request(body("7")))
    await (await upstream.called()).answer(coze.answer("Fine"))
    assert (await inside.response()).status == 200
    assert process.end() == 0
    assert "Traceback" not in process.complaints()
