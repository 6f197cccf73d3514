"""What the handlers of one service share."""

import asyncio
import time
from dataclasses import dataclass, field

from cozeproxy.handlers.access import Guard, KeyRing
from cozeproxy.protocol.plan import Rules
from cozeproxy.settings import Settings
from cozeproxy.upstream.catalog import Catalog
from cozeproxy.upstream.client import CozeClient
from cozeproxy.upstream.credentials import StaticCredentials
from cozeproxy.upstream.files import Uploader
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
    # Monotonic seconds.
    started: float = field(default_factory=time.monotonic)
    # What goes on after an answer has been given; the loop itself holds tasks only weakly.
    background: set[asyncio.Task[None]] = field(default_factory=set)
    # Requests that have not been answered; each is resolved when it has been.
    unanswered: "set[asyncio.Future[None]]" = field(default_factory=set)
