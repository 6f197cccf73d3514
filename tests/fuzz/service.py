"""The service in a thread of its own, for inputs that are whole connections."""

import asyncio
import contextlib
import logging
import re
import socket
import threading

from cozeproxy.app import Service
from cozeproxy.settings import Settings
from tests.faults.raw_upstream import RawUpstream
from tests.support import coze

_STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d) ")
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class FuzzedService:
    """A service in front of an upstream that answers every call; a context manager."""

    def __init__(self):
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._errors = []
        self._handler = logging.Handler(logging.ERROR)
        self._handler.emit = self._errors.append

    def __enter__(self):
        self._thread.start()
        self._run(self._start())
        logging.getLogger().addHandler(self._handler)
        return self

    def __exit__(self, *_):
        logging.getLogger().removeHandler(self._handler)
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def take(self, data):
        """Take what a caller sends on a connection: no bug comes of it, and the next is served."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as caller:
            said = b""
            # Reset, where it was closed before all was sent.
            with contextlib.suppress(ConnectionError):
                caller.sendall(data)
                caller.shutdown(socket.SHUT_WR)
                while piece := caller.recv(2**16):
                    said += piece
        assert not said or _STATUS.match(said), said
        assert said.partition(b"\r\n\r\n")[0].isascii(), said
        assert not [status for status in _STATUS.findall(said) if status >= b"500"], said
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as caller:
            caller.sendall(HEALTH)
            assert _STATUS.match(caller.recv(2**16))[1] == b"200"
        assert [record.getMessage() for record in self._errors] == []

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _start(self):
        self._upstream = RawUpstream()
        await self._upstream.listen()
        self._answering = asyncio.create_task(self._answer())
        settings = {
            "COZE_API_KEY": "pat_1",
            "COZE_BASE_URL": self._upstream.base_url,
            "COZE_BOT_ID": "7",
            "PORT": "0",
        }
        self._service = Service(Settings.from_env(settings))
        self.port = self._service.start()

    async def _stop(self):
        await self._service.stop()
        self._answering.cancel()
        await self._upstream.stop()

    async def _answer(self):
        while True:
            call = await self._upstream.called()
            # Whoever asked may have gone.
            with contextlib.suppress(ConnectionError):
                await call.answer(coze.answer("Fine"))
