"""Logs: one line a request, and what goes wrong. Never a key, a token, or the text of a message."""

import logging
import os
import select
import sys

from tornado.web import RequestHandler

from cozeproxy.errors import CozeError, ServiceError, UpstreamError
from cozeproxy.settings import Settings

access = logging.getLogger("cozeproxy.access")
failures = logging.getLogger("cozeproxy.upstream")

# A request's line: status, route, how long it took, the request's id, the name of the caller's key.
_LINE = "%d %s %s %.1f ms %s %s"


class PatientHandler(logging.Handler):
    """Writes lines where somebody takes them, and loses them where nobody does.

    To a pipe that is full a program can only wait, and with it would all streams.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, and before it how many have been lost."""
        try:
            line = f"{self.format(record)}\n"
            if self._lost:
                line = f"... {self._lost} lines could not be written\n{line}"
            if self._write(line.encode(errors="backslashreplace")):
                self._lost = 0
            else:
                self._lost += 1
        except Exception:  # noqa: BLE001 - as the logging module wants it
            self.handleError(record)

    def _write(self, data: bytes) -> bool:
        rest = memoryview(data)
        # As much as a pipe that takes anything is sure to take (POSIX: write, PIPE_BUF).
        while rest and self._poll.poll(0):
            try:
                rest = rest[os.write(self._descriptor, rest[: select.PIPE_BUF]) :]
            except OSError:
                return False  # nobody is there any more
        return not rest


def configure_logging(settings: Settings) -> None:
    """Send logs to standard error; without ENABLE_LOGGING no line a request."""
    logging.basicConfig(
        handlers=[PatientHandler(sys.stderr.fileno())],
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    # Tornado's own lines would repeat ours, with the query in them.
    logging.getLogger("tornado.access").disabled = True
    access.disabled = not settings.enable_logging


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


def log_request(handler: RequestHandler) -> None:
    """Write the line of a request that has been answered."""
    status = handler.get_status()
    level = logging.WARNING if status >= 500 else logging.INFO
    level = getattr(handler, "log_level", level)
    request = handler.request
    request_id = getattr(handler, "request_id", "-")
    # The path is the caller's text; what a terminal would act on is escaped.
    path = request.path.encode("unicode_escape").decode()[:200]
    milliseconds = 1000 * request.request_time()
    key = getattr(getattr(handler, "key", None), "name", None) or "-"
    access.log(level, _LINE, status, request.method, path, milliseconds, request_id, key)


def log_failure(handler: RequestHandler, error: ServiceError) -> None:
    """Say why Coze's answer failed: its code and logid, but not its text, which may quote."""
    if isinstance(error, CozeError):
        reason = f"Coze failed: code {error.code}, logid {error.logid}"
    elif isinstance(error, UpstreamError):
        reason = str(error)
    else:
        return  # the caller's fault is in the access log, ours in a traceback
    failures.warning("%s %s", getattr(handler, "request_id", "-"), reason)
