"""The base of all handlers: who may call, what a body must be, how answers and errors look."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tornado.web import HTTPError, RequestHandler

from cozeproxy.sandbox.errors import WRONG_CREDENTIAL, CozeError
from cozeproxy.sandbox.records import digest, query_of
from cozeproxy.sandbox.stage import Replaced, Stage
from cozeproxy.sandbox.wire import JSON_TYPE, dump, envelope, failure, new_logid

if TYPE_CHECKING:
    from cozeproxy.sandbox.app import Sandbox

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Caller:
    """Who sent a request.

    Attributes:
        token: A digest of the bearer token.
        owner: The session that the token was issued for, "" where there is none: conversations
            of one session cannot be seen from another (docs.coze.cn, oauth_jwt).
    """

    token: str
    owner: str


class Handler(RequestHandler):
    """A Coze endpoint.

    What an endpoint says to an invalid token differs; observed on api.coze.cn: /v3/chat answers
    HTTP 200 with 4100 or 4101, workflow endpoints HTTP 401 with 4100, others HTTP 401 with
    700012006.
    """

    def initialize(self, sandbox: "Sandbox") -> None:
        """Take the stand-in that this endpoint is of."""
        self.sandbox = sandbox
        self.state = sandbox.state
        self.stage: Stage | None = None

    def prepare(self) -> None:
        """Keep a record of what arrived and give it a log id."""
        self.logid = new_logid(self.state.clock())
        self.set_header("x-tt-logid", self.logid)
        self.sandbox.records.add(self.request)

    def set_default_headers(self) -> None:
        """Say nothing about what runs here."""
        self.clear_header("Server")
        self.set_header("Content-Type", JSON_TYPE)

    def compute_etag(self) -> str | None:
        """Coze sends none."""
        return None

    def on_connection_close(self) -> None:
        """Tell the script that its caller has left."""
        if self.stage is not None:
            self.stage.gone.set()

    def authorize(self) -> Caller:
        """Return who calls.

        Raises:
            CozeError: There is no token, or one that is not known here or has expired.
        """
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise self.without_token()
        owner = self.sandbox.tokens.owner_of(token)
        if owner is None:
            raise self.invalid_token()
        return Caller(digest(token), owner)

    def invalid_token(self) -> CozeError:
        """Return what an unknown or expired token is told."""
        return CozeError(700012006, status=401)

    def without_token(self) -> CozeError:
        """Return what a request without a token is told."""
        return self.invalid_token()

    def query(self) -> dict[str, str]:
        """Return the query; an empty argument counts as absent.

        cozepy 0.20.0 sends ``?conversation_id=`` for None (chat/__init__.py, _create).
        """
        return {name: value for name, value in query_of(self.request).items() if value}

    def need(self, name: str) -> str:
        """Return an argument of the query that must be there."""
        try:
            return self.query()[name]
        except KeyError:
            raise CozeError(4000, f"The query parameter {name} is required.") from None

    def page(self, items: Iterable[Any], size: int = 20) -> tuple[list[Any], bool]:
        """Return the page that the query asks for, and whether there are more after it.

        The page's number is ``page_num``; cozepy 0.20.0 sends ``page_index`` for bots.
        """
        query = self.query()
        try:
            number = int(query.get("page_num") or query.get("page_index") or 1)
            size = int(query.get("page_size") or size)
        except ValueError:
            raise CozeError(4000, "page_num and page_size must be numbers.") from None
        if number < 1 or size < 1:
            raise CozeError(4000, "page_num and page_size must be at least 1.")
        listed = list(items)
        return listed[(number - 1) * size : number * size], len(listed) > number * size

    def json_body(self) -> dict[str, Any]:
        """Return the body, a JSON object; an absent one counts as empty.

        Raises:
            CozeError: It is none: 4000.
        """
        try:
            body = json.loads(self.request.body or b"{}")
        except (ValueError, RecursionError):
            raise CozeError(4000) from None
        if not isinstance(body, dict):
            raise CozeError(4000)
        return body

    def succeed(self, data: Any = None, **siblings: Any) -> None:
        """Answer with Coze's envelope; without data it has no ``data``."""
        body = envelope(data, self.logid) | siblings
        if data is None:
            del body["data"]
        self.write_json(body)

    def write_json(self, body: Any) -> None:
        """Write JSON, with no newline after it: @coze/api 1.3.9 would take none for an error."""
        self.set_header("Content-Type", JSON_TYPE)
        self.write(dump(body))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write what was raised as Coze does."""
        error = kwargs.get("exc_info", (None, None))[1]
        self.set_header("x-tt-logid", self.logid)
        if isinstance(error, Replaced):
            answer = error.answer
            self._head(answer.status, dict(answer.headers))
            self.set_header("Content-Type", answer.content_type)
            self.finish(answer.body)
            return
        if isinstance(error, HTTPError):
            error = unknown_endpoint(self)
        if not isinstance(error, CozeError):
            error = CozeError(5000, status=status_code)
        self._head(error.status, error.headers)
        self.set_header("Content-Type", JSON_TYPE)
        self.finish(dump(failure(error.code, error.message, self.logid)))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log bugs only; refusals are what the stand-in is for."""
        if not isinstance(value, CozeError | Replaced | HTTPError):
            super().log_exception(typ, value, tb)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.set_status(status)
        for name, value in headers.items():
            self.set_header(name, value)


class UnknownEndpoint(Handler):
    """Every path that Coze has not."""

    def prepare(self) -> None:
        """Refuse whatever it is."""
        super().prepare()
        raise unknown_endpoint(self)


class ChatHandler(Handler):
    """An endpoint of chats: errors of the token come with HTTP 200."""

    def invalid_token(self) -> CozeError:
        """Return 4100."""
        return CozeError(4100)

    def without_token(self) -> CozeError:
        """Return 4101, which also means that a permission lacks."""
        return CozeError(4101, WRONG_CREDENTIAL)


def unknown_endpoint(handler: RequestHandler) -> CozeError:
    """Return what Coze says to an unknown path; the code that goes with it is not recorded."""
    request = handler.request
    return CozeError(
        4000,
        f"The requested API endpoint {request.method} {request.path} does not exist. Please verify"
        " the URL and try again. All available API paths are listed in the documentation:"
        " https://www.coze.cn/docs/developer_guides/api_overview",
        status=404,
    )
