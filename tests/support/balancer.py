"""A load balancer that knows nothing of what it forwards: each connection to the next copy."""

import asyncio


class Balancer:
    """Forwards TCP connections to ports of this machine, one after the other.

    Attributes:
        port: where it listens.
        served: for each connection so far, which of the ports it went to, by its place.
    """

    def __init__(self, ports):
        self.port = 0
        self.served = []
        self._ports = ports
        self._server = None
        self._open = set()

    async def listen(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader, writer):
        place = len(self.served) % len(self._ports)
        self.served.append(place)
        task = asyncio.create_task(_join(reader, writer, self._ports[place]))
        self._open.add(task)
        task.add_done_callback(self._open.discard)


async def _join(reader, writer, port):
    from_copy, to_copy = await asyncio.open_connection("127.0.0.1", port)
    try:
        await asyncio.gather(_forward(reader, to_copy), _forward(from_copy, writer))
    finally:
        writer.close()
        to_copy.close()


async def _forward(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except ConnectionError:
        # Whoever has left, the other side is told by the end.
        writer.close()
