"""Writes the log, some lines at a time."""

import asyncio
import logging
import time
from typing import Any, Protocol

# Seconds that a line waits for others, half of what it may, and how many may wait.
DELAY = 0.05
MOST = 100


class Stream(Protocol):
    """Where lines are written."""

    def write(self, lines: str, /) -> object:
        """Write lines."""

    def flush(self) -> None:
        """Keep nothing back."""


class Line(logging.LogRecord):
    """A record with what the service's own forms of the log need, and nothing else.

    Args:
        name: of its logger.
        level: as the logging module has them.
        message: what it says, as text or something that becomes text.
    """

    def __init__(self, name: str, level: int, message: Any) -> None:
        # Not by the base class, which finds out twenty things more.
        self.created = time.time()
        self.name = name
        self.levelno = level
        self.levelname = logging.getLevelName(level)
        self.msg = message
        self.args = self.exc_info = self.exc_text = self.stack_info = None


class BatchHandler(logging.StreamHandler[Stream]):
    """Writes lines to a stream: those that tell of something wrong at once, others with the next.

    To form and write a line by itself, in the middle of other work, costs several times of what it
    costs among others. Nothing is lost where a process ends by itself, as ``logging`` then flushes.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self._lines: list[logging.LogRecord] = []
        self._scheduled = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line until there are more, or it is time."""
        self._lines.append(record)
        if record.levelno > logging.INFO or len(self._lines) >= MOST:
            self.flush()
        elif not self._scheduled:
            self._schedule()

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

    def _write(self, lines: list[logging.LogRecord]) -> None:
        # As all handlers do: a log must not end what it tells of.
        texts = []
        for line in lines:
            try:
                texts.append(f"{self.format(line)}\n")
            except Exception:  # noqa: BLE001 - one must not take the others with it
                self.handleError(line)
        try:
            self.stream.write("".join(texts))
        except Exception:  # noqa: BLE001
            self.handleError(lines[-1])
