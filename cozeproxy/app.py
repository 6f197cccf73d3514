"""The service: its routes, and what belongs together to run it."""

import asyncio
import logging
import re
from collections.abc import Iterable

from tornado.netutil import bind_sockets
from tornado.web import Application

from cozeproxy.handlers.access import Guard, KeyRing
from cozeproxy.handlers.base import BaseHandler, NotFoundHandler, note_end
from cozeproxy.handlers.chat import ChatCompletionsHandler, CompletionsHandler
from cozeproxy.handlers.context import Context
from cozeproxy.handlers.conversations import (
    ConversationsHandler,
    HistoryHandler,
    ItemHandler,
    ItemsHandler,
    OneConversationHandler,
)
from cozeproxy.handlers.description import DescriptionHandler
from cozeproxy.handlers.files import FileContentHandler, FileHandler, FilesHandler
from cozeproxy.handlers.health import HealthHandler, ReadyHandler
from cozeproxy.handlers.load import Load
from cozeproxy.handlers.metrics import MetricsHandler
from cozeproxy.handlers.models import ModelHandler, ModelsHandler
from cozeproxy.handlers.response import CancelHandler, InputItemsHandler, ResponseHandler
from cozeproxy.handlers.responses import ResponsesHandler
from cozeproxy.handlers.speech import SpeechHandler
from cozeproxy.handlers.tokens import ClearTokenHandler, GetTokenHandler, RefreshTokenHandler
from cozeproxy.handlers.transcriptions import TranscriptionsHandler
from cozeproxy.handlers.watch import Times
from cozeproxy.listener import CallerServer, Listener
from cozeproxy.observability import LoopLag, Metrics, silence_quotes
from cozeproxy.protocol.plan import Rules
from cozeproxy.protocol.routing import FALLBACK_MODELS, Defaults, Target
from cozeproxy.protocol.workflow import Input
from cozeproxy.settings import Settings, check_doors, check_models
from cozeproxy.upstream.catalog import Catalog
from cozeproxy.upstream.client import CozeClient
from cozeproxy.upstream.credentials import load_credentials
from cozeproxy.upstream.files import Uploader
from cozeproxy.upstream.session import Timing
from cozeproxy.upstream.tokens import TokenManager

# How long those whose answers are cut off by a stop may take to be told.
STOP_SECONDS = 2.0

logger = logging.getLogger(__name__)


def make_app(context: Context) -> Application:
    """Wire the routes."""
    kwargs = {"context": context}
    routes: list[tuple[str, type[BaseHandler]]] = [
        (r"/v1/chat/completions", ChatCompletionsHandler),
        (r"/v1/completions", CompletionsHandler),
        (r"/v1/responses", ResponsesHandler),
        (r"/v1/responses/(resp_[^/]+)", ResponseHandler),
        (r"/v1/responses/(resp_[^/]+)/input_items", InputItemsHandler),
        (r"/v1/responses/(resp_[^/]+)/cancel", CancelHandler),
        (r"/v1/conversations", ConversationsHandler),
        (r"/v1/conversations/([^/]+)", OneConversationHandler),
        (r"/v1/conversations/([^/]+)/items", ItemsHandler),
        (r"/v1/conversations/([^/]+)/items/([^/]+)", ItemHandler),
        (r"/v1/conversations/([^/]+)/history", HistoryHandler),
        (r"/v1/audio/speech", SpeechHandler),
        (r"/v1/audio/transcriptions", TranscriptionsHandler),
        (r"/v1/files", FilesHandler),
        (r"/v1/files/(.+)/content", FileContentHandler),
        (r"/v1/files/(.+)", FileHandler),
        (r"/v1/models", ModelsHandler),
        (r"/v1/models/(.+)", ModelHandler),
        (r"/health", HealthHandler),
        (r"/ready", ReadyHandler),
        (r"/openapi\.json", DescriptionHandler),
        (r"/metrics", MetricsHandler),
        (r"/get_jwt", GetTokenHandler),
        (r"/refresh_jwt", RefreshTokenHandler),
        (r"/clear_jwt", ClearTokenHandler),
    ]
    return Application(
        [(path, handler, {**kwargs, "route": shown(path)}) for path, handler in routes],
        default_handler_class=NotFoundHandler,
        default_handler_args={**kwargs, "served": served(routes)},
        log_function=note_end,
    )


def served(routes: Iterable[tuple[str, type[BaseHandler]]]) -> list[str]:
    """What there is of OpenAI's API, as callers are told who ask for something else."""
    return [
        f"{method} {shown(path)}"
        for path, handler in routes
        for method in handler.served_methods()
        if path.startswith("/v1/") and method != "OPTIONS"
    ]


def shown(path: str) -> str:
    """A path of a route as people write it."""
    return re.sub(r"\(.+?\)", "{id}", path).replace("\\", "")


