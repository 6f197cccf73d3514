"""Moves one answer from Coze to the caller.

Everything here runs on the loop and nothing is polled: Coze's pieces come through
``_data_received``, the caller's leaving through ``caller_left``, the end of Coze's answer through a
task that waits for it. Each may settle the outcome; ``run`` waits for that and gives the answer its
ending.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from tornado.http1connection import HTTP1Connection
from tornado.web import RequestHandler

from cozeproxy.errors import CozeError, InternalError, ServiceError
from cozeproxy.observability import log_failure
from cozeproxy.protocol.completion import error_frame
from cozeproxy.protocol.stream import ChatStream
from cozeproxy.settings import Secret
from cozeproxy.upstream.stream import UpstreamStream

# Makes the call to Coze with a token; its pieces go to the function it is given.
Ask = Callable[[Secret, Callable[[bytes], None]], UpstreamStream]

logger = logging.getLogger(__name__)

# How long Coze may take to close its stream after the answer has ended. A stream that is read to
# its end leaves a connection that can be used again.
READ_ON_SECONDS = 60.0


class Relay:
    """One answer on its way.

    Args:
        handler: whose response is written.
        stream: the translation.
        streaming: whether the caller wants chunks as they come, or all at the end.
    """

    def __init__(self, handler: RequestHandler, stream: ChatStream, *, streaming: bool) -> None:
        self._handler = handler
        self._stream = stream
        self._streaming = streaming
        self._upstream: UpstreamStream | None = None
        # Resolved when the answer has ended or failed, or the caller has left.
        self._settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._crash: Exception | None = None
        self._left = False
        # What waits for the caller: one flush at a time, as Tornado forgets all but the last.
        self._out: list[bytes] = []
        self._flushing = False
        self._started = False

    async def run(self, ask: Ask, token: Secret, background: set[asyncio.Task[None]]) -> None:
        """Make the call to Coze and give the caller what comes of it.

        Raises:
            ServiceError: it failed before anything was sent, so that a status can say so.
        """
        upstream = self._upstream = ask(token, self._data_received)
        task = asyncio.create_task(self._read(upstream))
        background.add(task)
        task.add_done_callback(background.discard)
        await self._settled
        failure = self._crash or self._stream.error
        if isinstance(failure, CozeError):
            failure.hide(token.reveal())
        if self._left or failure:
            upstream.abort()
        elif not task.done():
            give_up = asyncio.get_running_loop().call_later(READ_ON_SECONDS, upstream.abort)
            task.add_done_callback(lambda _: give_up.cancel())
        if self._left:
            # Nobody reads it; this is what the log says, as nginx's does.
            self._handler.set_status(499, "Client Closed Request")
        else:
            self._finish(failure)

    def caller_left(self) -> None:
        """End the call to Coze, unless the answer is complete already."""
        if not self._stream.ended:
            self._left = True
            self._settle()

    async def _read(self, upstream: UpstreamStream) -> None:
        try:
            await upstream.wait()
        except ServiceError as error:
            # Once there is a stream, the chat has begun, whether or not an event has come of it.
            error.accepted = upstream.is_stream
            self._stream.fail(error)
        except Exception as error:
            if self._settled.done():
                logger.exception("unhandled error after the end of an answer")
            # run() raises it, in the caller's request.
            self._crash = error
        else:
            self._write(self._stream.receive_eof())
        self._settle()

    def _data_received(self, data: bytes) -> None:
        if self._left:
            return
        if self._upstream and self._upstream.logid:
            self._stream.info.setdefault("logid", self._upstream.logid)
        out = self._stream.receive_data(data)
        if self._stream.error and not self._started:
            # Text that came together with a failure is not sent: the status can still tell all.
            out = b""
        self._write(out)
        if self._stream.error or self._stream.ended:
            self._settle()

    def _settle(self) -> None:
        if not self._settled.done():
            self._settled.set_result(None)

    def _write(self, out: bytes) -> None:
        if out:
            self._out.append(out)
            # The end of an answer is left to _finish, which sends it in one go with the body's.
            if self._streaming and not self._flushing and not self._stream.ended:
                self._flush()

    def _flush(self) -> None:
        self._start()
        self._handler.write(b"".join(self._out))
        self._out.clear()
        flush = self._handler.flush()
        if not flush.done() and self._upstream:
            self._flushing = True
            self._upstream.pause()
            flush.add_done_callback(self._flushed)

    def _flushed(self, flush: "asyncio.Future[None]") -> None:
        self._flushing = False
        if flush.exception():
            return  # the caller has left, which caller_left() is told
        if self._out and not self._settled.done():
            self._flush()
        elif self._upstream:
            self._upstream.resume()

    def _start(self) -> None:
        if self._started:
            return
        handler = self._handler
        for name, header in (("conversation_id", "X-Conversation-Id"), ("logid", "X-Coze-Logid")):
            if name in self._stream.info:
                handler.set_header(header, self._stream.info[name])
        if self._streaming:
            handler.set_header("Content-Type", "text/event-stream; charset=utf-8")
            handler.set_header("Cache-Control", "no-cache")
            # nginx would hold tokens back until its buffer is full.
            handler.set_header("X-Accel-Buffering", "no")
            # The kernel would hold a token back until the one before it is acknowledged, for some
            # 40 ms: Tornado turns that off only at the end of an answer.
            cast("HTTP1Connection", handler.request.connection).stream.set_nodelay(True)
        # Last: until here a failure can still become a status.
        self._started = True

    def _finish(self, failure: Exception | None) -> None:
        if failure and not self._started:
            raise failure
        self._start()
        if failure:
            told = self._told(failure)
            log_failure(self._handler, told)
            self._out.append(error_frame(told))
        self._handler.finish(b"".join(self._out))

    def _told(self, failure: Exception) -> ServiceError:
        if isinstance(failure, ServiceError):
            return failure
        logger.error("unhandled error in a stream", exc_info=failure)
        return InternalError()
