"""New attempts where a request cannot have reached Coze.

Only failures to connect are tried again, and kept connections that Coze had closed by the time of
the request: of all others Coze may know, and a second request could be a second chat. Rate limits
are the caller's business, whose SDK waits and resends by itself: two layers that repeat multiply.
"""

from collections.abc import Callable

from cozeproxy.errors import ServiceError, StaleConnectionError, UpstreamUnreachableError
from cozeproxy.upstream.session import Timing

# Seconds.
FIRST_PAUSE = 0.2
LONGEST = 10.0


class Attempts:
    """What is left of the attempts for one request.

    Args:
        most: new attempts after the first.
        timing: time and chance.
        retry: is told why there is another one.
    """

    def __init__(self, most: int, timing: Timing, retry: Callable[[ServiceError], None]) -> None:
        self._most = most
        self._timing = timing
        self._retry = retry
        self._until = timing.clock() + LONGEST
        self.made = 0

    async def again(self, error: ServiceError) -> bool:
        """Wait until it is time for another attempt; tell at once if there is none to be."""
        if self.made >= self._most:
            return False
        if isinstance(error, StaleConnectionError):
            # Nothing is wrong with Coze, so that there is nothing to wait for.
            self.made += 1
            self._retry(error)
            return True
        if not isinstance(error, UpstreamUnreachableError) or not error.may_pass:
            return False
        # Between half of it and all of it, so that many who failed together do not return together.
        pause = FIRST_PAUSE * 2**self.made * (1 + self._timing.random()) / 2
        if self._timing.clock() + pause > self._until:
            return False
        self.made += 1
        await self._timing.sleep(pause)
        self._retry(error)
        return True
