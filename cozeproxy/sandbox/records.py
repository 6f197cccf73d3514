"""What arrived: every request to Coze's paths, for tests to look at afterwards."""

import asyncio
import hashlib
import itertools
import json
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any, cast
from weakref import WeakKeyDictionary

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream

# Enough for any test to find its own requests, little enough to run for ever.
MOST_RECORDS = 1000
MOST_BYTES = 64 * 1024 * 1024


def digest(secret: str) -> str:
    """Return a short name for a secret, the same for the same secret."""
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class ArrivedRequest:
    """One request as it arrived.

    Attributes:
        method: The HTTP method.
        path: The path, without the query.
        query: The query's arguments, the last value of each.
        headers: The headers, names in lower case. ``authorization`` shows a digest of the token:
            ``Bearer sha256:0123456789abcdef``.
        body: The decoded JSON, the raw bytes where it is none, or None where there was no body.
        connection: A number for the TCP connection, the same for requests that shared one.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    connection: int

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; a body that is not JSON is shown as text, lossily."""
        shown = asdict(self)
        if isinstance(self.body, bytes):
            shown["body"] = self.body.decode("utf-8", "replace")
        return shown


class Records:
    """The latest requests; the oldest are dropped."""

    def __init__(self) -> None:
        self._kept: deque[tuple[ArrivedRequest, int]] = deque()
        self._bytes = 0
        self._connections: WeakKeyDictionary[IOStream, int] = WeakKeyDictionary()
        self._numbers = itertools.count(1)
        # Set, and replaced, with every request.
        self._added = asyncio.Event()

    @property
    def requests(self) -> list[ArrivedRequest]:
        """The requests kept, oldest first."""
        return [record for record, _ in self._kept]

    def add(self, request: HTTPServerRequest) -> None:
        """Keep one request."""
        record = ArrivedRequest(
            method=request.method or "",
            path=request.path,
            query=query_of(request),
            headers=_safe_headers(request),
            body=_body_of(request),
            connection=self._connection_of(request),
        )
        size = len(request.body)
        self._kept.append((record, size))
        self._bytes += size
        while len(self._kept) > MOST_RECORDS or self._bytes > MOST_BYTES:
            self._bytes -= self._kept.popleft()[1]
        self._added.set()
        self._added = asyncio.Event()

    async def arrived(self, path: str, count: int) -> None:
        """Wait until that many requests for a path have arrived."""
        while sum(record.path == path for record in self.requests) < count:
            await self._added.wait()

    def clear(self) -> None:
        """Forget all of them."""
        self._kept.clear()
        self._bytes = 0

    def _connection_of(self, request: HTTPServerRequest) -> int:
        stream = cast("HTTP1Connection", request.connection).stream
        if stream not in self._connections:
            self._connections[stream] = next(self._numbers)
        return self._connections[stream]


def query_of(request: HTTPServerRequest) -> dict[str, str]:
    """Return the arguments of the query, the last value of each."""
    return {
        name: values[-1].decode("utf-8", "replace")
        for name, values in request.query_arguments.items()
    }


def _safe_headers(request: HTTPServerRequest) -> dict[str, str]:
    headers = {name.lower(): value for name, value in request.headers.get_all()}
    if "authorization" in headers:
        scheme, _, secret = headers["authorization"].partition(" ")
        headers["authorization"] = f"{scheme} sha256:{digest(secret)}"
    return headers


def _body_of(request: HTTPServerRequest) -> Any:
    if not request.body:
        return None
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        return request.body
