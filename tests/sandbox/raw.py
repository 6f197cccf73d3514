"""A raw HTTP client, so that tests see the very bytes, and when they come."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cozeproxy.sandbox import Sandbox

HELLO = [{"role": "user", "content": "Hello", "content_type": "text"}]


@dataclass
class Response:
    """A response whose body is read piece by piece, one for each chunk that was sent."""

    status: int
    version: str
    headers: dict[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    seen: bytearray = field(default_factory=bytearray)

    async def piece(self) -> bytes:
        """Return the next chunk; b"" at the end.

        Raises IncompleteReadError where the connection ends before the body, or
        ConnectionResetError.
        """
        length = self.headers.get("content-length")
        if length is not None:
            data = await self.reader.readexactly(int(length) - len(self.seen))
        elif self.headers.get("transfer-encoding") == "chunked":
            size = int((await self.reader.readuntil(b"\r\n")).strip(), 16)
            data = (await self.reader.readexactly(size + 2))[:-2]
        else:
            data = await self.reader.read(65536)
        self.seen += data
        return data

    async def body(self) -> bytes:
        """Return the whole body."""
        while await self.piece():
            pass
        return bytes(self.seen)

    async def until(self, text: str) -> None:
        """Read until the body so far holds the text."""
        while text.encode() not in self.seen:
            assert await self.piece(), f"{text!r} never came: {self.seen.decode()!r}"

    async def json(self) -> Any:
        """Return the body's JSON."""
        return json.loads(await self.body())


@asynccontextmanager
async def request(
    sandbox: Sandbox,
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = Sandbox.API_KEY,
    content_type: str = "application/json",
) -> AsyncIterator[Response]:
    """Send a request on a connection of its own and yield the response, its head read."""
    address = urlsplit(sandbox.base_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    content = (
        body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    )
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {address.netloc}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(content)}",
        *([f"Authorization: Bearer {token}"] if token else []),
    ]
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        await writer.drain()
        yield await _head(reader, writer)
    finally:
        writer.close()


async def _head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Response:
    status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    version, status, *_ = status_line.split(" ")
    pairs = (line.split(": ", 1) for line in lines if line)
    return Response(int(status), version, {k.lower(): v for k, v in pairs}, reader, writer)


async def call(sandbox: Sandbox, method: str, path: str, body: Any = None, **options: Any) -> Any:
    """Send a request and return its JSON."""
    async with request(sandbox, method, path, body, **options) as response:
        return await response.json()


def chat_body(bot_id: str, *, stream: bool = True, **more: Any) -> dict[str, Any]:
    """Return a body for /v3/chat that says Hello."""
    body = {"bot_id": bot_id, "user_id": "user", "stream": stream, "additional_messages": HELLO}
    return body | more


async def stream(sandbox: Sandbox, bot_id: str, query: str = "", **more: Any) -> bytes:
    """Say Hello to a bot and return the body of the stream."""
    body = chat_body(bot_id, **more)
    async with request(sandbox, "POST", f"/v3/chat{query}", body) as response:
        return await response.body()


def events(body: bytes) -> list[tuple[str, str]]:
    """Return the events of a stream as the WHATWG HTML standard reads it: names and data."""
    text = body.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    found = []
    for block in text.split("\n\n"):
        fields: dict[str, list[str]] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        if "data" in fields:
            found.append((fields.get("event", ["message"])[-1], "\n".join(fields["data"])))
    return found


def deltas(body: bytes) -> str:
    """Return the text of a chat's deltas."""
    return "".join(
        json.loads(data)["content"]
        for name, data in events(body)
        if name == "conversation.message.delta"
    )
