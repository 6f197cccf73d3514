"""The log: where it goes, in which form, and from which level on."""

import json
import logging
import sys
import time
from collections.abc import Mapping
from typing import Protocol

from cozeproxy.observability.batches import BatchHandler, Line
from cozeproxy.observability.lines import printable
from cozeproxy.observability.pipes import PatientStream
from cozeproxy.settings import Settings

ACCESS = "cozeproxy.access"


class Message(Protocol):
    """A message that is more than text: the logging module takes any object for one.

    Its text is made only where a handler wants it.
    """

    def __str__(self) -> str: ...

    def fields(self) -> Mapping[str, object]:
        """What it says, by names, for logs of objects."""


def configure_logging(settings: Settings) -> None:
    """Send logs to standard error; without ENABLE_LOGGING no line a request."""
    handler = BatchHandler(PatientStream(sys.stderr.fileno()))
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else TextFormatter())
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper())
    # What no form of the log has, need not be found out.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    # Tornado's own lines would repeat ours, with the query in them.
    logging.getLogger("tornado.access").disabled = True
    logging.getLogger(ACCESS).disabled = not settings.enable_logging


def silence_quotes() -> None:
    """Keep Tornado from quoting what it cannot read, which may be a header with a caller's key.

    At whatever level and wherever logs go: so this is the service's doing, not the set-up's.
    """
    general = logging.getLogger("tornado.general")
    if _without_quotes not in general.filters:
        general.addFilter(_without_quotes)


def _without_quotes(record: logging.LogRecord) -> bool:
    if str(record.msg).startswith("Malformed HTTP message"):
        record.msg, record.args = "A caller has sent HTTP that cannot be read.", ()
    return True


def write(logger: logging.Logger, level: int, message: Message) -> None:
    """Log a message, if anybody wants it.

    Not by ``logger.log``, which looks for the place that called it, and no form of the log has
    that. Where nobody has set up anything but the service's own log, lines go there right away:
    the way past each logger is code that else nothing uses, and costs a hundredth of an answer.
    """
    if not logger.isEnabledFor(level):
        return
    handler = _only_handler(logger)
    if handler and level >= handler.level:
        handler.handle(Line(logger.name, level, message))
    elif not handler:
        logger.handle(logging.LogRecord(logger.name, level, "", 0, message, None, None))


def _only_handler(logger: logging.Logger) -> BatchHandler | None:
    """The service's own, if a record of this logger gets there, unchanged, and nowhere else."""
    while logger.parent:
        if logger.handlers or logger.filters or not logger.propagate:
            return None
        logger = logger.parent
    match logger.handlers:
        case [BatchHandler() as handler]:
            return handler
    return None


class _Stamp:
    """Times in UTC, as in ``2026-01-31T12:00:00.250Z``; the part up to the second is kept."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def __call__(self, created: float) -> str:
        second = int(created)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._text}.{int((created - second) * 1000):03}Z"


class TextFormatter(logging.Formatter):
    """Lines for people. A message is one line, whatever is in it; a traceback is set in below."""

    def __init__(self) -> None:
        super().__init__()
        self._stamp = _Stamp()

    def format(self, record: logging.LogRecord) -> str:
        """The time, the level, the logger, and the message."""
        message = printable(record.getMessage())
        line = f"{self._stamp(record.created)} {record.levelname} {record.name} {message}"
        if record.exc_info:
            # What an exception quotes could begin as a line of the log does.
            below = self.formatException(record.exc_info).splitlines()
            line += "".join(f"\n    {printable(part)}" for part in below)
        return line


class JsonFormatter(logging.Formatter):
    """Lines for programs: an object each, in ASCII."""

    def __init__(self) -> None:
        super().__init__()
        # json.dumps() would make an encoder for each line.
        self._encode = json.JSONEncoder(default=str).encode
        self._stamp = _Stamp()

    def format(self, record: logging.LogRecord) -> str:
        """The same as text has; of a request, each part under its name in place of the message."""
        content: dict[str, object] = {
            "time": self._stamp(record.created),
            "level": record.levelname,
            "logger": record.name,
        }
        fields = getattr(record.msg, "fields", None)
        content |= fields() if fields else {"message": record.getMessage()}
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        return self._encode(content)
