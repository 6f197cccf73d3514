"""A server in Coze's place that knows nothing of HTTP but how a test says it.

The stand-in's scripts run by themselves; here a test says each piece when it has seen what the one
before it did.
"""

import asyncio
import json
import socket

from tests.service.exchange import LINGER

HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: text/event-stream\r\n"
    b"X-Tt-Logid: 2024RAW\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


class RawCoze:
    """Listens; gives the test each request as it comes."""

    def __init__(self):
        self.base_url = ""
        self._server = None
        self._calls = asyncio.Queue()
        self._open = []
        self._connections = []

    async def listen(self):
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}"

    async def stop(self):
        self._server.close()
        for call in self._open:
            call.close()
        await asyncio.gather(*self._connections)
        await self._server.wait_closed()

    async def called(self):
        """Wait for the next request, and give it."""
        return await self._calls.get()

    async def _connected(self, reader, writer):
        self._connections.append(asyncio.current_task())
        call = Call(reader, writer)
        while await call.read_request():
            self._open.append(call)
            self._calls.put_nowait(call)
            await call.over.wait()
            call = Call(reader, writer)


class Call:
    """A request that has come, to be answered byte by byte.

    Attributes:
        path: what it asked for, query included.
        body: what it brought.
        over: set when the connection can carry the next call, or is closed.
    """

    def __init__(self, reader, writer):
        self.path = ""
        self.body = b""
        self.over = asyncio.Event()
        self._reader = reader
        self._writer = writer

    async def read_request(self):
        """Read the request; tell whether there was one."""
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        self.path = head.split()[1]
        lengths = [
            int(line.partition(":")[2])
            for line in head.split("\r\n")
            if line.lower().startswith("content-length:")
        ]
        self.body = await self._reader.readexactly(sum(lengths))
        return True

    async def write(self, data):
        """Write bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def reply(self, **content):
        """Answer with JSON, whole."""
        data = json.dumps(content).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        await self.write(head % len(data) + data)
        self.over.set()

    async def start(self, *pieces):
        """Begin a stream."""
        await self.write(HEAD)
        await self.say(*pieces)

    async def say(self, *pieces):
        """Write a piece of the stream."""
        data = b"".join(pieces)
        if data:
            await self.write(b"%x\r\n%s\r\n" % (len(data), data))

    async def end(self):
        """End the stream as HTTP has it."""
        await self.write(b"0\r\n\r\n")
        self.over.set()

    async def left(self):
        """Wait until the service has closed the connection."""
        try:
            assert await self._reader.read() == b""
        except ConnectionResetError:
            # Closed with something unread in its buffers.
            return

    def close(self):
        """Close the connection."""
        self._writer.close()
        self.over.set()

    def reset(self):
        """Reset the connection, with a TCP RST."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        self._writer.transport.abort()
        self.over.set()
