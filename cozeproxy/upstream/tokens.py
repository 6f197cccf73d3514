"""The access tokens of an OAuth app."""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from tornado.ioloop import IOLoop, PeriodicCallback

from cozeproxy.observability import TokenTally
from cozeproxy.settings import Secret
from cozeproxy.upstream.exchange import Exchange
from cozeproxy.upstream.grant import Grant, TokenError
from cozeproxy.upstream.session import Attempt, Session, Timing

# Users that have a token of their own at a time; each takes a few kilobytes.
MOST_SESSIONS = 5000
# Between two looks for tokens that are due: a part of a token's life, and seconds.
LOOKS_IN_A_LIFE = 40
LONGEST_BETWEEN_LOOKS = 5.0


@dataclass(frozen=True)
class TokenStatus:
    """What there is of a token.

    Attributes:
        has_token: whether there is one.
        is_valid: whether it may be used.
        expires_in: whole seconds that it has left, 0 where it is dead or there is none.
    """

    has_token: bool
    is_valid: bool
    expires_in: int


class TokenManager:
    """The tokens of an OAuth app: one for all users, or one for each.

    Args:
        exchange: where tokens come from.
        life: seconds that they are expected to live.
        session_name: the session of the token for all, and of calls that are for no user.
        per_user: whether each user has a session, and with it a token and a memory at Coze.
        timing: time and chance.
    """

    def __init__(
        self,
        exchange: Exchange,
        life: float,
        session_name: str,
        *,
        per_user: bool = False,
        timing: Timing | None = None,
    ) -> None:
        self._exchange = exchange
        self._life = life
        self._session_name = session_name
        self._per_user = per_user
        self._timing = timing or Timing()
        # The least recently used first. (cachetools would take a look at all of them for a use.)
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._attempts: set[Attempt] = set()
        # How often there was a new token, and how often there was none.
        self._renewed = self._failed = 0
        self._looks = PeriodicCallback(self._look, _between_looks(life))

    def start(self) -> None:
        """Get the first token, in the background, and keep tokens fresh from then on."""
        self._looks.start()
        IOLoop.current().add_callback(self._begin)

    async def stop(self) -> None:
        """Keep nothing fresh any more; whoever waits for a token gets a TokenError."""
        self._looks.stop()
        await self._exchange.close()
        attempts = list(self._attempts)
        for attempt in attempts:
            attempt.cancel()
        await asyncio.gather(*attempts, return_exceptions=True)

    async def token(self, user_id: str | None = None) -> Secret:
        """Give the token for a user's calls: at once where there is a good one.

        Raises:
            TokenError: there is none to be had.
        """
        return await self._session(user_id).token()

    def rejected(self, token: Secret, user_id: str | None = None) -> bool:
        """Take note that Coze has refused a token; tell whether to try again with a new one.

        The token is dropped if it is the current one and older than ten seconds. Not to be told of
        permissions that are missing, which another token would lack, too.
        """
        return self._session(user_id).rejected(token)

    @property
    def status(self) -> TokenStatus:
        """What there is of the token for all."""
        session = self._session(None)
        left = session.life_left
        return TokenStatus(left is not None, session.is_valid, int(left or 0))

    def tally(self) -> TokenTally:
        """Tell what has become of tokens."""
        session = self._sessions.get(self._session_name)
        return TokenTally(self._renewed, self._failed, session.age if session else None)

    async def refresh(self) -> Secret:
        """Get a new token for all, though the old one may be good, and give it.

        Raises:
            TokenError: Coze gave none; the old one stays.
        """
        return await self._session(None).renewed()

    @property
    def has_begun(self) -> bool:
        """Whether there has been a token. What happens later is for requests to tell."""
        return self._renewed > 0

    def clear(self) -> None:
        """Forget all tokens; the next call to Coze gets a new one."""
        for session in self._sessions.values():
            session.clear()

    def renew_due(self) -> list[Attempt]:
        """Begin to renew the tokens that are due, of users only where they are in use.

        The work of the periodic callback. Gives the attempts that it began.
        """
        return [
            session.renew()
            for session in self._sessions.values()
            if session.is_due and (session.used or not self._per_user)
        ]

    def _begin(self) -> None:
        if self._looks.is_running():
            self._session(None).renew()

    def _look(self) -> None:
        self.renew_due()

    def _session(self, user_id: str | None) -> Session:
        name = (self._per_user and user_id) or self._session_name
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = Session(
                lambda: self._get(name), self._spawn, self._timing, self._life
            )
            if len(self._sessions) > MOST_SESSIONS:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(name)
        return session

    async def _get(self, session_name: str) -> Grant:
        try:
            grant = await self._exchange(session_name)
        except TokenError:
            self._failed += 1
            raise
        self._renewed += 1
        between = _between_looks(grant.life)
        if between < self._looks.callback_time and self._looks.is_running():
            # Tokens live shorter than was asked for. A new period holds from a new start on.
            self._looks.stop()
            self._looks.callback_time = between
            self._looks.start()
        return grant

    def _spawn(self, coroutine: Coroutine[Any, Any, Secret | TokenError]) -> Attempt:
        attempt = asyncio.create_task(coroutine)
        # The loop itself holds tasks only weakly.
        self._attempts.add(attempt)
        attempt.add_done_callback(self._attempts.discard)
        return attempt


def _between_looks(life: float) -> float:
    """Milliseconds, as PeriodicCallback wants them."""
    return 1000 * min(life / LOOKS_IN_A_LIFE, LONGEST_BETWEEN_LOOKS)
