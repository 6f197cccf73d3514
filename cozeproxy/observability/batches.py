"""Writes the log, some lines at a time."""

import asyncio
import logging
import time
from typing import NamedTuple, Protocol

# Seconds that a line may wait for others, and how many may wait.
DELAY = 0.1
MOST = 100


class Stream(Protocol):
    """Where lines are written."""

    def write(self, lines: str, /) -> object:
        """Write lines."""

    def flush(self) -> None:
        """Keep nothing back."""


class Kept(NamedTuple):
    """A line of which a record is made when it is written.

    Attributes:
        created: when it came, in seconds since the epoch.
        name: of its logger.
        level: as the logging module has them.
        message: what it says, as text or something that becomes text.
    """

    created: float
    name: str
    level: int
    message: object

    def record(self) -> logging.LogRecord:
        """The line as the logging module has it."""
        record = logging.LogRecord(self.name, self.level, "", 0, self.message, None, None)
        record.created, record.msecs = self.created, self.created % 1 * 1000
        return record


class BatchHandler(logging.StreamHandler[Stream]):
    """Writes lines to a stream: those that tell of something wrong at once, others with the next.

    To form and write a line by itself, in the middle of other work, costs several times of what it
    costs among others. Nothing is lost where a process ends by itself, as ``logging`` then flushes.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self._lines: list[logging.LogRecord | Kept] = []
        self._scheduled = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line until there are more, or it is time."""
        self._keep(record, record.levelno)

    def take(self, name: str, level: int, message: object) -> None:
        """Do what a logger of that name would, and its record, when there are more of its kind."""
        self.acquire()
        try:
            self._keep(Kept(time.time(), name, level, message), level)
        finally:
            self.release()

    def flush(self) -> None:
        """Write what has been kept."""
        self.acquire()
        try:
            lines, self._lines = self._lines, []
            if lines:
                self._write(lines)
            super().flush()
        finally:
            self.release()

    def _keep(self, line: logging.LogRecord | Kept, level: int) -> None:
        self._lines.append(line)
        if level > logging.INFO or len(self._lines) >= MOST:
            self.flush()
        elif not self._scheduled:
            self._schedule()

    def _schedule(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()  # nothing runs that would come back to it
            return
        self._scheduled = True
        loop.call_later(DELAY, self._come_back)

    def _come_back(self) -> None:
        self._scheduled = False
        self.flush()

    def _write(self, lines: list[logging.LogRecord | Kept]) -> None:
        records = [line.record() if isinstance(line, Kept) else line for line in lines]
        try:
            self.stream.write("".join(f"{self.format(record)}\n" for record in records))
        except Exception:  # noqa: BLE001 - as all handlers do: a log must not end what it tells of
            self.handleError(records[-1])
