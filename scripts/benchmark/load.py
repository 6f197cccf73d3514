"""The load: asks, times and checks. One process for each measurement.

It is given a job as JSON, and prints the outcome as JSON. It reads the subject's CPU clock itself,
at the very moments at which it begins and ends to count. An answer that is not what it should be
ends it: there are no figures for a subject that fails.
"""

import asyncio
import gc
import json
import math
import sys
import time
from typing import Any

from benchmark import holding
from benchmark.caller import Caller, connect
from benchmark.job import Clocks, Job
from benchmark.reading import (
    UnexpectedAnswerError,
    check_drip,
    check_stream,
    check_whole,
)

TOKENS = 64
INTERVAL_MS = 20
WARM_UP_SECONDS = 0.5
# Connections are opened one after the other, so that the many are no burst of their own.
OPENING_SECONDS = 0.002
# How far apart the requests are whose time to the first token is taken, and how long they may take.
PROBE_SECONDS = 0.01
PROBE_LIMIT = 0.015
GIVE_UP_SECONDS = 60.0


async def burst(job: Job) -> dict[str, Any]:
    """Ask for whole answers on all connections, again as soon as one is complete."""
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    complete = 0

    def finished(caller: Caller) -> None:
        nonlocal complete
        complete += 1
        try:
            check_stream(caller, job.dialect, TOKENS) if job.stream else check_whole(caller)
        except UnexpectedAnswerError as error:
            if not failed.done():
                failed.set_exception(error)
        else:
            caller.ask()

    request = job.request(f"burst-{TOKENS}")
    for _ in range(job.connections):
        (await connect(job.port, request, finished)).ask()
    await asyncio.wait([failed], timeout=warm_up(job))
    clocks, before = Clocks(job), complete
    await asyncio.wait([failed], timeout=job.seconds)
    outcome = {**clocks.passed(), "streams": complete - before}
    if failed.done():
        failed.result()
    return outcome


async def drip(job: Job) -> dict[str, Any]:
    """Hold streams open with a token at each interval; probe the time to first token meanwhile.

    The CPU time is that of the tokens alone: all streams have begun before, and none ends within.
    """
    opening = job.connections * OPENING_SECONDS + 2 * warm_up(job)
    probing = job.probes * (PROBE_SECONDS + PROBE_LIMIT)
    tokens = math.ceil((opening + job.seconds + probing) * 1000 / INTERVAL_MS)
    complete = asyncio.Semaphore(0)
    request = job.request(f"drip-{tokens}-{INTERVAL_MS}")
    callers = []
    for _ in range(job.connections):
        callers.append(await connect(job.port, request, lambda _: complete.release()))
        callers[-1].ask()
        await asyncio.sleep(OPENING_SECONDS)
    await asyncio.sleep(warm_up(job))
    clocks, begin = Clocks(job), time.monotonic_ns()
    await asyncio.sleep(job.seconds)
    passed, end = clocks.passed(), time.monotonic_ns()
    first = await probe(job, time.monotonic() + probing)
    async with asyncio.timeout(GIVE_UP_SECONDS):
        for _ in callers:
            await complete.acquire()
    streams = [check_drip(caller, job.dialect, tokens) for caller in callers]
    inside = [token for stream in streams for token in stream if begin <= token.arrived < end]
    return {
        **passed,
        "tokens": len(inside),
        "sent": job.connections * (end - begin) / 1e6 / INTERVAL_MS,
        "together": sum(token.together > 1 for token in inside),
        "delays": [(token.arrived - token.sent) / 1e9 for token in inside],
        "first": first,
    }


async def probe(job: Job, until: float) -> list[float]:
    """Return times to first token in seconds, of a kept connection from its second request on.

    It ends early where the subject is so slow that the streams beside it would end.
    """
    times: list[float] = []
    done = asyncio.Event()
    caller = await connect(job.port, job.request(f"drip-1-{INTERVAL_MS}"), lambda _: done.set())
    while len(times) <= job.probes and (len(times) < 2 or time.monotonic() < until):
        caller.ask()
        async with asyncio.timeout(GIVE_UP_SECONDS):
            await done.wait()
        done.clear()
        (token,) = check_drip(caller, job.dialect, 1)
        times.append((token.arrived - caller.asked) / 1e9)
        await asyncio.sleep(PROBE_SECONDS)
    return times[1:]


def warm_up(job: Job) -> float:
    """Return how many seconds of the load come before those that count."""
    return min(WARM_UP_SECONDS, job.seconds)


KINDS = {"burst": burst, "drip": drip, "hold": holding.hold, "stall": holding.stall}


def main() -> None:
    """Do the job that the argument is."""
    job = Job(**json.loads(sys.argv[1]))
    # A collection in between would show as a delay of the subject.
    gc.disable()
    json.dump(asyncio.run(KINDS[job.kind](job)), sys.stdout)


if __name__ == "__main__":
    main()
