"""What the handlers of one service share."""

import asyncio
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from cozeproxy.handlers.access import Guard, KeyRing
from cozeproxy.handlers.load import Load
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
    load: Load
    # For what takes long and would hold the loop up. One thread: what it does holds Python's lock,
    # and behind two of them the loop would wait longer.
    aside: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    # Monotonic seconds.
    started: float = field(default_factory=time.monotonic)
    # What goes on after an answer has been given; the loop itself holds tasks only weakly.
    background: set[asyncio.Task[None]] = field(default_factory=set)

    def attempts(self) -> Attempts:
        """The attempts that one request has."""
        return Attempts(self.settings.max_retries, self.timing, self.metrics.retry)

    def keep(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Make a task that may outlive the request it is for."""
        task = asyncio.create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)
        return task
