"""A watch over all that the service shows: looks for secrets in it.

Seen is every byte that goes to a caller, what Tornado itself answers included, and every record
of the service's loggers, at DEBUG too, though it is nobody's to see: levels, handlers and records
are left as they are. The stand-in for Coze is not watched, as it gives out tokens.
"""

import logging
import re
import socket
import weakref

from tornado.httpserver import HTTPServer
from tornado.web import Application

from cozeproxy.observability.batches import BatchHandler, Line

# Loggers of the tests' side; all others are of the service and of its libraries.
NOT_WATCHED = ("openai", "httpx", "httpcore", "cozepy", "hypothesis")
# Endpoints that are there to give an access token, and say so with this status.
GIVING = ("/get_jwt", "/refresh_jwt")
GIVEN = b"HTTP/1.1 200 "
# What HTTP puts between two chunks of an answer.
FRAME = re.compile(rb"\r\n[0-9a-f]{1,8}\r\n")

_is_enabled = logging.Logger.isEnabledFor
_call_handlers = logging.Logger.callHandlers
_handle_stream = HTTPServer.handle_stream
_start_request = HTTPServer.start_request
_send = socket.socket.send


class Watch:
    """Looks for secrets.

    Args:
        secrets: texts by their names.
        tokens: the name of those that are given to whoever may have them.
        report: called with a sentence for each secret that is shown.
    """

    def __init__(self, secrets, tokens, report):
        self._secrets = {name: text.encode() for name, text in secrets.items()}
        self._tokens = tokens
        self._report = report
        self._formatter = logging.Formatter("%(name)s: %(message)s")
        # What goes out on each of the service's connections.
        self._answers = weakref.WeakKeyDictionary()
        self.longest = max(map(len, self._secrets.values()))

    def look(self, where, data, *, gives_token=False):
        """Report the secrets in what is shown."""
        for name, secret in self._secrets.items():
            if secret in data and not (gives_token and name == self._tokens):
                self._report(f"{name} in the {where}: {data.decode(errors='replace')}")

    def install(self):
        """Look at all servers and loggers of this process from now on."""
        self._install_in_servers()
        self._install_in_loggers()

    def _install_in_servers(self):
        def handle_stream(server, stream, address):
            if _is_of_service(server):
                self._answers[stream.socket] = _Answers(self)
            _handle_stream(server, stream, address)

        def start_request(server, server_conn, request_conn):
            sock = request_conn.stream.socket
            if sock in self._answers:
                self._answers[sock].begin(request_conn)
            return _start_request(server, server_conn, request_conn)

        def send(sock, data, *flags):
            if sock not in self._answers:
                return _send(sock, data, *flags)
            # Before: once a caller has it, a test may end this process.
            seen = self._answers[sock].look(bytes(data))
            count = _send(sock, data, *flags)
            if count == len(data):
                self._answers[sock].sent(seen)
            return count

        HTTPServer.handle_stream = handle_stream
        HTTPServer.start_request = start_request
        # Whoever writes to a caller, by Tornado's stream or past it, comes this way.
        socket.socket.send = send

    def _install_in_loggers(self):
        def is_enabled(logger, level):
            return _is_enabled(logger, level) or (not logger.disabled and _is_watched(logger.name))

        def call_handlers(logger, record):
            if _is_watched(record.name):
                self.look("log", self._formatter.format(record).encode())
            if _is_enabled(logger, record.levelno):
                _call_handlers(logger, record)

        def handle(handler, record):
            if isinstance(record, Line):
                self.look("log", f"{record.name}: {record.msg}".encode())
                if not _is_enabled(logging.getLogger(record.name), record.levelno):
                    return False
            return logging.Handler.handle(handler, record)

        logging.Logger.isEnabledFor = is_enabled
        logging.Logger.callHandlers = call_handlers
        # Lines of requests may go past loggers.
        BatchHandler.handle = handle


class _Answers:
    """What goes out on one of the service's connections."""

    def __init__(self, watch):
        self._watch = watch
        self._connection = None
        self._begin = self._tail = b""

    def begin(self, connection):
        """Another request is about to come."""
        self._connection = connection
        self._begin = self._tail = b""

    def look(self, data):
        """Look at what is about to be sent, and give it with what was sent before."""
        self._begin = self._begin or data
        # A secret may be sent in several parts.
        seen = FRAME.sub(b"", self._tail + data)
        path = getattr(self._connection._request_start_line, "path", "")
        gives_token = path in GIVING and self._begin.startswith(GIVEN)
        self._watch.look(f"answer at {path}", seen, gives_token=gives_token)
        return seen

    def sent(self, seen):
        """Take note that the kernel has taken it."""
        self._tail = seen[-self._watch.longest :]


def _is_of_service(server):
    """Whether a server has the service's routes, and not those of the stand-in or of a test."""
    app = server.request_callback
    if not isinstance(app, Application):
        return False
    handler = app.settings.get("default_handler_class", object)
    return handler.__module__.startswith("cozeproxy.handlers.")


def _is_watched(name):
    return name.partition(".")[0] not in NOT_WATCHED
