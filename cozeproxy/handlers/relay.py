"""Moves one answer from Coze to the caller.

The way of a piece stands here from top to bottom, and is short, as every token goes it:

``receive``  Something has come: libcurl has handed over pieces, and the first of them has asked the
             loop for this turn. ``UpstreamStream.take`` gives all of them, and they are translated,
             all complete events at once.
``_send``    What that gives goes to the caller's socket in one write. While the caller does not
             take it, Coze is not read.

Nothing is polled: Coze's bytes come through ``receive``, the end of its answer through the task
that asks, the caller's leaving through ``caller_left``, what takes too long through the watch. Each
may settle the outcome; ``run`` waits for that and gives the answer its ending.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, cast

from tornado.http1connection import HTTP1Connection
from tornado.iostream import IOStream

from cozeproxy.errors import InternalError, ServiceError
from cozeproxy.handlers.base import BaseHandler
from cozeproxy.handlers.heads import set_head, told_in_stream
from cozeproxy.handlers.watch import Times, Watch
from cozeproxy.protocol.response import RunningChat
from cozeproxy.protocol.stream import Translation
from cozeproxy.upstream.stream import UpstreamStream

logger = logging.getLogger(__name__)

# A comment: readers of event streams pass over it, and routers see that somebody is there.
HEARTBEAT = b": still working\n\n"


class Relay:
    """One answer on its way.

    Args:
        handler: whose response is written.
        translate: makes the translation of an answer; told whether its beginning has been sent.
        times: how long things may take.
        streaming: whether the caller wants chunks as they come, or all at the end.

    Attributes:
        begun: something has been sent, so that no status can tell of a failure any more.
    """

    def __init__(
        self,
        handler: BaseHandler,
        translate: Callable[[bool], Translation],
        times: Times,
        *,
        streaming: bool,
    ) -> None:
        self.begun = False
        self.streaming = streaming
        self._handler = handler
        self._record = handler.record
        self._translate = translate
        self._stream = translate(False)
        self._upstream: UpstreamStream | None = None
        self._answering = False
        self._loop = asyncio.get_running_loop()
        self._watch = Watch(times, self)
        # The caller's connection; what waits for it while it has not taken what it was sent before.
        self._caller = cast("HTTP1Connection", handler.request.connection).stream
        self._out: list[bytes] = []
        self._flushing = False
        # Tokens of plain HTTP/1.1 need no detour through Tornado's buffers.
        self._direct = handler.request.version == "HTTP/1.1" and type(self._caller) is IOStream
        # Resolved when the answer has ended or failed, or the caller has left.
        self._settled: asyncio.Future[None] = self._loop.create_future()
        self._failure: BaseException | None = None
        self._left = False

    def receive(self) -> None:
        """Translate what has come of Coze's answer, and send it on."""
        upstream = self._upstream
        data = upstream.take() if upstream else b""
        if not upstream or not data:
            # It was of an attempt before this one, or has been read at the end, which resumes.
            return
        if self._settled.done():
            self._receive_late(upstream, data)
            upstream.resume()
            return
        if not self._answering:
            self._note_beginning(upstream)
        watch, stream = self._watch, self._stream
        if watch.heard is not None:
            watch.heard = self._loop.time()
        try:
            out = stream.receive_data(data)
        except Exception as error:  # noqa: BLE001 - run() raises it, in the caller's request
            self.fail(error)
            return
        if stream.error or stream.ended:
            self._answered(out)
        elif out and self.streaming:
            self._record.piece_goes_out()
            self._send(out)
        if upstream.paused and not self._flushing:
            upstream.resume()

    def _note_beginning(self, upstream: UpstreamStream) -> None:
        self._answering = True
        self._watch.answering()
        if upstream.logid:
            self._stream.info["logid"] = upstream.logid

    def _answered(self, out: bytes) -> None:
        """Take note that the answer has ended, for good or as a failure."""
        if self._stream.error:
            if self.begun and out:
                self._send(out)
            # Text that came together with a failure is not sent: the status can still tell all.
            if self._upstream:
                # The task that asks gets the reason, and decides what to do.
                self._upstream.abort(self._stream.error)
        else:
            # It goes out with the end of the body, in one write.
            self._out.append(out)
            if self.streaming:
                self._record.piece_goes_out()
            self._settle()

    def _send(self, out: bytes) -> None:
        if self._flushing:
            self._out.append(out)
            if self._upstream:
                # It may have been opened since.
                self._upstream.pause()
            return
        if self._caller.closed():
            return  # which caller_left() is told next
        self._watch.sent = self._loop.time()
        if self.begun and self._direct:
            # Tornado has written the head; this is a chunk as HTTP/1.1 has it (RFC 9112, 7.1).
            chunk = b"%x\r\n%b\r\n" % (len(out), out)
            sent = self._sent_at_once(chunk)
            if sent == len(chunk):
                return
            flush = self._caller.write(chunk[sent:])
        else:
            if not self.begun:
                # The head goes with the first chunk.
                self._begin()
            self._handler.write(out)
            flush = self._handler.flush()
        if not flush.done():
            self._hold(flush)

    def _begin(self) -> None:
        """Begin a good answer; until here a failure can still become a status."""
        set_head(self._handler, self._stream.info, streaming=self.streaming)
        if self.streaming:
            # The kernel would hold a token back until the one before it is acknowledged, for some
            # 40 ms: Tornado turns that off only at the end of an answer.
            self._caller.set_nodelay(True)
        self.begun = True

    def _sent_at_once(self, chunk: bytes) -> int:
        """How much of a chunk the kernel takes."""
        if self._caller.writing():
            return 0
        try:
            return int(self._caller.socket.send(chunk))
        except OSError:
            return 0  # full, or gone: Tornado's stream, which gets it next, tells that apart

    def _hold(self, flush: "asyncio.Future[None]") -> None:
        """Keep Coze waiting until the caller has taken what it was sent."""
        self._flushing = True
        if self._upstream:
            self._upstream.pause()
        self._watch.waits_for_caller(self._caller.socket)
        flush.add_done_callback(self._flushed)

    def _flushed(self, flush: "asyncio.Future[None]") -> None:
        self._flushing = False
        if flush.exception() or self._caller.closed() or self._settled.done():
            return  # the caller has left, or gets the end of its answer
        self._watch.goes_on()
        if self._out:
            out = b"".join(self._out)
            self._out.clear()
            self._send(out)
        if not self._flushing and self._upstream:
            self._upstream.resume()

    async def run(
        self,
        asking: Coroutine[Any, Any, None],
        cancel: Callable[[RunningChat], Coroutine[Any, Any, None]],
        keep: Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"],
    ) -> None:
        """Ask Coze and give the caller what comes of it.

        Args:
            asking: the question, which has this relay for its receiver.
            cancel: ends a chat at Coze.
            keep: makes a task that may outlive the answer.

        Raises:
            ServiceError: it failed before anything was sent, so that a status can say so.
        """
        task = keep(asking)
        task.add_done_callback(self._asked)
        task.add_done_callback(lambda _: self._record.call_ended())
        self._watch.start()
        try:
            await self._settled
        finally:
            self._watch.stop()
        self._read_rest()
        self._leave_upstream(task)
        running = self._stream.running
        if running and self._upstream and self._upstream.ended_here:
            keep(cancel(running))
        await self._finish()

    @property
    def is_listening(self) -> bool:
        """Whether a call to Coze is open, and more of its answer awaited."""
        return self._upstream is not None and not self._upstream.is_over

    def opened(self, upstream: UpstreamStream) -> None:
        """Take note of a call to Coze that begins, be it the first or another attempt."""
        if self._upstream:
            # What came of the attempt before it counts no more.
            self._answering = False
            self._stream = self._translate(self.begun)
        self._upstream = upstream
        self._record.call_begins(self._stream)
        self._watch.asked()

    def fail(self, error: BaseException) -> None:
        """End the answer as failed, if it has not ended."""
        if self._settled.done():
            return
        if isinstance(error, ServiceError) and error is not self._stream.error:
            # Once there is a stream, the chat has begun, whether or not an event has come of it.
            begun = self._upstream is not None and self._upstream.is_stream
            error.accepted = error.accepted or begun
        self._failure = error
        self._settle()

    def beat(self) -> None:
        """Give the caller a sign of life: what answers begin with, and later a comment."""
        if not self._settled.done():
            start = b"" if self.begun else self._stream.start()
            self._send(start or HEARTBEAT)

    def cut_off(self) -> None:
        """Leave the caller, who takes nothing."""
        # Its handler is told, as if the caller had left by itself.
        self._caller.close()

    def caller_left(self) -> None:
        """End the call to Coze, unless the answer is complete already."""
        if not self._settled.done():
            self._left = True
            self._settle()

    def _read_rest(self) -> None:
        """Read what came together with the outcome: it may tell of a chat that runs at Coze."""
        rest = self._upstream.take() if self._upstream else b""
        if self._upstream and rest:
            self._receive_late(self._upstream, rest)

    def _receive_late(self, upstream: UpstreamStream, data: bytes) -> None:
        """Take what has come since the outcome was settled.

        It may tell the tokens, or of a chat that runs at Coze. Where the outcome is a failure, the
        caller is given the rest nevertheless: the failure's event counts on from there, and where
        that was all, nothing has failed.
        """
        stream, failure = self._stream, self._failure
        if failure and not isinstance(failure, ServiceError):
            return  # which the translation did not survive
        had_ended = stream.ended
        if not self._answering:
            self._note_beginning(upstream)
        try:
            out = stream.receive_data(data)
        except Exception as error:  # noqa: BLE001 - the outcome stands, and must be told
            _log_late(error)
            return
        if failure and not had_ended:
            if stream.ended:
                self._failure = None
            if stream.ended or self.begun:
                self._out.append(out)

    def _asked(self, task: "asyncio.Task[None]") -> None:
        """Take note that the call to Coze, or the attempt to make one, is over."""
        # Who cancels it has settled the outcome; if not, there is none, and never will be.
        error = InternalError() if task.cancelled() else task.exception()
        if self._settled.done():
            if error and not isinstance(error, ServiceError):
                _log_late(error)
            return
        if error:
            self.fail(error)
            return
        out = self._stream.receive_eof()
        if self._stream.error:
            self.fail(self._stream.error)
        else:
            self._out.append(out)
            self._settle()

    def _settle(self) -> None:
        if not self._settled.done():
            self._settled.set_result(None)

    def _leave_upstream(self, task: "asyncio.Task[None]") -> None:
        """Give up what is still asked; what comes after a good end is read."""
        upstream = self._upstream
        if upstream is None or not self.is_listening:
            # It is over, or waits for an upload, a token, or the moment for another attempt.
            task.cancel()
        elif self._stream.ended and not self._left and not self._failure:
            upstream.read_on()
        else:
            upstream.abort()

    async def _finish(self) -> None:
        """Give the answer its ending, and wait until the caller has it."""
        if self._left:
            # Nobody reads it; this is what the log says, as nginx's does.
            self._handler.set_status(499, "Client Closed Request")
            return
        failure = self._failure
        if failure and not self.begun:
            raise failure
        if not self.begun:
            self._begin()
        if failure:
            self._out.append(self._stream.failure(told_in_stream(self._handler, failure)))
        self._handler.finish(b"".join(self._out))
        await self._handler.taken()


def _log_late(error: BaseException) -> None:
    logger.error("unhandled error after the end of an answer", exc_info=error)
