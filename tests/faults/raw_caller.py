"""A caller that knows nothing of HTTP but how a test says it, and reads strictly what comes."""

import asyncio
import json
import re
import socket
from dataclasses import dataclass

from tests.service.exchange import LINGER

CHAT = "/v1/chat/completions"
_STATUS = re.compile(r"HTTP/1\.1 (\d{3}) [\x20-\x7e]+")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\x20-\x7e]*)")


def request(body=b"", path=CHAT, method="POST", *fields, **headers):
    """The bytes of a request.

    A body that is no bytes is sent as JSON. ``fields`` are lines of the head as they are, bytes or
    text; ``headers`` are more of them, for names that Python can spell.
    """
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *fields]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if data:
        lines.append(f"Content-Length: {len(data)}")
    head = b"\r\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    return head + b"\r\n\r\n" + data


def chunked(*pieces, last=b"0\r\n\r\n"):
    """A body in chunks, with what stands at its end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + last


@dataclass
class Response:
    """A response, whole. Names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """What stands in a body that must be an error of OpenAI's, and nothing else."""
        assert self.headers["content-type"] == "application/json"
        assert self.json.keys() == {"error"}
        assert self.json["error"].keys() == {"message", "type", "param", "code"}
        return self.json["error"]


class RawCaller:
    """One connection to the service.

    Attributes:
        local: the address that it comes from.
    """

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer
        self.local = writer.get_extra_info("sockname")

    @classmethod
    async def open(cls, port, *, receive_buffer=None):
        """Connect. A small buffer lets little wait for a slow reader."""
        sock = socket.socket()
        sock.setblocking(False)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        except OSError:
            sock.close()
            raise
        limit = receive_buffer or 2**20
        return cls(*await asyncio.open_connection(sock=sock, limit=limit))

    async def send(self, data):
        """Write bytes as they are, as fast as the service takes them."""
        self._writer.write(data)
        await self._writer.drain()

    async def ask(self, *args, **headers):
        """Send a request, as request() makes it, and read its response."""
        await self.send(request(*args, **headers))
        return await self.response(bodiless="HEAD" in args)

    async def head(self):
        """Read the head of a response; ``body`` stays empty."""
        text = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin1")
        status_line, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
        status = _STATUS.fullmatch(status_line)
        assert status, status_line
        headers = {}
        for line in lines:
            field = _FIELD.fullmatch(line)
            assert field, line
            assert field[1].lower() not in headers, line
            headers[field[1].lower()] = field[2]
        return Response(int(status[1]), headers)

    async def response(self, *, bodiless=False):
        """Read a response to the end that HTTP marks, and nothing beyond it."""
        response = await self.head()
        if not bodiless and response.status not in (204, 304):
            response.body = await self.body_of(response)
        return response

    async def body_of(self, response):
        """Read the body that belongs to a head."""
        if response.headers.get("transfer-encoding") == "chunked":
            return await self.rest()
        return await self._reader.readexactly(int(response.headers["content-length"]))

    async def piece(self):
        """Read a chunk of a response's body, empty at the end of it."""
        size = int((await self._reader.readuntil(b"\r\n")).strip(), 16)
        return (await self._reader.readexactly(size + 2))[:-2]

    async def until(self, text):
        """Read chunks of a body until a text has come; give all that came."""
        seen = b""
        while text not in seen:
            piece = await self.piece()
            assert piece, f"{text!r} never came: {seen!r}"
            seen += piece
        return seen

    async def rest(self):
        """Read chunks of a body to its end; give all that came."""
        seen = b""
        while piece := await self.piece():
            seen += piece
        return seen

    async def closed(self):
        """Wait until the service has closed the connection; give what came before it did."""
        came = b""
        try:
            while piece := await self._reader.read(2**16):
                came += piece
        except ConnectionError:
            came += b""  # it had something unread
        return came

    async def closed_cleanly(self):
        """The same, where it must not be a reset, which can take from the caller what it was told.

        Raises:
            ConnectionResetError: it was one.
        """
        return await self._reader.read()

    def end(self):
        """Send no more, as the system tells it: a FIN."""
        self._writer.write_eof()

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
