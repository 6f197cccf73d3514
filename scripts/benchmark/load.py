"""The load: asks, times and checks. One process for each measurement.

It is given a job as JSON, and prints the outcome as JSON. It reads the subject's CPU clock itself,
at the very moments at which it begins and ends to count.
"""

import asyncio
import gc
import json
import math
import sys
import time
from dataclasses import dataclass
from typing import Any

from benchmark.caller import Caller, connect, coze_request, openai_request
from benchmark.reading import OK, in_order, problem, tokens_of

INTERVAL_MS = 20
# Connections are opened one after the other, so that their start is no load of its own.
OPENING_SECONDS = 0.002
WARM_UP_SECONDS = 0.5
# Time to the first token is taken by one more connection, whose requests are this far apart.
PROBE_SECONDS = 0.01
GIVE_UP_SECONDS = 60.0


@dataclass(frozen=True)
class Job:
    """What to measure.

    Attributes:
        kind: burst or drip.
        port: of the subject.
        dialect: coze or openai.
        connections: how many are open at a time.
        seconds: how long to count.
        pids: processes of the subject, whose CPU time is read.
        others: processes of the upstream.
        tokens: of a burst.
        stream: whether the answer is asked for as a stream.
        probes: how many times to first token are taken.
    """

    kind: str
    port: int
    dialect: str
    connections: int
    seconds: float
    pids: list[int]
    others: list[int]
    tokens: int = 64
    stream: bool = True
    probes: int = 200

    def request(self, order: str) -> bytes:
        """Return a request's bytes."""
        if self.dialect == "coze":
            return coze_request(order)
        return openai_request(order, stream=self.stream)


def cpu_seconds(pids: list[int]) -> float:
    """Return the CPU time of processes, with all their threads."""
    # Linux's CPUCLOCK_SCHED of another process, as clock_getcpuclockid(3) makes it.
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)


class Clocks:
    """What has passed since its making: time, the subject's CPU time and that of both ends."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._before = self._now()

    def _now(self) -> tuple[float, float, float]:
        ends = time.process_time() + cpu_seconds(self._job.others)
        return time.monotonic(), cpu_seconds(self._job.pids), ends

    def passed(self) -> dict[str, float]:
        """Return the seconds that have passed, by clock."""
        names = ("seconds", "cpu", "ends_cpu")
        now = self._now()
        return {n: b - a for n, a, b in zip(names, self._before, now, strict=True)}


async def burst(job: Job) -> dict[str, Any]:
    """Ask for whole answers on all connections, again as soon as one is complete."""
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()
    count = 0
    stopped = False

    def finished(caller: Caller) -> None:
        nonlocal count
        count += 1
        wrong = problem(caller, job.dialect, job.tokens) if job.stream else unlike_ok(caller)
        if wrong and not failed.done():
            failed.set_exception(ValueError(wrong))
        elif not stopped:
            caller.ask()

    request = job.request(f"burst-{job.tokens}")
    callers = [await connect(job.port, request, finished) for _ in range(job.connections)]
    for caller in callers:
        caller.ask()
    await asyncio.wait([failed], timeout=WARM_UP_SECONDS)
    clocks, before = Clocks(job), count
    await asyncio.wait([failed], timeout=job.seconds)
    outcome = {**clocks.passed(), "streams": count - before}
    stopped = True
    if failed.done():
        failed.result()
    for caller in callers:
        caller.leave()
    return outcome


def unlike_ok(caller: Caller) -> str:
    """Return what is wrong with an answer that is no stream, or nothing."""
    answer = caller.answer()
    whole = answer.startswith(OK) and b'"finish_reason":"stop"' in answer
    return caller.broken or ("" if whole else f"no success: {answer[:300]!r}")


async def drip(job: Job) -> dict[str, Any]:
    """Hold streams open with a token at each interval; probe the time to first token meanwhile."""
    ramp = job.connections * OPENING_SECONDS + WARM_UP_SECONDS
    total = ramp + job.seconds + job.probes * PROBE_SECONDS * 1.5 + WARM_UP_SECONDS
    tokens = math.ceil(total * 1000 / INTERVAL_MS)
    done = asyncio.Semaphore(0)
    request = job.request(f"drip-{tokens}-{INTERVAL_MS}")
    callers = []
    for _ in range(job.connections):
        caller = await connect(job.port, request, lambda _: done.release())
        caller.ask()
        callers.append(caller)
        await asyncio.sleep(OPENING_SECONDS)
    await asyncio.sleep(WARM_UP_SECONDS)
    clocks, begin = Clocks(job), time.monotonic_ns()
    await asyncio.sleep(job.seconds)
    outcome, end = clocks.passed(), time.monotonic_ns()
    first = await probe(job)
    async with asyncio.timeout(GIVE_UP_SECONDS):
        for _ in callers:
            await done.acquire()
    return outcome | read_drips(job, callers, tokens, (begin, end)) | {"first": first}


async def probe(job: Job) -> list[float]:
    """Return times to first token in seconds, from the second request of a connection on."""
    times = []
    done = asyncio.Event()
    request = job.request(f"drip-1-{INTERVAL_MS}")
    caller = await connect(job.port, request, lambda _: done.set())
    for _ in range(job.probes + 1):
        caller.ask()
        async with asyncio.timeout(GIVE_UP_SECONDS):
            await done.wait()
        done.clear()
        wrong = problem(caller, job.dialect, 1)
        if wrong:
            raise ValueError(wrong)
        times.append((tokens_of(caller, 1)[0].arrived - caller.asked) / 1e9)
        await asyncio.sleep(PROBE_SECONDS)
    caller.leave()
    return times[1:]


def read_drips(
    job: Job, callers: list[Caller], tokens: int, window: tuple[int, int]
) -> dict[str, Any]:
    """Check all streams; return the delays in seconds of the tokens that came inside a window."""
    delays: list[float] = []
    joined = 0
    begin, end = window
    for caller in callers:
        wrong = problem(caller, job.dialect, tokens)
        came = tokens_of(caller, tokens)
        if not wrong and (len(came) != tokens or not in_order(came)):
            wrong = f"{len(came)} tokens in place of {tokens}, or out of order"
        if wrong:
            raise ValueError(wrong)
        inside = [token for token in came if begin <= token.arrived < end]
        delays += [(token.arrived - token.sent) / 1e9 for token in inside]
        joined += sum(token.together > 1 for token in inside)
    expected = job.connections * (end - begin) / 1e6 / INTERVAL_MS
    return {"tokens": len(delays), "expected": expected, "delays": delays, "joined": joined}


KINDS = {"burst": burst, "drip": drip}


def main() -> None:
    """Do the job that the argument is."""
    job = Job(**json.loads(sys.argv[1]))
    gc.disable()
    json.dump(asyncio.run(KINDS[job.kind](job)), sys.stdout)


if __name__ == "__main__":
    main()
