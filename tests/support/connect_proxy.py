"""A proxy that opens tunnels, as the one of a company between its machines and the world."""

import asyncio


class ConnectProxy:
    """Answers CONNECT; whatever host is named, the tunnel leads to one port of this machine.

    Attributes:
        base_url: what an environment names.
        heads: of all requests, as they came.
        passed: all bytes that have gone through tunnels, in both directions.
        refusal: a status line in place of a tunnel; None opens one.
    """

    def __init__(self, port):
        self.base_url = ""
        self.heads = []
        self.passed = bytearray()
        self.refusal = None
        self._port = port
        self._server = None
        self._open = set()

    async def listen(self):
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self):
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _connected(self, reader, writer):
        self._open.add(writer)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        if self.refusal or not head.startswith("CONNECT "):
            refusal = self.refusal or "405 Method Not Allowed"
            writer.write(f"HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n".encode())
            writer.close()
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._open.add(inner_writer)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(
            self._forward(reader, inner_writer), self._forward(inner_reader, writer)
        )

    async def _forward(self, reader, writer):
        try:
            while data := await reader.read(65536):
                self.passed += data
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # one side has left; the other is told by the end
        writer.close()
