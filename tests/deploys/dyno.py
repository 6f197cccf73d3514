"""A dyno of Heroku's, as far as a program can tell: how it is started, heard and stopped."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.processes import ENVIRONMENT, ROOT

# How long a dyno may take to stop, until it is killed. Seconds.
STOP_SECONDS = 30.0


class Dyno:
    """Runs the command of a Procfile; ended, at the latest, with the ``with`` block.

    It has a shell, a port that it is told, its standard output for a log, and gets SIGTERM in all
    its processes at once.

    Attributes:
        port: what it was told.
    """

    def __init__(self, slug, **config):
        kind, _, command = (ROOT / "Procfile").read_text().partition(": ")
        assert kind == "web"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        # The Python that the buildpack has put on the path, with the requirements in it.
        path = os.pathsep.join([str(Path(sys.executable).parent), ENVIRONMENT["PATH"]])
        environment = {**ENVIRONMENT, "PATH": path, "PORT": str(self.port), **config}
        del environment["PYTHONPATH"]
        self._process = subprocess.Popen(
            ["bash", "-c", command],
            cwd=slug,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stdout.close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def log_until(self, text):
        """Return what the log says up to the line that has the text; an end before it fails."""
        seen = ""
        for line in self._process.stdout:
            seen += line
            if text in line:
                return seen
        raise AssertionError(f"it ended without {text!r}: {seen}")

    def stop(self):
        """Ask it to stop."""
        os.killpg(self._process.pid, signal.SIGTERM)

    def stopped(self):
        """Return its exit status, and the rest of the log, when it has stopped."""
        rest, _ = self._process.communicate(timeout=STOP_SECONDS)
        return self._process.returncode, rest
