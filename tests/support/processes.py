"""Our programs as processes of their own, for tests that look at them from outside."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from cozeproxy.settings import Settings
from tests.support import sdk
from tests.support.canaries import CALLER_KEY
from tests.support.report import Report

ROOT = Path(__file__).parent.parent.parent
COZEPROXY = [sys.executable, "-m", "cozeproxy"]
# Neither this machine's settings nor its proxies; and the checkout's package, from any folder,
# with what watches a service from inside.
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in Settings.variables and not name.lower().endswith("_proxy")
} | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support" / "inside")])}


class Process:
    """A program that prints where it listens; ended, at the latest, with the ``with`` block.

    The block fails if the program has shown a secret.
    """

    def __init__(self, command, cwd, **environment):
        # Not a pipe, which a process could fill up while nobody reads it.
        self._stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self._printed = ""
        self._report = Report(environment)
        self._process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=ENVIRONMENT | self._report.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        with self._process.stdout as stdout, self._stderr:
            self._report.check(self._printed + stdout.read() + self.complaints())

    @property
    def pid(self):
        return self._process.pid

    def read_until(self, pattern):
        """Return what was printed up to the line that has the pattern; an end before it fails."""
        printed = ""
        for line in self._process.stdout:
            printed += line
            self._printed += line
            if re.search(pattern, line):
                return printed
        raise AssertionError(f"it ended without {pattern!r}: {printed}{self.complaints()}")

    def address(self):
        """Return where it listens, as soon as it says so."""
        return re.search(r"listens on (\S+)", self.read_until("listens on")).group(1)

    def complaints(self):
        """Return what has gone to stderr so far."""
        self._stderr.seek(0)
        return self._stderr.read()

    def send(self, number):
        """Send a signal."""
        self._process.send_signal(number)

    def end(self, number=signal.SIGTERM):
        """Send a signal and return the exit status."""
        self.send(number)
        return self.wait()

    def wait(self):
        """Return the exit status, when it comes."""
        return self._process.wait()


def finished(command, cwd, *, given=None, **environment):
    """Run a program to its end, with something on stdin or nothing; return what came of it.

    It fails if a secret was printed.
    """
    report = Report(environment)
    result = subprocess.run(
        [str(part) for part in command],
        check=False,
        cwd=cwd,
        env=ENVIRONMENT | report.environment | environment,
        input=given or "",
        capture_output=True,
        text=True,
    )
    report.check(result.stdout + result.stderr)
    return result


def copy_of_checkout(folder):
    """Copy what a clone would have, and return the folder."""
    local = [".git", ".venv", ".env", "node_modules", "build", "dist", "*.egg-info"]
    caches = ["__pycache__", ".*_cache", ".hypothesis"]
    return shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*local, *caches))


def said_by(address, text="Hello!"):
    """Return what the service at an address answers."""
    with sdk.blocking(base_url=f"{address}/v1", api_key=CALLER_KEY) as client:
        answer = client.chat.completions.create(
            model="any-model", messages=[{"role": "user", "content": text}]
        )
        return answer.choices[0].message.content
