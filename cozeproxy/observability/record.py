"""What is known of one request: its line in the log, and its part of the metrics."""

import logging
import time
from collections.abc import Mapping
from typing import Any, Literal, Protocol

from cozeproxy.errors import CozeError, ServiceError, UpstreamError
from cozeproxy.observability import lines
from cozeproxy.observability.logs import ACCESS, write
from cozeproxy.observability.metrics import Metrics

access = logging.getLogger(ACCESS)
failures = logging.getLogger("cozeproxy.upstream")

# The answer was given whole; a status told that there is none; it broke off after its status had
# gone out; the caller had left.
Ended = Literal["complete", "error", "broken", "left"]

# What balancers and scrapers ask every few seconds.
HOUSEKEEPING = frozenset({"/health", "/ready", "/metrics"})

# What follows the beginning of a line.
DETAILS = (
    *("request_id", "key", "model", "type", "bot", "workflow"),
    *("first_token_ms", "tokens_in", "tokens_out", "error", "code", "logid"),
)

# What callers or Coze make up; all else has been checked, or is the service's own.
MADE_UP = frozenset({"model", "logid"})


class Answer(Protocol):
    """What is read of an answer when it is over."""

    @property
    def ended(self) -> bool:
        """Whether the whole answer has been given."""

    @property
    def info(self) -> Mapping[str, Any]:
        """Coze's ids, ``logid`` among them."""

    @property
    def tokens(self) -> tuple[int, int] | None:
        """Tokens of the request and of the answer, once Coze has told."""


class RequestRecord:
    """What is known of one request. Handlers fill it in, and say when what is over.

    The line is written when the request has been answered. Where Coze tells the tokens only after
    the end of the answer, it waits for them, as long as the call to Coze goes on.

    Args:
        metrics: of the service.
        route: the name of the route.
        request_id: the request's.

    Attributes:
        key: the name of the caller's key.
        model: as the caller called it.
        kind: the type of model that it stands for; empty until that is known.
        bot: the bot that is asked.
        workflow: the workflow that is run.
    """

    def __init__(self, metrics: Metrics, route: str, request_id: str) -> None:
        self.key: str | None = None
        self.model: str | None = None
        self.kind = ""
        self.bot: str | None = None
        self.workflow: str | None = None
        self._metrics = metrics
        self._route = route
        self._request_id = request_id
        self._began = time.monotonic()
        self._streaming = False
        # Seconds from the beginning.
        self._first_token: float | None = None
        self._total = 0.0
        # The answer of the latest call to Coze, and whether that call goes on.
        self._answer: Answer | None = None
        self._calling = False
        # Of a failure that the caller was told: OpenAI's name for it, Coze's code, and whether a
        # status had gone out.
        self._error: str | None = None
        self._code: int | None = None
        self._broken = False
        self._logid: str | None = None
        self._tokens: tuple[int, int] | None = None
        # Once the request has been answered: status, method and path; how it ended; whether the
        # line is still to be written.
        self._head = (0, "", "")
        self._ended: Ended = "complete"
        self._waits = False

    def stream_begins(self) -> None:
        """The caller wants the answer as it comes."""
        self._streaming = True
        self._metrics.streams_open += 1

    def call_begins(self, answer: Answer) -> None:
        """Coze is asked, for the first time or once more."""
        self._answer = answer
        self._calling = True

    def piece_goes_out(self) -> None:
        """The caller is sent a piece of a streamed answer."""
        if self._first_token is None:
            self._first_token = time.monotonic() - self._began

    def call_ended(self) -> None:
        """The call to Coze is over, the last piece of its stream included."""
        self._calling = False
        if self._waits:
            self._close()

    def failed(self, error: ServiceError, *, midway: bool = False) -> None:
        """The caller is told of a failure: by a status, or midway, where one has gone out."""
        self._broken = midway
        # Where it has no name, its kind has one.
        self._error = error.answer.code or error.answer.type
        self._metrics.failure(error)
        # The caller's fault is in the line of the request, ours in a traceback.
        if isinstance(error, CozeError):
            self._code, self._logid = error.code, error.logid
            # Its code and logid, but not its text, which may quote.
            logid = lines.value(error.logid or "-")
            failures.warning(
                "%s Coze failed: code %s, logid %s", self._request_id, error.code, logid
            )
        elif isinstance(error, UpstreamError):
            failures.warning("%s %s", self._request_id, error)

    def answered(self, status: int, method: str, path: str) -> None:
        """The request has been answered, in whichever way."""
        self._total = time.monotonic() - self._began
        self._head = (status, method, path)
        if status == 499:
            self._ended = "left"
        elif self._broken:
            self._ended = "broken"
        elif status >= 400:
            self._ended = "error"
        if self._streaming:
            self._metrics.streams_open -= 1
        answer = self._answer
        tokens = answer.tokens if answer else None
        labels = (self._route, self.kind, str(status), self._ended, self.key or "")
        first, model = self._first_token, self.model or ""
        self._metrics.answered(labels, model, self._total, first, tokens)
        if answer and answer.ended and self._calling and tokens is None:
            self._waits = True
        else:
            self._tokens = tokens
            self._write()

    def _close(self) -> None:
        self._waits = False
        self._tokens = self._answer.tokens if self._answer else None
        if self._tokens:
            self._metrics.tokens(self.kind, self.model or "", self.key or "", self._tokens)
        self._write()

    def _write(self) -> None:
        if self._answer:
            self._logid = self._logid or self._answer.info.get("logid")
            # The line may be kept for a while, and must not keep all of this.
            self._answer = None
        if self._route in HOUSEKEEPING:
            level = logging.DEBUG
        else:
            bad = self._head[0] >= 500 or self._ended == "broken"
            level = logging.WARNING if bad else logging.INFO
        write(access, level, self)

    def fields(self) -> dict[str, object]:
        """What there is to say, by names; times are in milliseconds."""
        status, method, path = self._head
        begin = {
            "status": status,
            "method": method,
            "path": path[: lines.LONGEST_VALUE],
            "ms": round(1000 * self._total, 1),
            "ended": self._ended,
        }
        return begin | {
            name: found
            for name, found in zip(DETAILS, self._details(), strict=True)
            if found is not None
        }

    def __str__(self) -> str:
        """The same as one line, the first of it without names."""
        status, method, path = self._head
        more = "".join(
            [
                f" {name}={lines.value(str(found)) if name in MADE_UP else found}"
                for name, found in zip(DETAILS, self._details(), strict=True)
                if found is not None
            ]
        )
        begin = f"{status} {lines.value(method)} {lines.value(path)} {1000 * self._total:.1f} ms"
        return f"{begin} {self._ended}{more}"

    def _details(self) -> tuple[object, ...]:
        first = self._first_token
        return (
            self._request_id,
            self.key,
            self.model and self.model[: lines.LONGEST_VALUE],
            self.kind or None,
            self.bot,
            self.workflow,
            None if first is None else round(1000 * first, 1),
            *(self._tokens or (None, None)),
            self._error,
            self._code,
            self._logid,
        )
