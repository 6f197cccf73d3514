"""One measurement each, of one subject."""

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from benchmark.load import Job
from benchmark.subjects import HERE, Stage, Subject


def run_load(stage: Stage, subject: Subject, **chosen: Any) -> dict[str, Any]:
    """Run the load against a subject, and return its outcome."""
    job = Job(
        port=subject.port,
        dialect=subject.dialect,
        pids=subject.pids,
        others=[stage.upstream_pid],
        **chosen,
    )
    with stage.cores.on(stage.cores.load):
        finished = subprocess.run(
            [sys.executable, "-m", "benchmark.load", json.dumps(asdict(job))],
            check=False,
            cwd=HERE.parent,
            capture_output=True,
            text=True,
        )
    if finished.returncode:
        raise RuntimeError(f"the load on {subject.name} failed:\n{finished.stderr}")
    return dict(json.loads(finished.stdout))


def burst(stage: Stage, subject: Subject, seconds: float, **chosen: Any) -> dict[str, float]:
    """Measure whole answers, sent at once."""
    found = run_load(stage, subject, kind="burst", seconds=seconds, **chosen)
    streams = found["streams"]
    return {
        "streams_s": streams / found["seconds"],
        "cpu_us": found["cpu"] / streams * 1e6,
        "busy": found["cpu"] / found["seconds"],
        "ends_busy": found["ends_cpu"] / found["seconds"],
    }


def drip(stage: Stage, subject: Subject, seconds: float, **chosen: Any) -> dict[str, float]:
    """Measure tokens that come one by one."""
    found = run_load(stage, subject, kind="drip", seconds=seconds, **chosen)
    return {
        "cpu_us": found["cpu"] / found["tokens"] * 1e6,
        "busy": found["cpu"] / found["seconds"],
        "ends_busy": found["ends_cpu"] / found["seconds"],
        "arrived": found["tokens"] / found["expected"],
        "joined": found["joined"] / found["tokens"],
        "delay_p50_ms": percentile(found["delays"], 50) * 1e3,
        "delay_p99_ms": percentile(found["delays"], 99) * 1e3,
        "first_p50_ms": percentile(found["first"], 50) * 1e3,
        "first_p99_ms": percentile(found["first"], 99) * 1e3,
    }


def percentile(values: list[float], share: int) -> float:
    """Return the value below which that share of all values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)]
