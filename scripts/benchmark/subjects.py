"""The processes of a run: the upstream, and what stands between it and the load."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, NamedTuple, cast

from benchmark import nginx

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
START_SECONDS = 20.0
# Where a Python begins with the service.
SERVICE = ("-m", "cozeproxy")
# The same without what it does for whoever looks after it: no line of the log, and no number, as
# both are made of a request's record when it has been answered.
WITHOUT_RECORDS = """
import sys
from cozeproxy.observability import RequestRecord
RequestRecord.answered = lambda *_: None
from cozeproxy.cli import main
sys.exit(main())
"""
QUIET = ("-c", WITHOUT_RECORDS)


class Cores:
    """Which processor each process has to itself, as far as there are enough of them."""

    def __init__(self) -> None:
        self.all = sorted(os.sched_getaffinity(0))
        self.subject = self.all[0]
        self.upstream = self.all[min(1, len(self.all) - 1)]
        self.load = self.all[min(2, len(self.all) - 1)]

    @contextmanager
    def on(self, *cores: int) -> Iterator[None]:
        """Have processes that are started inside the block run on these cores alone."""
        os.sched_setaffinity(0, cores)
        try:
            yield
        finally:
            os.sched_setaffinity(0, self.all)


@dataclass(frozen=True)
class Variant:
    """The service as it stands in a checkout, and where its Python begins."""

    name: str
    checkout: Path = ROOT
    program: Sequence[str] = SERVICE

    @property
    def python(self) -> str:
        """The Python that runs it: the checkout's own where there is one."""
        own = self.checkout / ".venv" / "bin" / "python"
        return str(own) if own.exists() else sys.executable


@dataclass(frozen=True)
class Subject:
    """What is measured, while it runs.

    Attributes:
        port: where it listens.
        dialect: what it is asked in, coze or openai.
        pids: its processes; none where nothing stands between.
    """

    port: int
    dialect: str
    pids: list[int] = field(default_factory=list)


class Entrant(NamedTuple):
    """What is compared with others.

    Attributes:
        name: as the report calls it.
        started: starts it, and ends it with its ``with`` block.
    """

    name: str
    started: Callable[[], AbstractContextManager[Subject]]


class Stage:
    """Starts the processes of a run: the upstream at once, what stands before it when it is due.

    Args:
        folder: for their files.

    Attributes:
        upstream_pid: the upstream's process.
    """

    def __init__(self, folder: Path) -> None:
        self.cores = Cores()
        self._folder = folder
        self._open = ExitStack()
        command = [sys.executable, "-m", "benchmark.upstream"]
        environment = {"PYTHONPATH": str(HERE.parent)}
        process = self._open.enter_context(self._run(command, [self.cores.upstream], environment))
        self._upstream_port = int(_output(process).readline())
        self.upstream_pid = process.pid

    def __enter__(self) -> "Stage":  # noqa: PYI034 - no class derives from it
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def direct(self) -> Entrant:
        """Return nothing between: the upstream itself, which runs anyway."""
        return Entrant("direct", lambda: nullcontext(Subject(self._upstream_port, "coze")))

    def nginx(self, program: str) -> Entrant:
        """Return nginx."""

        @contextmanager
        def started() -> Iterator[Subject]:
            with self._nginx(program, [self._upstream_port], self.cores.subject) as (port, pid):
                yield Subject(port, "coze", [pid])

        return Entrant("nginx", started)

    def service(self, variant: Variant) -> Entrant:
        """Return the service as its users run it."""

        @contextmanager
        def started() -> Iterator[Subject]:
            with self._service(variant, self.cores.subject) as (port, pid):
                yield Subject(port, "openai", [pid])

        return Entrant(variant.name, started)

    def copies(self, variant: Variant, number: int, program: str) -> Entrant:
        """Return some copies of the service behind nginx, all of them wherever there is room."""

        @contextmanager
        def started() -> Iterator[Subject]:
            with ExitStack() as stack:
                run = [self._service(variant, *self.cores.all) for _ in range(number)]
                copies = [stack.enter_context(copy) for copy in run]
                behind = self._nginx(program, [port for port, _ in copies], *self.cores.all)
                port, pid = stack.enter_context(behind)
                yield Subject(port, "openai", [pid, *(each for _, each in copies)])

        return Entrant(f"{number} {'copy' if number == 1 else 'copies'}", started)

    @contextmanager
    def _nginx(
        self, program: str, upstreams: Sequence[int], *cores: int
    ) -> Iterator[tuple[int, int]]:
        port = _free_port()
        with TemporaryDirectory(dir=self._folder) as folder:
            command = nginx.command(program, Path(folder), port, upstreams)
            with self._run(command, cores, {}) as process:
                _wait_for(port)
                yield port, process.pid

    @contextmanager
    def _service(self, variant: Variant, *cores: int) -> Iterator[tuple[int, int]]:
        environment = {
            "PYTHONPATH": str(variant.checkout),
            "COZE_API_KEY": "pat_benchmark",
            "COZE_BASE_URL": f"http://127.0.0.1:{self._upstream_port}",
            "COZE_BOT_ID": "7379462189365198898",
        }
        command = [variant.python, *variant.program, "serve", "--port", "0"]
        with self._run(command, cores, environment) as process:
            yield self._announced(process), process.pid

    @contextmanager
    def _run(
        self, command: list[str], cores: Sequence[int], environment: Mapping[str, str]
    ) -> Iterator["subprocess.Popen[str]"]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with self._log.open("a") as log, self.cores.on(*cores):
            process = subprocess.Popen(
                command,
                cwd=self._folder,
                env={**kept, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            _output(process).close()

    @property
    def _log(self) -> Path:
        return self._folder / "stderr.log"

    def _announced(self, process: "subprocess.Popen[str]") -> int:
        for line in _output(process):
            found = re.search(r"listens on \S+:(\d+)", line)
            if found:
                return int(found[1])
        raise RuntimeError(f"it ended before it listened:\n{self._log.read_text()[-2000:]}")


def _output(process: "subprocess.Popen[str]") -> IO[str]:
    return cast("IO[str]", process.stdout)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
