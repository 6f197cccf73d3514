"""One access token, kept fresh.

A token is *due* at about four fifths of its life, and is then renewed in the background while it
goes on being used. So requests wait for the first token only, or where Coze has given no new one
until the old one was dead.

There is one *attempt* to get a token at a time, whoever asked for it; whoever needs its result
waits for it. After a failure the next one has to wait, each time twice as long, but never longer
than MOST_PAUSE_WAITED_FOR if somebody waits.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from copy import copy
from dataclasses import dataclass
from typing import Any

from cozeproxy.settings import Secret
from cozeproxy.upstream.grant import STOPPING, Grant, TokenError

logger = logging.getLogger(__name__)

# Getting a token. A failure is a result, so that one nobody waits for is not reported as lost.
Attempt = asyncio.Task[Secret | TokenError]

# Parts of a token's life. Many copies of the service that were started together must not all come
# at the same moment, hence the spread.
RENEWED_AT = 0.8
SPREAD = 0.05
# Seconds, or less for a token whose life is short.
LAST_SECOND = 1.0
YOUNG = 10.0
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
MOST_PAUSE_WAITED_FOR = 3.0


@dataclass(frozen=True)
class Timing:
    """Time and chance; tests bring their own.

    Attributes:
        clock: monotonic seconds.
        sleep: waits that many of them.
        random: a number from 0 to 1.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    random: Callable[[], float] = random.random


@dataclass(frozen=True)
class _Current:
    """A token in use; all times are the clock's."""

    token: Secret
    life: float
    born: float
    due: float

    @property
    def dies(self) -> float:
        return self.born + self.life

    def is_usable(self, now: float) -> bool:
        # What is on its way when the token dies is refused.
        return now < self.dies - min(LAST_SECOND, self.life / 20)

    def is_young(self, now: float) -> bool:
        return now - self.born < min(YOUNG, self.life / 2)


class Session:
    """The token of one session.

    Args:
        exchange: gets a new token; raises TokenError.
        spawn: runs an attempt as a task.
        timing: time and chance.
        life: seconds that a token is expected to live.

    Attributes:
        used: whether the token has been asked for since it came.
    """

    def __init__(
        self,
        exchange: Callable[[], Awaitable[Grant]],
        spawn: Callable[[Coroutine[Any, Any, Secret | TokenError]], Attempt],
        timing: Timing,
        life: float,
    ) -> None:
        self.used = False
        self._exchange = exchange
        self._spawn = spawn
        self._timing = timing
        self._life = life
        self._current: _Current | None = None
        self._attempt: Attempt | None = None
        # How many attempts have failed in a row; when the latest did; from when on there may be
        # another.
        self._failures = 0
        self._failed_at = self._next_at = -math.inf

    @property
    def life_left(self) -> float | None:
        """Seconds until the token dies, None where there is none."""
        if self._current is None:
            return None
        return max(0.0, self._current.dies - self._timing.clock())

    @property
    def age(self) -> float | None:
        """Seconds since the token was asked for, None where there is none."""
        return None if self._current is None else self._timing.clock() - self._current.born

    @property
    def is_valid(self) -> bool:
        """Whether the token may be used."""
        return self._current is not None and self._current.is_usable(self._timing.clock())

    @property
    def is_due(self) -> bool:
        """Whether a new token should be had now, though nobody waits for it."""
        now = self._timing.clock()
        if now < self._next_at or self._is_trying:
            return False
        # Without a token and without a failure, nobody has wanted one yet, or it was cleared.
        return bool(self._failures) if self._current is None else now >= self._current.due

    async def token(self) -> Secret:
        """Give a token: at once where there is a usable one, else after the next attempt.

        Raises:
            TokenError: the attempt has failed.
        """
        if self._current is None or not self.is_valid:
            return await self.renewed(patient=True)
        self.used = True
        if self.is_due:
            self.renew()
        return self._current.token

    async def renewed(self, *, patient: bool = False) -> Secret:
        """Give a new token, of the attempt that runs or of another one.

        Args:
            patient: after a failure, wait for a while before the next attempt.

        Raises:
            TokenError: the attempt has failed; the old token, if there is one, stays.
        """
        attempt = self.renew(patient=patient)
        # Whoever gives up waiting must not take the attempt along.
        await asyncio.wait([attempt])
        if attempt.cancelled():
            raise TokenError(STOPPING)
        result = attempt.result()
        if isinstance(result, TokenError):
            # Each of those who wait gets one of its own, since errors are changed on their way.
            raise copy(result)
        self.used = True
        return result

    def renew(self, *, patient: bool = False) -> Attempt:
        """Have an attempt in the background; gives the one that runs, if one does."""
        if self._attempt is None or self._attempt.done():
            self._attempt = self._spawn(self._try(patient=patient))
        return self._attempt

    def rejected(self, token: Secret) -> bool:
        """Take note that Coze has refused a token; tell whether another try has a chance.

        A refused token is dropped. If it is still young, Coze means something else than its age,
        and exchanging it for another one with every request would help nobody.
        """
        if self._current is None or self._current.token != token:
            return True
        if self._current.is_young(self._timing.clock()):
            return False
        self._current = None
        return True

    def clear(self) -> None:
        """Forget the token, and that there were failures."""
        self._current = None
        self._failures = 0
        self._next_at = -math.inf

    @property
    def _is_trying(self) -> bool:
        return self._attempt is not None and not self._attempt.done()

    async def _try(self, *, patient: bool) -> Secret | TokenError:
        if patient:
            at = min(self._next_at, self._failed_at + MOST_PAUSE_WAITED_FOR)
            if at > self._timing.clock():
                await self._timing.sleep(at - self._timing.clock())
        began = self._timing.clock()
        try:
            grant = await self._exchange()
        except TokenError as error:
            self._note_failure(error)
            return error
        self._note_success(grant, began)
        return grant.token

    def _note_success(self, grant: Grant, born: float) -> None:
        if self._failures:
            logger.info("there is an access token again, after %d failures", self._failures)
        self._failures = 0
        self._next_at = -math.inf
        self._life = grant.life
        self.used = False
        part = RENEWED_AT + SPREAD * (2 * self._timing.random() - 1)
        self._current = _Current(grant.token, grant.life, born, born + part * grant.life)

    def _note_failure(self, error: TokenError) -> None:
        first = min(FIRST_PAUSE, self._life / 20)
        # Twelve doublings are more than it takes; without a limit the number would overflow.
        pause = min(first * 2 ** min(self._failures, 12), LONGEST_PAUSE)
        self._failures += 1
        self._failed_at = self._timing.clock()
        # Up to a quarter shorter, so that many copies do not come back together.
        self._next_at = self._failed_at + pause * (1 - self._timing.random() / 4)
        left = self.life_left
        logger.warning("%s%s", error, f" The old one has {left:.0f} s left." if left else "")
