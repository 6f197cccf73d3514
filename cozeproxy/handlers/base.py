"""What every endpoint has: its context, its headers, and errors in OpenAI's shape."""

import asyncio
import http.client
import logging
import time
import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from tornado.httputil import HTTPServerRequest
from tornado.web import Application, HTTPError, RequestHandler

from cozeproxy.errors import (
    InternalError,
    RequestError,
    ServiceError,
)
from cozeproxy.handlers.access import BadKeyError, Guard, KeyRing, bearer
from cozeproxy.observability import log_failure
from cozeproxy.protocol.completion import error_body
from cozeproxy.protocol.plan import Rules
from cozeproxy.settings import CallerKey, Secret, Settings, digest_of
from cozeproxy.upstream.account import Account
from cozeproxy.upstream.catalog import Catalog
from cozeproxy.upstream.client import CozeClient
from cozeproxy.upstream.credentials import StaticCredentials
from cozeproxy.upstream.files import Uploader
from cozeproxy.upstream.tokens import TokenManager

logger = logging.getLogger(__name__)

# What pages of other origins may read of an answer's headers: SDKs look at these.
EXPOSED = (
    "X-Request-Id, Retry-After, X-Should-Retry, X-Conversation-Id, X-Coze-Logid,"
    " X-Cozeproxy-Ignored, X-Cozeproxy-Emulated, X-Cozeproxy-Left-Out-Messages"
)

# Those that helmet sets and that mean something for an API: nothing here is a page, or to be part
# of one, and what is sent as JSON is not to be taken for anything else. Whom CORS lets in, the
# resource policy does not keep out (Fetch, "cross-origin resource policy check"). Strict transport
# security is for whoever speaks TLS, in front of this.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Context:
    """What the handlers of one service share.

    ``credentials`` is None where callers bring their own.
    """

    settings: Settings
    coze: CozeClient
    credentials: StaticCredentials | TokenManager | None
    keys: KeyRing
    guard: Guard
    uploader: Uploader
    catalog: Catalog
    rules: Rules
    # Monotonic seconds.
    started: float = field(default_factory=time.monotonic)
    # What goes on after an answer has been given; the loop itself holds tasks only weakly.
    background: set[asyncio.Task[None]] = field(default_factory=set)
    # Requests that have not been answered; each is resolved when it has been.
    unanswered: "set[asyncio.Future[None]]" = field(default_factory=set)


