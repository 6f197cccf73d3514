"""Numbers for those who watch the service, in Prometheus' form.

Labels are names: of routes, types, keys and models as the settings have them, of Coze's codes as
the table of errors has them. What callers make up, ids and secrets are never a label: the first
would be without number, the others are nobody's business. Where there is no name a label is empty.
"""

import platform
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    Metric,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from cozeproxy import __version__
from cozeproxy.errors import COZE_ANSWERS, CozeError, ServiceError, UpstreamError

# Seconds. A bot's first token takes one or a few, a workflow's answer may take minutes.
FIRST_TOKEN = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60)
WHOLE_ANSWER = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600)
LAG = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

# Of one answer; nothing that could be true.
MOST_TOKENS = 10**9
# What may be put off: working it off takes less than a millisecond.
MOST_PENDING = 64


# A request that has been answered, as Metrics.answered() is told of it.
Answered = tuple[tuple[str, str, str, str, str], str, float, float | None, tuple[int, int] | None]


class TokenTally(NamedTuple):
    """What has become of OAuth tokens.

    Attributes:
        renewed: how often there was a new one.
        failed: how often there was none.
        age: seconds that the token for all is old; None where there is none.
    """

    renewed: int
    failed: int
    age: float | None


class Metrics:
    """The numbers of one service.

    What every request has to tell is put off, and worked off some at a time: among others of its
    kind that costs a third of what it costs in the middle of other work.

    Args:
        models: the names of models that may be a label.

    Attributes:
        streams_open: streamed answers on their way.
        loop_lag: how late the event loop is, in seconds.
    """

    def __init__(self, models: Collection[str] = ()) -> None:
        # When a series began is of no use to anybody here, and would make two of each counter.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.streams_open = 0
        self._models = frozenset(models)
        self._pending: list[Answered] = []
        self._registry = CollectorRegistry()
        self._requests = self._counter(
            "requests",
            "Requests that were answered, and how they ended",
            *("route", "type", "status", "ended", "key"),
        )
        self._first_token = self._histogram(
            "first_token",
            "From a request to the first piece of its streamed answer",
            FIRST_TOKEN,
            *("type", "model"),
        )
        self._answer = self._histogram(
            "answer",
            "From a request to the end of its answer, streamed or not",
            WHOLE_ANSWER,
            *("type", "model"),
        )
        self._tokens = self._counter(
            "tokens", "Tokens as Coze counts them", "direction", "type", "model", "key"
        )
        self._errors = self._counter(
            "upstream_errors", "Failures of Coze, or of the way to it", "code"
        )
        self._retries = self._counter(
            "upstream_retries", "Calls to Coze made once more, by what had failed before", "code"
        )
        self._cancels = self._counter(
            "upstream_cancels",
            "Chats that were to be cancelled, as nobody waits for them",
            "result",
        )
        self.loop_lag = self._histogram(
            "event_loop_lag", "How late the event loop does what it was to do", LAG
        )()
        self._describe()

    def watch_tokens(self, tally: Callable[[], TokenTally]) -> None:
        """Show what becomes of OAuth tokens."""
        self._registry.register(_TokenCollector(tally))

    def answered(
        self,
        labels: tuple[str, str, str, str, str],
        model: str,
        seconds: float,
        first_token: float | None,
        tokens: tuple[int, int] | None = None,
    ) -> None:
        """Count a request that has been answered, and note how long that took.

        Args:
            labels: route, type of model, status, ending, name of the caller's key.
            model: as the caller called it.
            seconds: that it took.
            first_token: seconds until the first piece of its streamed answer, if it had one.
            tokens: of the request and of its answer, where Coze has told them by now.
        """
        self._pending.append((labels, model, seconds, first_token, tokens))
        if len(self._pending) >= MOST_PENDING:
            self._catch_up()

    def tokens(self, kind: str, model: str, key: str, counts: tuple[int, int]) -> None:
        """Count the tokens of a request and of its answer, of which Coze has told later."""
        for direction, count in zip(("in", "out"), counts, strict=True):
            self._tokens(direction, kind, self._alias(model), key).inc(_possible(count))

    def failure(self, error: ServiceError) -> None:
        """Count a failure, if it is Coze's, or that of the way to it."""
        if isinstance(error, UpstreamError):
            self._errors(_code(error)).inc()

    def retry(self, error: ServiceError) -> None:
        """Count a call that is made once more, and what failed before."""
        self.failure(error)
        self._retries(_code(error)).inc()

    def cancel(self, *, done: bool) -> None:
        """Count a chat that Coze was told to cancel, and whether it did."""
        self._cancels("ok" if done else "failed").inc()

    def page(self, accept: str) -> tuple[bytes, str]:
        """All numbers now, in the form that an ``Accept`` header asks for, and its content type."""
        try:
            encode, content_type = choose_encoder(accept)
        except TypeError:  # the library compares versions that are no numbers as they are
            encode, content_type = choose_encoder("")
        self._catch_up()
        return encode(self._registry), content_type

    def _catch_up(self) -> None:
        pending, self._pending = self._pending, []
        requests: dict[tuple[str, ...], int] = defaultdict(int)
        tokens: dict[tuple[str, ...], int] = defaultdict(int)
        for labels, model, seconds, first_token, counts in pending:
            requests[labels] += 1
            kind, key = labels[1], labels[4]
            if not kind:
                continue
            alias = self._alias(model)
            self._answer(kind, alias).observe(seconds)
            if first_token is not None:
                self._first_token(kind, alias).observe(first_token)
            if counts:
                tokens["in", kind, alias, key] += _possible(counts[0])
                tokens["out", kind, alias, key] += _possible(counts[1])
        for counter, counted in ((self._requests, requests), (self._tokens, tokens)):
            for names, count in counted.items():
                counter(*names).inc(count)

    def _alias(self, model: str) -> str:
        return model if model in self._models else ""

    # Of each series its place is kept: the library would check the labels every time.

    def _counter(self, name: str, text: str, *labels: str) -> Callable[..., Counter]:
        counter = Counter(f"cozeproxy_{name}", text, labels, registry=self._registry)
        return cache(counter.labels)

    def _histogram(
        self, name: str, text: str, steps: Sequence[float], *labels: str
    ) -> Callable[..., Histogram]:
        name = f"cozeproxy_{name}_seconds"
        histogram = Histogram(name, text, labels, buckets=steps, registry=self._registry)
        return cache(histogram.labels) if labels else lambda: histogram

    def _describe(self) -> None:
        """Show what is not counted but simply is."""
        streams = Gauge(
            "cozeproxy_streams_open", "Streamed answers on their way", registry=self._registry
        )
        streams.set_function(lambda: self.streams_open)
        build = Info("cozeproxy_build", "What runs", registry=self._registry)
        build.info({"version": __version__, "python": platform.python_version()})
        ProcessCollector(registry=self._registry)


def _possible(count: int) -> int:
    """A number of tokens as a counter takes it: not less than none, and none too large for it."""
    return max(0, min(count, MOST_TOKENS))


def _code(error: ServiceError) -> str:
    """Coze's code, if it is in the table of errors, or what else it was that failed."""
    if isinstance(error, CozeError):
        return str(error.code) if error.code in COZE_ANSWERS else "other"
    return error.fault if isinstance(error, UpstreamError) else "other"


class _TokenCollector(Collector):
    """Asks for the tally of tokens whenever somebody looks."""

    def __init__(self, tally: Callable[[], TokenTally]) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """Give the tally as metrics."""
        tally = self._tally()
        renewals = CounterMetricFamily(
            "cozeproxy_token_renewals", "Times that an OAuth token was asked for", labels=["result"]
        )
        renewals.add_metric(["ok"], tally.renewed)
        renewals.add_metric(["failed"], tally.failed)
        yield renewals
        age = GaugeMetricFamily("cozeproxy_token_age_seconds", "Age of the OAuth token for all")
        if tally.age is not None:
            age.add_metric([], tally.age)
        yield age
