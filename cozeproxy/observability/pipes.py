"""Where the log goes, without ever waiting for whoever reads it."""

import os
import select
from collections.abc import Iterator


class PatientStream:
    """Writes lines where somebody takes them, and loses them where nobody does.

    To a pipe that is full a program can only wait, and with it would all streams.

    Args:
        descriptor: of a pipe, a terminal, or a file.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._lost = 0

    def write(self, lines: str) -> None:
        """Write lines, and before them how many have been lost."""
        lost, self._lost = self._lost, 0
        if lost:
            lines = f"... {lost} lines could not be written\n{lines}"
        for block in _blocks(lines.encode(errors="backslashreplace")):
            # The first of them says how many had been lost: if it is, too, they still are.
            if self._lost or not self._take(block):
                self._lost = self._lost or max(lost - 1, 0)
                self._lost += block.count(b"\n")

    def flush(self) -> None:
        """Do nothing: nothing is kept back."""

    def _take(self, block: bytes) -> bool:
        while block and self._poll.poll(0):
            try:
                block = block[os.write(self._descriptor, block) :]
            except OSError:
                return False  # nobody is there any more
        return not block


def _blocks(data: bytes) -> Iterator[bytes]:
    """Cut lines into what a pipe that takes anything is sure to take (POSIX: write, PIPE_BUF)."""
    start = 0
    while start < len(data):
        end = start + select.PIPE_BUF
        if end < len(data):
            # Whole lines, except where one is longer.
            end = data.rfind(b"\n", start, end) + 1 or end
        yield data[start:end]
        start = end
