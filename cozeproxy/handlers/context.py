"""What the handlers of one service share."""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from cozeproxy.handlers.access import Guard, KeyRing
from cozeproxy.handlers.watch import Times
from cozeproxy.observability import Metrics
from cozeproxy.protocol.plan import Rules
from cozeproxy.settings import Settings
from cozeproxy.upstream.catalog import Catalog
from cozeproxy.upstream.client import CozeClient
from cozeproxy.upstream.credentials import StaticCredentials
from cozeproxy.upstream.files import Uploader
from cozeproxy.upstream.retrying import Attempts
from cozeproxy.upstream.session import Timing
from cozeproxy.upstream.tokens import TokenManager


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
    metrics: Metrics
    # How long things may take in a chat, and where a workflow runs.
    chat_times: Times
    run_times: Times
    timing: Timing
    # Monotonic seconds.
    started: float = field(default_factory=time.monotonic)
    # What goes on after an answer has been given; the loop itself holds tasks only weakly.
    background: set[asyncio.Task[None]] = field(default_factory=set)
    # Requests that have not been answered; each is resolved when it has been.
    unanswered: "set[asyncio.Future[None]]" = field(default_factory=set)

    def attempts(self) -> Attempts:
        """The attempts that one request has."""
        return Attempts(self.settings.max_retries, self.timing, self.metrics.retry)

    def keep(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Make a task that may outlive the request it is for."""
        task = asyncio.create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)
        return task
