"""HTTP by hand, for tests that look at bytes as they come, read slowly, or leave."""

import asyncio
import json
import socket
import struct

PATH = "/v1/chat/completions"
# With it, closing a socket resets the connection.
LINGER = struct.pack("ii", 1, 0)


class Exchange:
    """A request to the service on a connection of its own, and its response.

    Attributes:
        status: of the response, once the head has been read.
        headers: the same; names in lower case.
        seen: what has come of the body.
    """

    def __init__(self, reader, writer, asked_with, path):
        self.status = 0
        self.headers = {}
        self.seen = bytearray()
        self._reader = reader
        self._writer = writer
        self._asked_with = asked_with
        self._path = path

    @classmethod
    async def open(cls, port, body, headers, *, path=PATH, receive_buffer=None):
        """Connect and send a request. A small buffer lets little wait for a slow reader."""
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        limit = receive_buffer or 2**16
        exchange = cls(*await asyncio.open_connection(sock=sock, limit=limit), headers, path)
        exchange.send(body)
        return exchange

    def send(self, body):
        """Send a request, to the path and with the headers that it was opened with."""
        data = json.dumps(body).encode()
        lines = [
            f"POST {self._path} HTTP/1.1",
            "Host: localhost",
            f"Content-Length: {len(data)}",
            *(f"{name}: {value}" for name, value in self._asked_with.items()),
        ]
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + data)

    async def head(self):
        """Read the head of the response."""
        status_line, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        self.status = int(status_line.split()[1])
        self.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        self.seen = bytearray()

    async def until(self, text):
        """Read until the body has a text."""
        if not self.status:
            await self.head()
        while text.encode() not in self.seen:
            assert await self._piece(), f"{text!r} never came: {self.seen.decode()!r}"

    async def rest(self):
        """Read to the end that HTTP marks, and give the whole body."""
        if not self.status:
            await self.head()
        while await self._piece():
            pass
        return bytes(self.seen)

    def reset(self):
        """Leave with a TCP RST."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        self._writer.transport.abort()

    async def close(self):
        """Leave."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            self._writer.transport.abort()

    async def _piece(self):
        if "chunked" in self.headers.get("transfer-encoding", ""):
            size = int(await self._reader.readline(), 16)
            piece = (await self._reader.readexactly(size + 2))[:-2]
        else:
            missing = int(self.headers["content-length"]) - len(self.seen)
            piece = await self._reader.readexactly(missing)
        self.seen += piece
        return piece
