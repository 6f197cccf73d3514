"""What the load is told to do, and what it reads of the subject while it does it."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from benchmark.caller import coze_request, openai_request

POLL_SECONDS = 0.1
# Memory has settled when that many readings differ by no more.
READINGS = 10
SETTLED_BYTES = 64 * 1024


@dataclass(frozen=True)
class Job:
    """One measurement of one subject.

    Attributes:
        kind: burst, drip, hold or stall.
        port: of the subject.
        dialect: what the subject is asked in, coze or openai.
        pids: processes of the subject, whose CPU time and memory are read.
        ends: processes of the upstream.
        connections: how many are open at a time.
        seconds: how long to count.
        stream: whether whole answers are asked for as streams.
        probes: how many times to first token are taken.
    """

    kind: str
    port: int
    dialect: str
    pids: list[int]
    ends: list[int]
    connections: int
    seconds: float = 0
    stream: bool = True
    probes: int = 0

    def request(self, order: str) -> bytes:
        """Return the bytes of a request for what the upstream is to send."""
        if self.dialect == "coze":
            return coze_request(order)
        return openai_request(order, stream=self.stream)


class Clocks:
    """What passes from its making on: time, and the CPU time of the subject, both ends, and all."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        return {
            "seconds": time.monotonic(),
            "cpu": cpu_seconds(self._job.pids),
            "ends_cpu": time.process_time() + cpu_seconds(self._job.ends),
            "machine_cpu": _machine_cpu_seconds(),
        }

    def passed(self) -> dict[str, float]:
        """Return the seconds that have passed, by clock."""
        return {name: now - self._before[name] for name, now in self._now().items()}


def cpu_seconds(pids: list[int]) -> float:
    """Return the CPU time of processes, with all their threads."""
    # Linux's clock of another process, to the nanosecond: what clock_getcpuclockid(3) gives.
    return sum(time.clock_gettime(~pid << 3 | 2) for pid in pids)


def _machine_cpu_seconds() -> float:
    """Return the CPU time of all that runs here, and what other machines took of it."""
    with Path("/proc/stat").open() as file:
        user, nice, system, _, _, irq, softirq, steal = map(int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pids: list[int]) -> int:
    """Return the memory that processes hold."""
    return sum(_resident_bytes(pid) for pid in pids)


class Settling:
    """Looks at the memory that processes hold until it no longer changes.

    Attributes:
        readings: what was seen, in bytes.
    """

    def __init__(self, pids: list[int]) -> None:
        self.readings: list[int] = []
        self._pids = pids

    def look(self) -> bool:
        """Look once more, and say whether it has settled."""
        self.readings.append(resident_bytes(self._pids))
        last = self.readings[-READINGS:]
        return len(last) == READINGS and max(last) - min(last) <= SETTLED_BYTES


def _resident_bytes(pid: int) -> int:
    # VmRSS of "status" may lag behind by some pages for each thread and processor.
    found = re.search(
        r"^Rss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE
    )
    return int(found[1]) * 1024 if found else 0
