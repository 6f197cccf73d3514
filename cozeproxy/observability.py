"""Logs: one line a request, and what goes wrong. Never a key, a token, or the text of a message."""

import logging
import sys

from tornado.web import RequestHandler

from cozeproxy.settings import Settings

access = logging.getLogger("cozeproxy.access")

# What ends a request's line: a status, its route, and how long it took.
_LINE = "%d %s %s %.1f ms %s"


def configure_logging(settings: Settings) -> None:
    """Send logs to standard error; without ENABLE_LOGGING no line a request."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    # Tornado's own lines would repeat ours, with the query in them.
    logging.getLogger("tornado.access").disabled = True
    access.disabled = not settings.enable_logging


def log_request(handler: RequestHandler) -> None:
    """Write the line of a request that has been answered."""
    status = handler.get_status()
    level = logging.WARNING if status >= 500 else logging.INFO
    request = handler.request
    request_id = getattr(handler, "request_id", "-")
    # The path is the caller's text; what a terminal would act on is escaped.
    path = request.path.encode("unicode_escape").decode()[:200]
    milliseconds = 1000 * request.request_time()
    access.log(level, _LINE, status, request.method, path, milliseconds, request_id)
