"""A server in Coze's place that does what a script says, byte by byte, and nothing else.

It answers no call by itself: a test takes each as it comes, and says what is written, when, and how
the connection ends.
"""

import asyncio
import json
import socket
from collections import deque

from tests.service.exchange import LINGER

STREAM = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
CANCEL = "/v3/chat/cancel"


class RawUpstream:
    """Listens; gives the test each call as it comes.

    Attributes:
        base_url: for COZE_BASE_URL.
        accepted: how many connections were ever accepted.
        connections: those that are open.
        answers_cancels: calls to CANCEL are answered by themselves, before called() gives them.
    """

    def __init__(self):
        self.base_url = ""
        self.accepted = 0
        self.connections = set()
        self.answers_cancels = True
        self._server = None
        self._calls = deque()
        self._came = asyncio.Condition()
        self._tasks = set()

    async def listen(self, port=0, ssl=None):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=ssl)
        port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"{'https' if ssl else 'http'}://127.0.0.1:{port}"

    async def refuse(self):
        """Listen no more: connections are refused until listen() with the same port."""
        self._server.close()
        await self._server.wait_closed()

    async def stop(self):
        self._server.close()
        for connection in list(self.connections):
            connection.close()
        await asyncio.gather(*self._tasks)
        await self._server.wait_closed()

    async def called(self, path=None):
        """Wait for the next call, or the next of a path (without its query), and give it.

        Calls of other paths stay for whoever asks for them.
        """
        async with self._came:
            await self._came.wait_for(lambda: self._find(path))
            call = self._find(path)
            self._calls.remove(call)
            return call

    def waiting(self, path=None):
        """How many calls have come, of a path or of all, that called() has not given yet."""
        return sum(call.is_for(path) for call in self._calls)

    def _find(self, path):
        return next((call for call in self._calls if call.is_for(path)), None)

    async def _serve(self, reader, writer):
        self._tasks.add(asyncio.current_task())
        self.accepted += 1
        connection = Connection(reader, writer)
        self.connections.add(connection)
        try:
            while call := await connection.next_call():
                if self.answers_cancels and call.is_for(CANCEL):
                    await call.reply({"code": 0, "msg": ""})
                async with self._came:
                    self._calls.append(call)
                    self._came.notify_all()
                await call.over.wait()
        finally:
            self.connections.discard(connection)
            writer.close()


class Connection:
    """A connection from the service."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self._call = None

    async def next_call(self):
        """Read a request; None where there is no other one."""
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            call = Call(self, head)
            call.body = await self.reader.readexactly(int(call.headers.get("content-length", 0)))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        self._call = call
        return call

    def close(self):
        """Close it: with a FIN, unless something has come that was not read."""
        self.writer.close()
        self._over()

    def reset(self):
        """Close it with a TCP RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        self.writer.transport.abort()
        self._over()

    def _over(self):
        if self._call:
            self._call.over.set()


class Call:
    """A request that has come, to be answered byte by byte.

    Attributes:
        method: of the request.
        path: what it asked for, query included.
        headers: of the request; names are in lower case.
        body: of the request.
        connection: that it came on.
        over: set when the connection can carry the next call, or is closed.
    """

    def __init__(self, connection, head):
        request_line, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        self.method, self.path, _ = request_line.split()
        pairs = (line.partition(":") for line in lines)
        self.headers = {name.lower(): value.strip() for name, _, value in pairs}
        self.body = b""
        self.connection = connection
        self.over = asyncio.Event()

    @property
    def json(self):
        """The request's body."""
        return json.loads(self.body)

    def is_for(self, path):
        """Whether it is a call to a path; None is any."""
        return path in (None, self.path.partition("?")[0])

    async def write(self, data):
        """Write bytes as they are."""
        self.connection.writer.write(data)
        await self.connection.writer.drain()

    async def reply(self, body=b"", status="200 OK", kind="application/json", **headers):
        """Answer whole: with these bytes, or with JSON; the connection can be used again."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"Content-Type": kind, "Content-Length": len(data), **headers}
        lines = [
            f"{name.replace('_', '-')}: {value}"
            for name, value in fields.items()
            if value is not None
        ]
        await self.write("\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + data)
        self.over.set()

    async def start(self, *events, **headers):
        """Begin a stream, in chunks."""
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
        await self.write((STREAM + "".join(lines) + "\r\n").encode())
        await self.say(*events)

    async def say(self, *events):
        """Write a chunk of the stream."""
        data = b"".join(events)
        if data:
            await self.write(b"%x\r\n%s\r\n" % (len(data), data))

    async def end(self, *events):
        """Write the last of a stream, and its end as HTTP has it."""
        await self.say(*events)
        await self.write(b"0\r\n\r\n")
        self.over.set()

    async def answer(self, *events):
        """Answer with a whole stream."""
        await self.start(*events)
        await self.end()

    async def answer_and_close(self, data):
        """Answer with bytes that need not be HTTP, and close the connection."""
        await self.write(data)
        self.close()

    async def left(self):
        """Wait until the service has closed the connection."""
        try:
            assert await self.connection.reader.read() == b""
        except ConnectionResetError:
            return  # closed with something unread in its buffers

    def close(self):
        """Close the connection, wherever the answer is."""
        self.connection.close()

    def reset(self):
        """Reset the connection, wherever the answer is."""
        self.connection.reset()
