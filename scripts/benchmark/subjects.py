"""The processes of a run: the upstream, and what stands between it and the load."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
START_SECONDS = 20.0

NGINX_CONF = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    upstream coze {{
        server 127.0.0.1:{upstream};
        keepalive 1024;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://coze;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }}
    }}
}}
"""


class Cores:
    """Which processor each process has to itself, as far as there are enough of them."""

    def __init__(self) -> None:
        self.all = sorted(os.sched_getaffinity(0))
        self.subject = self.all[0]
        self.upstream = self.all[min(1, len(self.all) - 1)]
        self.load = self.all[min(2, len(self.all) - 1)]

    @contextmanager
    def on(self, core: int) -> Iterator[None]:
        """Have processes that are started inside the block run on one core."""
        os.sched_setaffinity(0, {core})
        try:
            yield
        finally:
            os.sched_setaffinity(0, self.all)


@dataclass(frozen=True)
class Subject:
    """What is measured.

    Attributes:
        name: as the report calls it.
        port: where it listens.
        dialect: what it is asked in, coze or openai.
        pids: its processes; none where nothing stands between.
    """

    name: str
    port: int
    dialect: str
    pids: list[int] = field(default_factory=list)


class Stage:
    """Starts the processes of a run, and ends them all with its ``with`` block.

    Args:
        folder: for their files.
    """

    def __init__(self, folder: Path) -> None:
        self.cores = Cores()
        self._folder = folder
        self._open = ExitStack()
        environment = {"PYTHONPATH": str(HERE.parent)}
        upstream = self._start(
            [sys.executable, "-m", "benchmark.upstream"], self.cores.upstream, environment
        )
        assert upstream.stdout
        self.upstream_port = int(upstream.stdout.readline())
        self.upstream_pid = upstream.pid

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def direct(self) -> Subject:
        """Return what it is to ask the upstream itself."""
        return Subject("direct", self.upstream_port, "coze")

    def nginx(self, program: str) -> Subject:
        """Start nginx, with a configuration of its own."""
        port = _free_port()
        conf = self._folder / "nginx.conf"
        conf.write_text(
            NGINX_CONF.format(folder=self._folder, upstream=self.upstream_port, port=port)
        )
        command = [program, "-p", str(self._folder), "-c", str(conf), "-e", "stderr"]
        process = self._start(command, self.cores.subject, {})
        _wait_for(lambda: _accepts(port), f"nginx does not listen; see {self._folder}/nginx.log")
        return Subject("nginx", port, "coze", [process.pid])

    def cozeproxy(
        self, name: str, checkout: Path = ROOT, settings: Mapping[str, str] | None = None
    ) -> Subject:
        """Start the service of a checkout as its users do."""
        process = self._start(
            [python_of(checkout), "-m", "cozeproxy", "serve", "--port", "0"],
            self.cores.subject,
            {
                "PYTHONPATH": str(checkout),
                "COZE_API_KEY": "pat_benchmark",
                "COZE_BASE_URL": f"http://127.0.0.1:{self.upstream_port}",
                "COZE_BOT_ID": "7379462189365198898",
                **(settings or {}),
            },
        )
        return Subject(name, _announced(process), "openai", [process.pid])

    def _start(
        self, command: list[str], core: int, environment: Mapping[str, str]
    ) -> "subprocess.Popen[str]":
        log = self._open.enter_context((self._folder / "stderr.log").open("a"))
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with self.cores.on(core):
            process = subprocess.Popen(
                command,
                cwd=self._folder,
                env={**kept, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._open.callback(_end, process)
        return process


def python_of(checkout: Path) -> str:
    """Return the Python that runs a checkout: its own where it has one."""
    own = checkout / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


def nginx_program() -> str | None:
    """Return where nginx is, or nothing."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def _announced(process: "subprocess.Popen[str]") -> int:
    assert process.stdout
    for line in process.stdout:
        found = re.search(r"listens on \S+:(\d+)", line)
        if found:
            return int(found[1])
    raise RuntimeError(f"{process.args} ended before it listened")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def _wait_for(condition: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(complaint)
        time.sleep(0.01)


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()
