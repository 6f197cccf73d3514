"""Streams that are held open, to see what they take of the subject's memory."""

import asyncio
from collections.abc import Callable
from typing import Any

from benchmark.caller import Caller, StalledCaller, connect
from benchmark.job import POLL_SECONDS, Job, Settling, resident_bytes
from benchmark.reading import OK, UnexpectedAnswerError

# Of held streams: they are read when each has brought that many pieces.
DRIP = "drip-1000-100"
PIECES = 5
FLOOD_BYTES = 64 * 1024 * 1024
GIVE_UP_SECONDS = 60.0


async def hold(job: Job) -> dict[str, Any]:
    """Open streams that go on, and return what each takes."""
    await _one_answer(job)
    before = resident_bytes(job.pids)
    callers = await _open(job, DRIP, Caller)
    await _until(lambda: all(len(caller.reads) >= PIECES for caller in callers))
    after = resident_bytes(job.pids)
    _check(callers)
    return {"bytes": (after - before) / job.connections}


async def stall(job: Job) -> dict[str, Any]:
    """Open streams that flood callers who have stopped to read; return what each takes."""
    await _one_answer(job)
    before = resident_bytes(job.pids)
    callers = await _open(job, f"flood-{FLOOD_BYTES}", StalledCaller)
    await _until(lambda: all(caller.reads for caller in callers))
    settling = Settling(job.pids)
    await _until(settling.look)
    _check(callers)
    return {"bytes": (max(settling.readings) - before) / job.connections}


async def _one_answer(job: Job) -> None:
    """Have the subject make what it needs once, whatever is asked of it."""
    done = asyncio.Event()
    caller = await connect(job.port, job.request("drip-1-20"), lambda _: done.set())
    caller.ask()
    async with asyncio.timeout(GIVE_UP_SECONDS):
        await done.wait()
    _check([caller])


async def _open(job: Job, order: str, kind: type[Caller]) -> list[Caller]:
    request = job.request(order)
    callers = []
    for _ in range(job.connections):
        callers.append(await connect(job.port, request, lambda _: None, kind))
        callers[-1].ask()
    return callers


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while not condition():  # noqa: ASYNC110 - nothing tells of another process's memory
            await asyncio.sleep(POLL_SECONDS)


def _check(callers: list[Caller]) -> None:
    for caller in callers:
        if caller.broken or not caller.answer().startswith(OK):
            raise UnexpectedAnswerError(f"{caller.broken} {caller.answer()[:300]!r}")