def rules(settings: Settings) -> Rules:
    """What the settings say of how requests are served."""
    entries = (settings.model_map or {}).items()
    models = {
        name: Target(
            kind=entry["type"],
            bot_id=entry.get("bot_id"),
            workflow_id=entry.get("workflow_id"),
            app_id=entry.get("app_id"),
            parameters=entry.get("parameters", {}),
        )
        for name, entry in entries
    }
    return Rules(
        Defaults(
            kind=settings.default_model_type,
            bot_id=settings.coze_bot_id,
            workflow_id=settings.coze_workflow_id,
            models=models,
            reject_unknown=settings.unknown_model == "reject",
            known=() if models or settings.coze_space_id else FALLBACK_MODELS,
        ),
        user_id=settings.coze_user_id,
        workflow_input=Input(settings.workflow_input_key, settings.workflow_json_input),
        raw_output=settings.workflow_output == "raw",
    )


class Service:
    """A service that can be started and stopped: an HTTP server and a client of Coze.

    Made on the loop that it will run on.

    Args:
        settings: what it was told.
        timing: time and chance, for the lives of OAuth tokens.

    Attributes:
        app: the routes, for a server other than the service's own.

    Raises:
        SettingsError: the settings do not go together, or have a key that cannot sign.
    """

    def __init__(self, settings: Settings, timing: Timing | None = None) -> None:
        silence_quotes()
        check_doors(settings)
        check_models(settings)
        self._settings = settings
        own = not settings.coze_token_passthrough
        self._credentials = load_credentials(settings, timing) if own else None
        self._coze = CozeClient(
            settings.coze_base_url,
            settings.coze_ca_file,
            connect_timeout=settings.upstream_connect_timeout,
            max_streams=settings.max_concurrent_requests,
        )
        metrics = Metrics(settings.model_map or ())
        if isinstance(self._credentials, TokenManager):
            metrics.watch_tokens(self._credentials.tally)
        self._lag = LoopLag(metrics.loop_lag.observe)
        admin = settings.proxy_admin_key
        keys = (*settings.proxy_api_keys, *settings.proxy_keys_file)
        context = Context(
            settings=settings,
            coze=self._coze,
            credentials=self._credentials,
            keys=KeyRing(keys, settings.allowed_bot_ids),
            guard=Guard(
                admin.reveal() if admin else None,
                loopback=settings.token_endpoints == "loopback",  # noqa: S105 - no password
            ),
            uploader=Uploader(),
            catalog=Catalog(settings.coze_space_id, settings.models_ttl),
            rules=rules(settings),
            metrics=metrics,
            chat_times=Times.of(settings, is_run=False),
            run_times=Times.of(settings, is_run=True),
            timing=timing or Timing(),
            load=Load(settings.max_concurrent_requests, settings.max_buffered_bytes),
        )
        self.app = make_app(context)
        self._load = context.load
        self._aside = context.aside
        self._background = context.background
        self._server = CallerServer(self.app, idle_connection_timeout=settings.idle_timeout)
        self._listener = Listener(self._server, settings.max_concurrent_requests)
        self._is_open = not keys and not settings.coze_token_passthrough

    def start(self) -> int:
        """Listen. Gives the port, which the system picks for port 0.

        Raises:
            OSError: the address cannot be used.
        """
        sockets = bind_sockets(self._settings.port, self._settings.host)
        self._listener.start(sockets)
        if self._is_open and not self._settings.on_loopback:
            logger.warning("whoever reaches this service can use it: there are no PROXY_API_KEYS")
        if self._credentials:
            self._credentials.start()
        self._lag.start()
        return int(sockets[0].getsockname()[1])

    async def drain(self) -> None:
        """Stop as late as may be: answers that have begun get their time to end."""
        self._load.draining = True
        if self._settings.shutdown_delay:
            await asyncio.sleep(self._settings.shutdown_delay)
        # First, as whoever finds that nothing listens may have an answer within these turns.
        self._load.leave()
        self._listener.stop()
        # Requests that are on their way in shall be seen, and not be taken for idle connections.
        for _ in range(3):
            await asyncio.sleep(0)
        self._server.keep(self._load.leave())
        await self._load.answered(self._settings.shutdown_grace)
        await self.stop()

    async def stop(self) -> None:
        """Stop listening and end what is open, at once."""
        self._load.draining = True
        self._listener.stop()
        self._lag.stop()
        self._load.give_up()
        self._coze.end_calls()
        # Those whose calls have been ended are still to be told,
        await self._load.answered(STOP_SECONDS)
        if self._background:
            # and Coze, that nobody waits for them.
            await asyncio.wait(self._background, timeout=STOP_SECONDS)
        if self._credentials:
            await self._credentials.stop()
        await self._coze.close()
        await self._server.close_all_connections()
        self._aside.shutdown(wait=False, cancel_futures=True)
