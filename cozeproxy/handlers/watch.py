"""How long things may take while an answer is on its way."""

import asyncio
import fcntl
import math
import socket
import struct
import sys
import termios
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from operator import itemgetter
from typing import NamedTuple, Protocol

from tornado.iostream import IOStream

from cozeproxy.errors import DeadlineError, ServiceError, UpstreamTimeoutError
from cozeproxy.settings import Settings


class Times(NamedTuple):
    """How long things may take, in seconds; None is for ever.

    Attributes:
        first: until Coze begins to answer.
        silence: between two pieces of its answer.
        whole: from the request to the end.
        deadline: the same, of an answer that is not streamed.
        heartbeat: of silence towards the caller, until it gets a sign of life.
        stall: for which the caller takes nothing.
    """

    first: float
    silence: float
    whole: float
    deadline: float | None
    heartbeat: float
    stall: float

    @classmethod
    def of(cls, settings: Settings, *, is_run: bool) -> "Times":
        """Read them from the settings: a run is a workflow's, which Coze gives ten minutes."""
        return cls(
            settings.workflow_idle_timeout if is_run else settings.upstream_first_byte_timeout,
            settings.workflow_idle_timeout if is_run else settings.upstream_idle_timeout,
            settings.workflow_request_timeout if is_run else settings.request_timeout,
            settings.nonstream_deadline or None,
            settings.heartbeat_seconds,
            settings.caller_stall_timeout,
        )


class Watched(Protocol):
    """An answer on its way."""

    streaming: bool

    @property
    def is_listening(self) -> bool:
        """Whether something is awaited from Coze."""

    def fail(self, error: ServiceError) -> None:
        """End it as failed."""

    def beat(self) -> None:
        """Give the caller a sign of life."""

    def cut_off(self) -> None:
        """Leave the caller, who takes nothing."""


# Where in Linux' struct tcp_info (linux/tcp.h, since 4.1) the bytes are that the other side has
# acknowledged, as 64 bits.
TCP_INFO_SIZE = 128
BYTES_ACKED = 120

# When something will be late, and what is to be done then.
Duty = tuple[float, Callable[[], None]]


class Watch:
    """Sees that nothing takes longer than it may.

    There is one timer for all. What happens on the way only notes its time; when the timer goes
    off, it looks what is late by now, and is set for what could be late next.

    Attributes:
        heard: when Coze last sent something, on the loop's clock; None while it is not expected to.
        sent: when the caller last was sent something.
    """

    def __init__(self, times: Times, relay: Watched) -> None:
        self._loop = asyncio.get_running_loop()
        self._times = times
        # Nothing that begins now is late before that.
        self._shortest = min(time for time in times if time is not None)
        # Which has this watch: a circle would keep all that an answer takes for the collector.
        self._relay: Watched = weakref.proxy(relay)
        self._started = self.sent = self._loop.time()
        self.heard: float | None = None
        self._first = True
        # The socket that waits for the caller to take something, how far the caller had come, and
        # when that was.
        self._stuck: tuple[socket.socket, object, float] | None = None
        # Whether Coze has been asked, and whether the outcome is settled.
        self._asked = self._ends = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to look."""
        self._timer = self._loop.call_at(self._started + self._shortest, self._look)

    def stop(self) -> None:
        """Look no more."""
        self._ends = True
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def asked(self) -> None:
        """Take note that a call to Coze has begun."""
        self.heard = self._loop.time()
        self._first = self._asked = True
        self._set()

    def answering(self) -> None:
        """Take note that Coze has begun to answer."""
        self._first = False
        self._set()

    def waits_for_caller(self, waiting: socket.socket) -> None:
        """Take note that the caller has to take something first; until then Coze is not heard."""
        self.heard = None
        self._stuck = (waiting, _progress(waiting), self._loop.time())
        self._set()

    def goes_on(self) -> None:
        """Take note that the caller has taken it."""
        self.heard = self.sent = self._loop.time()
        self._stuck = None
        self._set()

    def _look(self) -> None:
        self._timer = None
        due, late = min(self._duties(), key=itemgetter(0))
        if due <= self._loop.time():
            late()
        self._set()

    def _set(self) -> None:
        # A timer that is too early is cheaper than another one, and than to find out.
        if self._timer and self._timer.when() <= self._loop.time() + self._shortest:
            return
        due = min((due for due, _ in self._duties()), default=math.inf)
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if due < math.inf:
            self._timer = self._loop.call_at(due, self._look)

    def _duties(self) -> Iterator[Duty]:
        if self._ends:
            return
        times = self._times
        if self._stuck is not None:
            yield self._stuck[2] + times.stall, self._look_at_caller
        yield self._started + times.whole, self._took_too_long
        if self._relay.streaming:
            # Whoever takes nothing gets no sign of life.
            if self._stuck is None:
                yield self.sent + times.heartbeat, self._beat
        elif times.deadline is not None:
            yield self._started + times.deadline, self._missed_deadline
        if self.heard is not None and self._relay.is_listening:
            yield self.heard + (times.first if self._first else times.silence), self._was_silent

    def _beat(self) -> None:
        # Also where there is none, as the caller is about to be found gone.
        self.sent = self._loop.time()
        self._relay.beat()

    def _took_too_long(self) -> None:
        self._fail(
            UpstreamTimeoutError(f"The answer took more than {self._times.whole:g} seconds.")
        )

    def _missed_deadline(self) -> None:
        self._fail(DeadlineError(self._times.deadline or 0))

    def _was_silent(self) -> None:
        times = self._times
        self._fail(
            UpstreamTimeoutError(f"Coze did not begin to answer within {times.first:g} seconds.")
            if self._first
            else UpstreamTimeoutError(f"Coze fell silent for more than {times.silence:g} seconds.")
        )

    def _fail(self, error: UpstreamTimeoutError) -> None:
        # Where Coze has the request, a resend would be a second chat.
        error.accepted = self._asked
        self._ends = True
        self._relay.fail(error)

    def _look_at_caller(self) -> None:
        if self._stuck is None:
            return
        waiting, before, _ = self._stuck
        now = _progress(waiting)
        if now == before:
            self.stop()
            self._relay.cut_off()
        else:
            self._stuck = (waiting, now, self._loop.time())


async def until_taken(rest: "asyncio.Future[None]", stream: IOStream, stall: float) -> None:
    """Wait until a caller has taken all of its answer, and close where it takes nothing.

    Args:
        rest: resolved when all has been taken, or the connection is closed.
        stream: the caller's connection.
        stall: seconds for which it may take nothing.
    """
    while not rest.done():
        before = _progress(stream.socket)
        await asyncio.wait([rest], timeout=stall)
        if not rest.done() and _progress(stream.socket) == before:
            stream.close()


def _progress(waiting: socket.socket) -> object:
    """How far the other side has come: equal to what it was before where it has taken nothing.

    That is what it has acknowledged. What waits in the kernel would not do alone, as it may be
    filled up to the same bytes again; systems that do not tell the first may tell that. Where one
    tells neither, or the socket is closed, nobody is taken for stalled.
    """
    told: list[int] = []
    if sys.platform == "linux":
        with suppress(OSError, struct.error):
            info = waiting.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE)
            told += struct.unpack_from("Q", info, BYTES_ACKED)
    with suppress(OSError, ValueError):
        told += struct.unpack("i", fcntl.ioctl(waiting.fileno(), termios.TIOCOUTQ, bytes(4)))
    # Some that are like Linux fill in zeros.
    return told if any(told) else object()
