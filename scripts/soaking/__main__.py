"""Serve very many streams twice, and see that nothing of them is left.

A tenth of the callers leave, and a twentieth of the answers fail at Coze. It takes minutes. What is
printed is Markdown; the exit status tells whether all was as it should be.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import IO, cast

from benchmark.job import resident_bytes

from soaking.load import soak
from soaking.orders import MOST_TOKENS, WHOLE, Order, orders

MOST_GROWTH = 5.0
WARM_UP = 2000
SETTLE_SECONDS = 60.0
SETTINGS = {
    "COZE_API_KEY": "pat_soak",
    "COZE_BOT_ID": "7379462189365198898",
    "PORT": "0",
    # What falls silent is to be given up while the soak goes on.
    "UPSTREAM_IDLE_TIMEOUT": "1",
}
MEMORY = "memory, MB"


class Subject:
    """The service, and what stands behind it.

    Attributes:
        port: where it listens.
    """

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        log = stack.enter_context((folder / "stderr.log").open("w"))
        upstream = stack.enter_context(_run("upstream", {}, log))
        stack.callback(upstream.terminate)
        port = int(_output(upstream).readline())
        settings = {**SETTINGS, "COZE_BASE_URL": f"http://127.0.0.1:{port}"}
        self._process = stack.enter_context(_run("subject", settings, log))
        stack.callback(self._process.terminate)
        self.port = int(_output(self._process).readline())

    def held(self) -> dict[str, float]:
        """Ask it what it holds."""
        asked = cast("IO[str]", self._process.stdin)
        asked.write("\n")
        asked.flush()
        counts: dict[str, float] = json.loads(_output(self._process).readline())
        return {**counts, MEMORY: resident_bytes([self._process.pid]) / 1e6}

    async def settled(self, idle: dict[str, float] | None = None) -> dict[str, float]:
        """Wait until it holds no more than when it was idle; return what it holds."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            # With a request libcurl closes what Coze has closed, among those for chats and among
            # those for cancels; after it, there is one kept connection of each.
            await soak(self.port, iter([Order(WHOLE, 1), Order(WHOLE, MOST_TOKENS, leaves=1)]), 1)
            await asyncio.sleep(1)
            held = self.held()
            settled = idle is None or held["descriptors"] <= idle["descriptors"]
            if settled or time.monotonic() > deadline:
                return held


def _run(module: str, settings: dict[str, str], log: IO[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", f"soaking.{module}"],
        env={"PYTHONPATH": ":".join(sys.path), **settings},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )


def _output(process: "subprocess.Popen[str]") -> IO[str]:
    return cast("IO[str]", process.stdout)


async def run(subject: Subject, streams: int, connections: int) -> bool:
    """Soak it twice, and print what came of it; tell whether all was as it should be."""
    idle = await subject.settled()
    await soak(subject.port, orders(min(WARM_UP, streams), seed=0), connections)
    levels = [idle, await subject.settled(idle)]
    outcomes: Counter[str] = Counter()
    print("| soak | streams | seconds |\n|---|--:|--:|")
    for number in (1, 2):
        begin = time.monotonic()
        came = await soak(subject.port, orders(streams, seed=number), connections)
        print(f"| {number} | {came.total()} | {time.monotonic() - begin:.0f} |", flush=True)
        outcomes += came
        levels.append(await subject.settled(idle))
    print("\n| how an answer ended | times |\n|---|--:|")
    for outcome, times in sorted(outcomes.items()):
        print(f"| {outcome} | {times} |")
    print("\n| held | at first | warmed up | after one soak | after two |\n|---|--:|--:|--:|--:|")
    for name in idle:
        print(f"| {name} |" + "".join(f" {level[name]:.4g} |" for level in levels))
    growth = (levels[-1][MEMORY] / levels[-2][MEMORY] - 1) * 100
    print(f"\nThe second soak added {growth:.1f} % of memory.")
    left = [n for level in levels for n in level if n != MEMORY and level[n] > idle[n]]
    wrong = [outcome for outcome in outcomes if outcome.startswith("UNEXPECTED")]
    return not wrong and not left and growth < MOST_GROWTH


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--streams", type=int, default=100_000, help="in each soak (%(default)s)")
    parser.add_argument("--connections", type=int, default=100, help="at a time (%(default)s)")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        subject = Subject(stack, folder)
        good = asyncio.run(run(subject, chosen.streams, chosen.connections))
        errors = [line for line in (folder / "stderr.log").open() if " ERROR " in line]
    print("\n".join(["All was as it should be." if good and not errors else "FAILED", *errors[:9]]))
    return 0 if good and not errors else 1


if __name__ == "__main__":
    sys.exit(main())
