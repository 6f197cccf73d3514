"""A token endpoint that answers what a test says, when it says it."""

import asyncio
import json
from email.utils import formatdate


class Endpoint:
    """Listens; gives the test each request as it comes."""

    def __init__(self, tls=None):
        self.port = 0
        self._tls = tls
        self._server = None
        self._requests = asyncio.Queue()
        self._open = set()

    @property
    def base_url(self):
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    async def listen(self, port=0):
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        """Refuse connections, and close those that are open."""
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await self._server.wait_closed()

    async def asked(self):
        """Wait for the next request, and give it."""
        return await self._requests.get()

    async def _connected(self, reader, writer):
        self._open.add(writer)
        try:
            while True:
                self._requests.put_nowait(await _read(reader, writer))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            writer.close()
        finally:
            self._open.discard(writer)


class Request:
    """A request that has come.

    Attributes:
        target: of the request line.
        headers: names in lower case.
        body: the decoded JSON.
    """

    def __init__(self, target, headers, body, writer):
        self.target = target
        self.headers = headers
        self.body = body
        self._writer = writer

    @property
    def assertion(self):
        """The JWT."""
        return self.headers["authorization"].removeprefix("Bearer ")

    def answer(self, body, status=200, date=None, **headers):
        """Answer, with JSON unless the body is bytes already."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(data)}"]
        lines += [f"Date: {formatdate(date, usegmt=True)}"] if date is not None else []
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + data)

    def grant(self, token, expires_in=900):
        """Answer with a token."""
        self.answer({"access_token": token, "expires_in": expires_in})

    def hang_up(self):
        """Close the connection."""
        self._writer.close()


async def _read(reader, writer):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    request_line, *lines = head.rstrip("\r\n").split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    headers = {name.lower(): value for name, _, value in pairs}
    body = await reader.readexactly(int(headers["content-length"]))
    return Request(request_line.split()[1], headers, json.loads(body), writer)
