"""Writes the log, some lines at a time."""

import asyncio
import logging
from typing import Protocol

# Seconds that a line may wait for others, and how many may wait.
DELAY = 0.1
MOST = 100


class Stream(Protocol):
    """Where lines are written."""

    def write(self, lines: str, /) -> object:
        """Write lines."""

    def flush(self) -> None:
        """Keep nothing back."""


class BatchHandler(logging.StreamHandler[Stream]):
    """Writes lines to a stream: those that tell of something wrong at once, others with the next.

    To form and write a line by itself, in the middle of other work, costs several times of what it
    costs among others. Nothing is lost where a process ends by itself, as ``logging`` then flushes.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self._records: list[logging.LogRecord] = []
        self._scheduled = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line until there are more, or it is time."""
        self._records.append(record)
        if record.levelno > logging.INFO or len(self._records) >= MOST:
            self.flush()
        elif not self._scheduled:
            self._schedule()

    def flush(self) -> None:
        """Write what has been kept."""
        self.acquire()
        try:
            records, self._records = self._records, []
            if records:
                self._write(records)
            super().flush()
        finally:
            self.release()

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

    def _write(self, records: list[logging.LogRecord]) -> None:
        try:
            self.stream.write("".join(f"{self.format(record)}\n" for record in records))
        except Exception:  # noqa: BLE001 - as all handlers do: a log must not end what it tells of
            self.handleError(records[-1])
