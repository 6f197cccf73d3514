"""The body of a request on its way in: how long it is, and what may come."""

import re
import sys
from collections.abc import Callable
from typing import cast

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.web import Application, RequestHandler, stream_request_body

from cozeproxy.errors import RequestError, ServiceError
from cozeproxy.handlers.context import Context
from cozeproxy.handlers.load import Load

# What is read past, where nobody wants it, to keep the connection.
LITTLE = 64 * 1024
# SDKs send some twenty; browsers and proxies in between add theirs.
MOST_FIELDS = 200
# For how long what a caller goes on sending is read past after it has been refused: closed at once,
# the connection would be reset, and the caller might never see why. As long as nginx's.
LINGER_SECONDS = 30.0

_LENGTH = re.compile(r"[0-9]{1,18}")


def check_head(headers: HTTPHeaders) -> None:
    """Refuse what must not be read on.

    Raises:
        RequestError: there are too many headers, or the body is compressed.
    """
    if sum(1 for _ in headers.get_all()) > MOST_FIELDS:
        raise RequestError(f"A request may have {MOST_FIELDS} headers.", status=431)
    encoding = headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise RequestError(
            "The body must be sent as it is, without Content-Encoding.",
            code="unsupported_content_encoding",
            status=415,
        )


def announced(headers: HTTPHeaders) -> int:
    """The length of the body that a head announces; 0 also where it cannot be told."""
    length = headers.get("Content-Length", "")
    # Tornado refuses what is no number, and lengths with chunks, when it comes to the body.
    if "Transfer-Encoding" in headers or not _LENGTH.fullmatch(length):
        return 0
    return int(length)


class Body:
    """The body of one request.

    Args:
        load: where its bytes are counted.
        limit: the bytes that it may have.
    """

    def __init__(self, load: Load, limit: int) -> None:
        self._load = load
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0

    def check(self, size: int) -> None:
        """Refuse a length that is too large.

        Raises:
            RequestError: it is.
        """
        if size > self._limit:
            raise RequestError(
                f"The body of this request may have {self._limit} bytes.",
                code="request_too_large",
                status=413,
            )

    def receive(self, piece: bytes) -> None:
        """Take a piece.

        Raises:
            ServiceError: it is too much for this request, or for all together.
        """
        self.check(self._size + len(piece))
        self._load.hold(len(piece))
        self._size += len(piece)
        self._pieces.append(piece)

    def take(self) -> list[bytes]:
        """Give the pieces away; they stay counted until drop()."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def become(self, size: int) -> None:
        """Count what has been made of it, in its place: none of it is kept any more."""
        self._load.release(self._size - size)
        self._size = size

    def drop(self) -> None:
        """Keep nothing, and count nothing."""
        self._pieces = []
        self._load.release(self._size)
        self._size = 0

    @property
    def size(self) -> int:
        """What has come so far."""
        return self._size


@stream_request_body
class ReceivingHandler(RequestHandler):
    """Takes bodies piece by piece, so that what is refused is not read first.

    Attributes:
        context: what the handlers of a service share.
        body: of the request, whole by the time that post() or another method is called.
        prepared: the head has been looked at. What Tornado refuses before, it does not read on.
    """

    # Whether the endpoint has a use for a body. What is sent to others is read past.
    takes_body = False

    def __init__(
        self, application: Application, request: HTTPServerRequest, *, context: Context
    ) -> None:
        # Not in initialize(), as the default headers, which depend on the settings, come before it.
        self.context = context
        limit = context.settings.max_body_bytes if self.takes_body else LITTLE
        self.body = Body(context.load, limit)
        self.prepared = False
        # Why the request is refused, while its body may still be coming; what has come since.
        self._refusal: ServiceError | None = None
        self._read_past = 0
        # Runs while what still comes is read past, after the answer.
        self._lingering: object | None = None
        super().__init__(application, request)

    def admit(self) -> None:
        """Refuse, as a ServiceError, what the head shows that is not to be served."""

    def tell(self, error: ServiceError) -> bytes:
        """Set the status and headers of an error, and give the body for it."""
        raise NotImplementedError

    def leave(self) -> None:
        """Note that nobody waits for an answer any more. May be called again."""
        self.context.load.close(self)
        self.body.drop()

    def prepare(self) -> None:
        """Look at the head, before the body is read."""
        self.prepared = True
        self.context.load.open(self)
        # The limit is ours: Tornado's own answer to what goes beyond has no body.
        self._connection.set_max_body_size(sys.maxsize)
        try:
            check_head(self.request.headers)
            self.body.check(announced(self.request.headers))
            self.admit()
        except ServiceError as error:
            self._refuse(error)

    def data_received(self, chunk: bytes) -> None:
        """Take a piece of the body."""
        if self._refusal is None:
            try:
                self.body.receive(chunk)
            except ServiceError as error:
                self._refuse(error)
                self._answer_early(error)
        elif self._lingering is None:
            self._read_past += len(chunk)
            if self._read_past > LITTLE:
                self._answer_early(self._refusal)

    def on_finish(self) -> None:
        """Note that the request has been answered."""
        self.leave()
        if self._lingering:
            IOLoop.current().remove_timeout(self._lingering)
        stream = self._connection.stream
        if (self._lingering or self.context.load.leaving) and not stream.closed():
            # When all that was written before is out.
            stream.write(b"").add_done_callback(lambda _: stream.close())

    def on_connection_close(self) -> None:
        """Note that the caller has left."""
        super().on_connection_close()
        self.leave()
        if self._lingering and not self._finished:
            self.finish()

    @property
    def _connection(self) -> HTTP1Connection:
        return cast("HTTP1Connection", self.request.connection)

    def _refuse(self, error: ServiceError) -> None:
        """Answer with an error: if the body is short, after it, so that the connection goes on."""
        self._refusal = error
        self.body.drop()

        def refuse(*_path: str) -> None:
            raise error

        self._serve_with(refuse)
        if announced(self.request.headers) > LITTLE or "Expect" in self.request.headers:
            self._answer_early(error)

    def _answer_early(self, error: ServiceError) -> None:
        """Answer while the body is coming, and read past what still comes."""
        if self._lingering:
            return
        self.clear()
        told = self.tell(error)
        self.set_header("Connection", "close")
        self.set_header("Content-Length", len(told))
        self.write(told)
        self.flush()
        self.leave()
        if "Expect" in self.request.headers:
            self.finish()  # the caller waits with the body until it is asked for
            return
        self._serve_with(lambda *_path: self.finish())
        self._lingering = IOLoop.current().call_later(LINGER_SECONDS, self.finish)

    def _serve_with(self, method: Callable[..., object]) -> None:
        """Put something in the place of post() and so on, which wait for the end of the body."""
        setattr(self, (self.request.method or "").lower(), method)