class BaseHandler(RequestHandler):
    """Endpoints differ from plain Tornado handlers in this: errors are OpenAI's JSON."""

    # Whether pages of other origins may read the answers, as far as the settings let them.
    shares_with_pages = True

    # Tornado's default would add methods that nothing here serves to its errors.
    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")

    def __init__(
        self, application: Application, request: HTTPServerRequest, *, context: Context
    ) -> None:
        # Not in initialize(), as the default headers, which depend on the settings, come before it.
        self.context = context
        self.request_id = f"req_{uuid.uuid4().hex}"
        super().__init__(application, request)

    def set_default_headers(self) -> None:
        """Set what every answer has; Tornado calls this again before an error's own headers."""
        self.clear_header("Server")
        self.set_header("Content-Type", "application/json")
        self.set_header("X-Request-Id", self.request_id)
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        if self.shares_with_pages and self.context.settings.enable_cors:
            self._allow_origin(self.context.settings.allowed_origins)

    def options(self, *_path: str) -> None:
        """Answer a browser's question, before its request, whether it may send it."""
        self.set_status(204)
        self.clear_header("Content-Type")
        if "Access-Control-Allow-Origin" in self._headers:
            self.set_header("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
            # "*" would not cover Authorization, and SDKs have a dozen headers of their own.
            asked = self.request.headers.get("Access-Control-Request-Headers", "")
            self.set_header("Access-Control-Allow-Headers", asked)
            self.set_header("Access-Control-Max-Age", "7200")

    def compute_etag(self) -> None:
        """Make no ETag: nothing here is worth a conditional request."""

    def write_json(self, value: object) -> None:
        """Answer with a value as JSON."""
        self.finish(msgspec.json.encode(value))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an exception: Tornado calls this for whatever a handler raises."""
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        told = self._told(error, status_code)
        log_failure(self, told)
        self.set_status(told.answer.status, http.client.responses.get(told.answer.status, "Error"))
        if told.retry_after:
            self.set_header("Retry-After", told.retry_after)
        if told.should_retry is False:
            self.set_header("X-Should-Retry", "false")
        self.finish(error_body(told))

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        """Log only what is a bug of ours; the access log has the rest."""
        if not isinstance(value, ServiceError | HTTPError):
            logger.error(
                "%s: unhandled error",
                self.request_id,
                exc_info=(typ, value, tb),  # type: ignore[arg-type]
            )

    def _told(self, error: BaseException | None, status: int) -> ServiceError:
        if isinstance(error, ServiceError):
            return error
        if status == http.HTTPStatus.NOT_FOUND:
            return not_found(self.request.method or "", self.request.path)
        if status == http.HTTPStatus.METHOD_NOT_ALLOWED:
            return self._wrong_method()
        if status < http.HTTPStatus.INTERNAL_SERVER_ERROR:
            return RequestError(http.client.responses.get(status, "Bad request"), status=status)
        return InternalError()

    def _allow_origin(self, allowed: tuple[str, ...]) -> None:
        if "*" in allowed:
            self.set_header("Access-Control-Allow-Origin", "*")
        else:
            self.set_header("Vary", "Origin")
            origin = self.request.headers.get("Origin")
            if origin not in allowed:
                return
            self.set_header("Access-Control-Allow-Origin", origin)
        self.set_header("Access-Control-Expose-Headers", EXPOSED)

    def _wrong_method(self) -> RequestError:
        served = [m for m in self.SUPPORTED_METHODS if self._serves(m)]
        self.set_header("Allow", ", ".join(served))
        return RequestError(
            f"{self.request.method} is not served at {self.request.path[:200]}, "
            f"only {', '.join(served)}.",
            code="method_not_supported",
            status=405,
        )

    def _serves(self, method: str) -> bool:
        name = method.lower()
        return getattr(type(self), name) is not getattr(RequestHandler, name)


class ApiHandler(BaseHandler):
    """An endpoint of OpenAI's API: for callers with a key, where there are keys."""

    # The caller's key, and its count while the request is open.
    key: CallerKey
    _entered: AbstractContextManager[None] | None = None
    _answered: "asyncio.Future[None] | None" = None

    def prepare(self) -> None:
        """Let the caller in.

        Raises:
            ServiceError: it has no key, or has too many requests open.
        """
        self._answered = asyncio.get_running_loop().create_future()
        self.context.unanswered.add(self._answered)
        if self.request.method == "OPTIONS":
            return  # a browser asks before it shows its key
        self.key = self.context.keys.find(self.request)
        entered = self.context.keys.entered(self.key)
        entered.__enter__()
        self._entered = entered

    def on_finish(self) -> None:
        """Note that the request is no longer open."""
        if self._answered:
            self.context.unanswered.discard(self._answered)
            self._answered.set_result(None)
        if self._entered:
            self._entered.__exit__(None, None, None)

    def account(self, user_id: str | None = None) -> Account:
        """Coze for this request: with the service's credentials, or with the caller's own token.

        Raises:
            BadKeyError: the caller brought no token that could be one.
        """
        if self.context.credentials:
            # What one session has uploaded, another cannot use.
            apart = user_id is not None and self.context.settings.coze_jwt_session_per_user
            owner = digest_of(user_id or "") if apart else b""
            return Account(self.context.coze, self.context.credentials, owner, user_id)
        token = bearer(self.request)
        if not token or not token.isascii() or not token.isprintable():
            raise BadKeyError
        own = StaticCredentials(Secret(token))
        return Account(self.context.coze, own, owner=digest_of(token), user_id=user_id)


class NotFoundHandler(BaseHandler):
    """Every path that is not served."""

    def prepare(self) -> None:
        """Refuse, whatever the method."""
        raise not_found(self.request.method or "", self.request.path)


def not_found(method: str, path: str) -> RequestError:
    """The error for a path that is not served."""
    hint = "" if path.startswith("/v1/") else " The base URL of an SDK must end in /v1."
    return RequestError(f"Invalid URL ({method} {path[:200]}).{hint}", status=404)
