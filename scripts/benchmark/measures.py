"""One measurement each, of a subject that is started for it alone.

How a process comes to lie in memory makes some percent of its CPU time, for as long as it runs:
medians are over processes as much as over time.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from http.client import HTTPConnection
from typing import Any

from benchmark.job import POLL_SECONDS, Job, Settling
from benchmark.subjects import HERE, Entrant, Stage, Subject

Measured = dict[str, float]

SETTLE_SECONDS = 60.0


def burst(stage: Stage, entrant: Entrant, **chosen: Any) -> Measured:
    """Measure whole answers."""
    with entrant.started() as subject:
        found = _load(stage, subject, kind="burst", **chosen)
    streams = found["streams"]
    return {
        "streams_s": streams / found["seconds"],
        "cpu_us": found["cpu"] / streams * 1e6,
        **_shares(found),
    }


def drip(stage: Stage, entrant: Entrant, **chosen: Any) -> Measured:
    """Measure tokens that come one by one."""
    with entrant.started() as subject:
        found = _load(stage, subject, kind="drip", **chosen)
    tokens = found["tokens"]
    return {
        "cpu_us": found["cpu"] / tokens * 1e6,
        "delay_p50_ms": percentile(found["delays"], 50) * 1e3,
        "delay_p99_ms": percentile(found["delays"], 99) * 1e3,
        "first_p50_ms": percentile(found["first"], 50) * 1e3,
        "first_p99_ms": percentile(found["first"], 99) * 1e3,
        "together_percent": found["together"] / tokens * 100,
        "arrived": tokens / found["sent"],
        **_shares(found),
    }


def memory(stage: Stage, entrant: Entrant, *, held: int, stalled: int, seconds: float) -> Measured:
    """Measure what a service holds: idle, with streams open, and after the same load twice."""
    with entrant.started() as subject:
        _first_answer(subject)
        idle = _settled_bytes(subject)
        stream = _load(stage, subject, kind="hold", connections=held)["bytes"]
        after = []
        for _ in range(2):
            _load(stage, subject, kind="burst", connections=32, seconds=seconds)
            _load(stage, subject, kind="hold", connections=held)
            # Those who were held open have left, which the service deals with.
            after.append(_settled_bytes(subject))
    with entrant.started() as subject:
        stall = _load(stage, subject, kind="stall", connections=stalled)["bytes"]
    return {
        "idle_mb": idle / 1e6,
        "stream_kb": stream / 1e3,
        "stalled_mb": stall / 1e6,
        "after_mb": after[0] / 1e6,
        "growth_percent": (after[1] / after[0] - 1) * 100,
    }


def start(entrant: Entrant) -> Measured:
    """Measure the time from the start of the process to the first answer."""
    begin = time.monotonic()
    with entrant.started() as subject:
        _first_answer(subject)
        return {"seconds": time.monotonic() - begin}


def percentile(values: list[float], share: int) -> float:
    """Return the value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]


def _load(stage: Stage, subject: Subject, **chosen: Any) -> dict[str, Any]:
    job = Job(
        port=subject.port,
        dialect=subject.dialect,
        pids=subject.pids,
        ends=[stage.upstream_pid],
        **chosen,
    )
    with stage.cores.on(stage.cores.load):
        finished = subprocess.run(
            [sys.executable, "-m", "benchmark.load", json.dumps(asdict(job))],
            check=False,
            env={**os.environ, "PYTHONPATH": str(HERE.parent)},
            capture_output=True,
            text=True,
        )
    if finished.returncode:
        raise RuntimeError(f"the load failed:\n{finished.stderr}")
    return dict(json.loads(finished.stdout))


def _shares(found: dict[str, Any]) -> Measured:
    """Return how many cores the subject used, and both ends, and all that is no part of this."""
    others = found["machine_cpu"] - found["cpu"] - found["ends_cpu"]
    return {
        "core": found["cpu"] / found["seconds"],
        "ends_core": found["ends_cpu"] / found["seconds"],
        "others_core": others / found["seconds"],
    }


def _settled_bytes(subject: Subject) -> int:
    """Return what a subject holds when that no longer changes."""
    settling = Settling(subject.pids)
    deadline = time.monotonic() + SETTLE_SECONDS
    while not settling.look():
        if time.monotonic() > deadline:
            raise RuntimeError("the memory does not settle")
        time.sleep(POLL_SECONDS)
    return settling.readings[-1]


def _first_answer(subject: Subject) -> None:
    connection = HTTPConnection("127.0.0.1", subject.port)
    message = {"role": "user", "content": "burst-64"}
    body = json.dumps({"model": "coze", "stream": True, "messages": [message]})
    connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    answer = connection.getresponse().read()
    connection.close()
    if b"[DONE]" not in answer:
        raise RuntimeError(f"it does not answer: {answer[:300]!r}")
