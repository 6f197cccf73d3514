"""Our programs on a terminal, for tests that type, and press Ctrl-C as a person does."""

import os
import subprocess
from pathlib import Path

from tests.support.processes import ENVIRONMENT

CTRL_C = "\x03"
CTRL_D = "\x04"
# The leader of a session that opens a terminal gets it as its own, and Ctrl-C with it.
ON_TERMINAL = 'exec <"$0" >"$0" 2>&1; exec "$@"'


class Terminal:
    """A program on a terminal of its own; ended, at the latest, with the ``with`` block."""

    def __init__(self, command, cwd, **environment):
        self._own, its = os.openpty()
        self._seen = ""
        self._process = subprocess.Popen(
            ["sh", "-c", ON_TERMINAL, os.ttyname(its), *map(str, command)],
            cwd=cwd,
            # Nothing is to be seen but what the program prints.
            env=ENVIRONMENT | {"TERM": "dumb"} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        # Not closed before the program has opened it, or there would be nobody at the other end.
        self._its = its

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._its)
        os.close(self._own)

    def type(self, text):
        """Type a line."""
        self.press(f"{text}\n")

    def press(self, keys):
        """Press keys."""
        os.write(self._own, keys.encode())

    def idle(self):
        """Wait until the program waits for keys, once it has printed all that is to be seen.

        Python notices a Ctrl-C in the middle of a line only if it comes then.
        """
        status = Path("/proc", str(self._process.pid), "stat")
        while status.read_text().rpartition(")")[2].split()[0] != "S":
            pass

    def until(self, text):
        """Return what is seen up to a text, from where the last one ended."""
        while text not in self._seen:
            self._seen += os.read(self._own, 4096).decode().replace("\r", "")
        before, found, self._seen = self._seen.partition(text)
        return before + found

    def end(self):
        """Wait until it ends by itself; return its status, and what was seen until then."""
        status = self._process.wait()
        os.close(self._its)
        self._its = os.open(os.devnull, os.O_RDONLY)
        try:
            while piece := os.read(self._own, 4096):
                self._seen += piece.decode().replace("\r", "")
        except OSError:
            pass  # what a terminal says when there is nobody at its other end
        return status, self._seen
