"""What every endpoint has: its context, its headers, and errors in OpenAI's shape."""

import http.client
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import msgspec
from tornado.httputil import HTTPServerRequest
from tornado.web import Application, HTTPError, RequestHandler

from cozeproxy.errors import InternalError, RequestError, ServiceError
from cozeproxy.handlers.context import Context
from cozeproxy.handlers.receiving import ReceivingHandler
from cozeproxy.observability import RequestRecord, request_id
from cozeproxy.protocol.completion import error_body

logger = logging.getLogger(__name__)

# What pages of other origins may read of an answer's headers: SDKs look at these.
EXPOSED = (
    "X-Request-Id, Retry-After, X-Should-Retry, X-Conversation-Id, X-Coze-Logid,"
    " X-Cozeproxy-Ignored, X-Cozeproxy-Emulated, X-Cozeproxy-Left-Out-Messages"
)

# What the metrics call every path that is not served.
UNKNOWN_ROUTE = "other"

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
# Names of headers, with commas between.
_NAMES = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z, -]*")


class BaseHandler(ReceivingHandler):
    """Endpoints differ from plain Tornado handlers in this: errors are OpenAI's JSON."""

    # Whether pages of other origins may read the answers, as far as the settings let them.
    shares_with_pages = True

    # What OpenAI has here and Coze has no call for: why, by the method.
    lacking: ClassVar[Mapping[str, str]] = {}

    # Tornado's default would add methods that nothing here serves to its errors.
    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")

    def __init__(
        self,
        application: Application,
        request: HTTPServerRequest,
        *,
        context: Context,
        route: str = UNKNOWN_ROUTE,
    ) -> None:
        self.request_id = request_id(request.headers.get("X-Request-Id"))
        self.record = RequestRecord(context.metrics, route, self.request_id)
        super().__init__(application, request, context=context)

    def set_default_headers(self) -> None:
        """Set what every answer has; Tornado calls this again before an error's own headers."""
        self.clear_header("Server")
        self.set_header("Content-Type", "application/json")
        self.set_header("X-Request-Id", self.request_id)
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        if self.shares_with_pages and self.context.settings.enable_cors:
            self._allow_origin(self.context.settings.allowed_origins)
        if self.context.load.leaving:
            self.set_header("Connection", "close")

    def options(self, *_path: str) -> None:
        """Answer a browser's question, before its request, whether it may send it."""
        self.set_status(204)
        self.clear_header("Content-Type")
        if "Access-Control-Allow-Origin" in self._headers:
            self.set_header("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
            # "*" would not cover Authorization, and SDKs have a dozen headers of their own.
            asked = self.request.headers.get("Access-Control-Request-Headers", "")
            if _NAMES.fullmatch(asked):
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
        if not self.prepared:
            self.set_header("Connection", "close")
        self.finish(self.describe(self._told(error, status_code)))

    def describe(self, error: ServiceError) -> bytes:
        """Set the status and headers of an error, and give the body for it."""
        self.record.failed(error)
        status = error.answer.status
        self.set_status(status, http.client.responses.get(status, "Error"))
        if error.retry_after:
            self.set_header("Retry-After", error.retry_after)
        if error.should_retry is False:
            self.set_header("X-Should-Retry", "false")
        return error_body(error)

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
        reason = self.lacking.get(self.request.method or "")
        if reason:
            return RequestError(reason, code="unsupported_operation", status=404)
        served = self.served_methods()
        self.set_header("Allow", ", ".join(served))
        return RequestError(
            f"{self.request.method} is not served at {self.request.path[:200]}, "
            f"only {', '.join(served)}.",
            code="method_not_supported",
            status=405,
        )

    @classmethod
    def served_methods(cls) -> list[str]:
        """The methods that the endpoint has something to do for."""
        names = {method: method.lower() for method in cls.SUPPORTED_METHODS}
        return [m for m, n in names.items() if getattr(cls, n) is not getattr(RequestHandler, n)]


class NotFoundHandler(BaseHandler):
    """Every path that is not served, whatever OpenAI has there."""

    def __init__(
        self,
        application: Application,
        request: HTTPServerRequest,
        *,
        context: Context,
        served: Sequence[str],
    ) -> None:
        self._served = served
        super().__init__(application, request, context=context)

    def admit(self) -> None:
        """Refuse, whatever the method."""
        raise not_found(self.request.method or "", self.request.path, self._served)


def note_end(handler: RequestHandler) -> None:
    """Take note that a request has been answered: an application's ``log_function``."""
    request = handler.request
    record = cast("BaseHandler", handler).record
    record.answered(handler.get_status(), request.method or "", request.path)


def not_found(method: str, path: str, served: Sequence[str] = ()) -> RequestError:
    """The error for a path that is not served; it names what is."""
    hint = "" if path.startswith("/v1/") else " The base URL of an SDK must end in /v1."
    instead = f" There are {', '.join(served)}." if served else ""
    return RequestError(f"Invalid URL ({method} {path[:200]}).{hint}{instead}", status=404)
