"""Writes where somebody takes it, and loses it where nobody does."""

import os
import select


class PatientStream:
    """A stream that nobody has to wait for.

    To a pipe that is full a program can only wait, and with it would all that it has to do.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._lost = 0

    def write(self, text: str) -> None:
        """Write lines, and before them how many have been lost."""
        lost = f"... {self._lost} lines could not be written\n" if self._lost else ""
        if self._is_taken((lost + text).encode(errors="backslashreplace")):
            self._lost = 0
        else:
            self._lost += text.count("\n")

    def flush(self) -> None:
        """Nothing is kept."""

    def _is_taken(self, data: bytes) -> bool:
        rest = memoryview(data)
        # As much as a pipe that takes anything is sure to take (POSIX: write, PIPE_BUF).
        while rest and self._poll.poll(0):
            try:
                rest = rest[os.write(self._descriptor, rest[: select.PIPE_BUF]) :]
            except OSError:
                return False  # nobody is there any more
        return not rest
