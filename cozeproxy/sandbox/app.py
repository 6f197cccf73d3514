"""The stand-in as a whole: its state, its routes, its listener."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, TypeVar

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from cozeproxy.sandbox import (
    audio,
    bots,
    chat,
    chatflows,
    console,
    conversations,
    files,
    messages,
    oauth,
    scenarios,
    workflows,
)
from cozeproxy.sandbox.gates import Gates
from cozeproxy.sandbox.handler import UnknownEndpoint
from cozeproxy.sandbox.records import ArrivedRequest, Records
from cozeproxy.sandbox.state import State

Result = TypeVar("Result")

# How to reach a listener on all addresses.
REACHABLE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - only compared

_LOG = logging.getLogger(__name__)

ROUTES: list[tuple[str, type[RequestHandler]]] = [
    (r"/v3/chat", chat.CreateHandler),
    (r"/v3/chat/retrieve", chat.RetrieveHandler),
    (r"/v3/chat/message/list", chat.MessagesHandler),
    (r"/v3/chat/cancel", chat.CancelHandler),
    (r"/v3/chat/submit_tool_outputs", chat.SubmitHandler),
    (r"/v1/conversation/create", conversations.CreateHandler),
    (r"/v1/conversation/retrieve", conversations.RetrieveHandler),
    (r"/v1/conversations", conversations.ListHandler),
    (r"/v1/conversations/(\w+)", conversations.EditHandler),
    (r"/v1/conversations/(\w+)/clear", conversations.ClearHandler),
    (r"/v1/conversation/message/create", messages.CreateHandler),
    (r"/v1/conversation/message/list", messages.ListHandler),
    (r"/v1/conversation/message/retrieve", messages.RetrieveHandler),
    (r"/v1/conversation/message/modify", messages.ModifyHandler),
    (r"/v1/conversation/message/delete", messages.DeleteHandler),
    (r"/v1/workflow/run", workflows.RunHandler),
    (r"/v1/workflow/stream_run", workflows.StreamRunHandler),
    (r"/v1/workflow/stream_resume", workflows.StreamResumeHandler),
    (r"/v1/workflows/resume", workflows.ResumeHandler),
    (r"/v1/workflows/chat", chatflows.ChatHandler),
    (r"/v1/workflows", workflows.ListHandler),
    (r"/v1/workflows/([\w-]+)", workflows.DetailHandler),
    (r"/v1/files/upload", files.UploadHandler),
    (r"/v1/files/retrieve", files.RetrieveHandler),
    (r"/v1/audio/speech", audio.SpeechHandler),
    (r"/v1/audio/transcriptions", audio.TranscriptionHandler),
    (r"/v1/bots", bots.ListHandler),
    (r"/v1/bots/([\w-]+)", bots.DetailHandler),
    (r"/v1/bot/get_online_info", bots.OnlineInfoHandler),
    (r"/v1/space/published_bots_list", bots.OldListHandler),
    (r"/v1/workspaces", bots.WorkspacesHandler),
    (r"/v1/users/me", bots.UserHandler),
    (r"/api/permission/oauth2/token", oauth.TokenHandler),
    (r"/api/permission/oauth2/account/(\w+)/token", oauth.TokenHandler),
    (r"/api/permission/oauth2/enterprise_id/(\w+)/token", oauth.TokenHandler),
    (r"/sandbox", console.OverviewHandler),
    (r"/sandbox/requests", console.RequestsHandler),
    (r"/sandbox/gates/(.+)", console.GateHandler),
    (r"/sandbox/oauth_apps", console.OAuthAppsHandler),
]


class Sandbox:
    """One stand-in for Coze, with a memory of its own.

    Args:
        clock: The time in unix seconds; tests pass their own to let tokens expire.
    """

    API_KEY: ClassVar[str] = "pat_sandbox"
    BOT_ID: ClassVar[str] = scenarios.BOT_ID
    WORKFLOW_ID: ClassVar[str] = scenarios.WORKFLOW_ID
    SPACE_ID: ClassVar[str] = bots.SPACE_ID
    VOICE_ID: ClassVar[str] = scenarios.VOICE_ID

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.state = State(clock)
        self.tokens = oauth.Tokens(self.API_KEY, clock)
        self.gates = Gates()
        self.records = Records()
        self.base_url = ""
        self.app = Application(
            [(path, handler, {"sandbox": self}) for path, handler in ROUTES],
            default_handler_class=UnknownEndpoint,
            default_handler_args={"sandbox": self},
            log_function=_log_request,
        )
        self._server: HTTPServer | None = None
        # What is being played; kept so that it cannot be lost, and ended with the stand-in.
        self._plays: set[asyncio.Task[Any]] = set()

    @property
    def requests(self) -> list[ArrivedRequest]:
        """The requests that arrived at Coze's paths, oldest first; the latest 1,000."""
        return self.records.requests

    async def arrived(self, path: str, count: int = 1) -> None:
        """Wait until that many requests for a path have arrived."""
        await self.records.arrived(path, count)

    def listen(self, port: int = 0, host: str = "127.0.0.1") -> int:
        """Listen, inside a running loop.

        Args:
            port: 0 takes a free one.
            host: The address to listen on.

        Returns:
            The port.

        Raises:
            OSError: The port is taken.
        """
        sockets = bind_sockets(port, host)
        bound: int = sockets[0].getsockname()[1]
        self._server = HTTPServer(self.app)
        self._server.add_sockets(sockets)
        name = REACHABLE.get(host, host)
        self.base_url = f"http://{f'[{name}]' if ':' in name else name}:{bound}"
        return bound

    async def stop(self) -> None:
        """Close the listener and every connection, and end every script."""
        if self._server is not None:
            self._server.stop()
            await self._server.close_all_connections()
        self.gates.open_all()
        plays = list(self._plays)
        for task in plays:
            task.cancel()
        await asyncio.gather(*plays, return_exceptions=True)

    def register_oauth_app(self, app_id: str, key_id: str, public_key_pem: str) -> None:
        """Accept JWTs that this app signs with the private key to this public one."""
        self.tokens.register(oauth.OAuthApp(app_id, key_id, public_key_pem))

    def start_play(self, play: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        """Run a play as a task that ends with the stand-in."""
        task = asyncio.get_running_loop().create_task(play)
        self._plays.add(task)
        task.add_done_callback(self._plays.discard)
        return task

    async def play(self, play: Coroutine[Any, Any, Result]) -> Result | None:
        """Run a play and return its result; None if the stand-in ends first."""
        task = self.start_play(play)
        await asyncio.wait([task])
        return None if task.cancelled() else task.result()


def _log_request(handler: RequestHandler) -> None:
    _LOG.debug("%s %s %s", handler.get_status(), handler.request.method, handler.request.path)
