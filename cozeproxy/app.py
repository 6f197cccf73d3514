"""The service: its routes, and what belongs together to run it."""

import asyncio

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from cozeproxy.handlers.base import Context, NotFoundHandler
from cozeproxy.handlers.chat import ChatCompletionsHandler
from cozeproxy.handlers.health import HealthHandler
from cozeproxy.handlers.models import ModelHandler, ModelsHandler
from cozeproxy.observability import log_request
from cozeproxy.settings import Settings
from cozeproxy.upstream.client import CozeClient
from cozeproxy.upstream.files import Uploader

# Images come as base64 inside the body.
MAX_BODY_BYTES = 32 * 1024 * 1024


def make_app(context: Context) -> Application:
    """Wire the routes."""
    kwargs = {"context": context}
    return Application(
        [
            (r"/v1/chat/completions", ChatCompletionsHandler, kwargs),
            (r"/v1/models", ModelsHandler, kwargs),
            (r"/v1/models/(.+)", ModelHandler, kwargs),
            (r"/health", HealthHandler, kwargs),
        ],
        default_handler_class=NotFoundHandler,
        default_handler_args=kwargs,
        log_function=log_request,
    )


class Service:
    """A service that can be started and stopped: an HTTP server and a client of Coze."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._server: HTTPServer | None = None
        self._coze: CozeClient | None = None

    def start(self) -> int:
        """Listen, on the running loop. Gives the port, which the system picks for port 0.

        Raises:
            OSError: the address cannot be used.
        """
        settings = self._settings
        sockets = bind_sockets(settings.port, settings.host)
        key = settings.coze_api_key
        self._coze = CozeClient(settings.coze_base_url, key.reveal() if key else "")
        app = make_app(Context(settings, self._coze, Uploader(self._coze)))
        self._server = HTTPServer(app, max_body_size=MAX_BODY_BYTES)
        self._server.add_sockets(sockets)
        return int(sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and end what is open."""
        if self._server:
            self._server.stop()
        if self._coze:
            await self._coze.close()
        if self._server:
            await asyncio.wait_for(self._server.close_all_connections(), timeout=5)
