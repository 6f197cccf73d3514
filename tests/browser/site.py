"""A web site that has the SDK and one page, which runs a program and reports what came of it."""

import asyncio
import json
from pathlib import Path
from urllib.parse import urlencode

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler, StaticFileHandler

from tests.support.processes import ROOT

PROGRAMS = Path(__file__).parent
MODULES = ROOT / "examples" / "node" / "node_modules"
EXAMPLES = ROOT / "examples" / "browser"
PAGE = """\
<!doctype html>
<meta charset="utf-8">
<script type="importmap">{"imports": {"openai": "/modules/openai/index.mjs"}}</script>
<script type="module" src="/programs/page.mjs"></script>
"""


class Site:
    """Listens on a port of its own, so that its pages are of another origin.

    Attributes:
        seen: what the page says while it runs.
    """

    def __init__(self):
        self.seen = asyncio.Queue()
        self._port = 0
        self._reports = asyncio.Queue()
        self._server = None

    async def listen(self):
        queues = {"seen": self.seen, "report": self._reports}
        app = Application(
            [
                (r"/", _PageHandler),
                (r"/(seen|report)", _SaidHandler, {"queues": queues}),
                (r"/programs/(.*)", _ModuleHandler, {"path": str(PROGRAMS)}),
                (r"/modules/(.*)", _ModuleHandler, {"path": str(MODULES)}),
                (r"/examples/(.*)", StaticFileHandler, {"path": str(EXAMPLES)}),
            ],
            log_function=lambda _: None,
        )
        (socket,) = bind_sockets(0, "127.0.0.1")
        self._port = socket.getsockname()[1]
        self._server = HTTPServer(app)
        self._server.add_sockets([socket])

    async def stop(self):
        self._server.stop()
        await self._server.close_all_connections()

    def address(self, **told):
        """The page's address; what the page is told stands in it."""
        return f"http://127.0.0.1:{self._port}/?{urlencode(told)}"

    async def reported(self):
        """Wait for what the page reports at its end."""
        return await self._reports.get()


class _PageHandler(RequestHandler):
    def get(self):
        self.finish(PAGE)


class _SaidHandler(RequestHandler):
    def initialize(self, queues):
        self._queues = queues

    def post(self, queue):
        self._queues[queue].put_nowait(json.loads(self.request.body))


class _ModuleHandler(StaticFileHandler):
    def get_content_type(self):
        # Whatever this machine's table of types says of it.
        return "text/javascript"
