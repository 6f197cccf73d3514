"""The body of a request on its way in: how long it is, and what may come."""

import re

from tornado.httputil import HTTPHeaders

from cozeproxy.errors import RequestError
from cozeproxy.handlers.load import Load

# What is read past, where nobody wants it, to keep the connection.
LITTLE = 64 * 1024
# SDKs send some twenty; browsers and proxies in between add theirs.
MOST_FIELDS = 200

_LENGTH = re.compile(r"[0-9]{1,18}")


def check_head(headers: HTTPHeaders) -> None:
    """Refuse what must not be read on.

    Raises:
        RequestError: there are too many headers, or the body is compressed.
    """
    if len(list(headers.get_all())) > MOST_FIELDS:
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

    Attributes:
        taken: it has come, and has been given to whoever wanted it.
    """

    def __init__(self, load: Load, limit: int) -> None:
        self.taken = False
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
        self.taken = True
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
