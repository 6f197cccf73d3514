"""Taking requests in: the head first, then the body as it comes; refusing at any moment."""

import asyncio
import sys
from collections.abc import Callable
from typing import cast

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream
from tornado.web import Application, RequestHandler, stream_request_body

from cozeproxy.errors import ServiceError, StoppingError
from cozeproxy.handlers.bodies import LITTLE, Body, announced, check_head
from cozeproxy.handlers.context import Context
from cozeproxy.handlers.watch import until_taken

# For how long what a caller goes on sending is read past after it has been refused: closed at once,
# the connection would be reset, and the caller might never see why. As long as nginx's.
LINGER_SECONDS = 30.0


@stream_request_body
class ReceivingHandler(RequestHandler):
    """Takes bodies piece by piece, so that what is refused is not read first.

    Attributes:
        context: what the handlers of a service share.
        body: of the request, whole by the time that post() or another method is called.
        prepared: the head has been looked at. What Tornado refuses before, it does not read on.
    """

    # Whether the endpoint has a use for a body. What is sent to others is read past.
    takes_body = False

    def __init__(
        self, application: Application, request: HTTPServerRequest, *, context: Context
    ) -> None:
        # Not in initialize(), as the default headers, which depend on the settings, come before it.
        self.context = context
        limit = context.settings.max_body_bytes if self.takes_body else LITTLE
        self.body = Body(context.load, limit)
        self.prepared = False
        # Why the request is refused, while its body may still be coming.
        self._refusal: ServiceError | None = None
        self._came = 0
        # Ends the connection where the body takes too long: Tornado's own way costs three turns
        # of the loop for each request.
        self._late: asyncio.TimerHandle | None = None
        # Runs while what still comes is read past, after the answer.
        self._lingering: asyncio.TimerHandle | None = None
        # Runs while the caller has not taken all of the answer.
        self._taking: asyncio.Task[None] | None = None
        super().__init__(application, request)

    def admit(self) -> None:
        """Refuse, as a ServiceError, what the head shows that is not to be served."""

    def describe(self, error: ServiceError) -> bytes:
        """Set the status and headers of an error, and give the body for it."""
        raise NotImplementedError

    def leave(self) -> None:
        """Note that nobody waits for an answer any more. May be called again."""
        self.context.load.close(self)
        self.release()

    def release(self) -> None:
        """Give back what the request has taken of what all share. May be called again."""
        self.body.drop()
        self._end_wait()

    def prepare(self) -> None:
        """Look at the head, before the body is read."""
        self.prepared = True
        if not self._connection.stream.closed():  # as it is where the caller has left already
            self.context.load.open(self)
        headers = self.request.headers
        if "Content-Length" in headers or "Transfer-Encoding" in headers:
            # The limit is ours: Tornado's own answer to what goes beyond has no body.
            self._connection.set_max_body_size(sys.maxsize)
            seconds = self.context.settings.body_timeout
            self._late = asyncio.get_running_loop().call_later(seconds, self._connection.close)
        try:
            check_head(headers)
            # First, as what is not to be served is not to be sent at any length.
            self.admit()
            self.body.check(announced(headers))
        except ServiceError as error:
            self._refuse(error)

    def be_last(self) -> IOStream:
        """Tell the caller that no other request will be answered on this connection."""
        # Without effect where the head of the answer is out already.
        self.set_header("Connection", "close")
        return self._connection.stream

    def give_up(self) -> None:
        """Refuse the request, as the service stops, if its body is still coming."""
        if self._finished or self.body.taken or not self.takes_body:
            return
        if self._refusal is None:
            self._refuse(StoppingError())
        self._answer_early()

    def data_received(self, chunk: bytes) -> None:
        """Take a piece of the body."""
        self._came += len(chunk)
        if self._refusal is None:
            try:
                self.body.receive(chunk)
            except ServiceError as error:
                self._refuse(error)
                self._answer_early()
        elif self._came > LITTLE:
            self._answer_early()

    def on_finish(self) -> None:
        """Note that the request has been answered."""
        self.body.drop()
        self._end_wait()
        if self._lingering:
            self._lingering.cancel()
        stream = self._connection.stream
        is_last = self._lingering is not None or self.context.load.leaving
        if stream.closed() or not (is_last or stream.writing()):
            self.leave()
        else:
            # Resolved when all that was written before is out: until then the caller waits for it.
            rest = stream.write(b"")
            stall = self.context.settings.caller_stall_timeout
            self._taking = asyncio.create_task(until_taken(rest, stream, stall))
            self._taking.add_done_callback(self._written)

    def on_connection_close(self) -> None:
        """Note that the caller has left."""
        super().on_connection_close()
        self.leave()
        if self._lingering and not self._finished:
            self.finish()

    async def taken(self) -> None:
        """Wait until the caller has all of the answer, which has been given, or is gone."""
        if self._taking:
            await self._taking

    def take_body(self) -> list[bytes]:
        """Give the body, which has come."""
        self._end_wait()
        pieces = self.body.take()
        if self._connection.stream.closed():
            # Tornado tells of callers that leave before the end of the body, or after it, and not
            # of those whose end of the connection comes together with it.
            self.on_connection_close()
        return pieces

    @property
    def _connection(self) -> HTTP1Connection:
        return cast("HTTP1Connection", self.request.connection)

    def _written(self, _: object) -> None:
        self.leave()
        if self._lingering or self.context.load.leaving:
            self._connection.stream.close()

    def _end_wait(self) -> None:
        if self._late:
            self._late.cancel()
            self._late = None

    def _refuse(self, error: ServiceError) -> None:
        """Answer with an error: if the body is short, after it, so that the connection goes on."""
        self._refusal = error
        self.body.drop()

        def refuse(*_path: str) -> None:
            raise error

        self._serve_with(refuse)
        if announced(self.request.headers) > LITTLE or self._waits_to_be_asked:
            self._answer_early()

    def _answer_early(self) -> None:
        """Answer while the body is coming, and read past what still comes."""
        if self._lingering or self._refusal is None:
            return
        self.clear()
        told = self.describe(self._refusal)
        self.set_header("Connection", "close")
        self.set_header("Content-Length", len(told))
        self.write(told)
        self.flush()
        # Not leave(): a stop waits for it, or the connection would be reset nevertheless.
        self.release()
        if self._waits_to_be_asked:
            self.finish()
            return
        self._serve_with(lambda *_path: self.finish())
        self._lingering = asyncio.get_running_loop().call_later(LINGER_SECONDS, self.finish)

    @property
    def _waits_to_be_asked(self) -> bool:
        """Whether the caller sends the body only when it is told to."""
        return not self._came and self.request.headers.get("Expect") == "100-continue"

    def _serve_with(self, method: Callable[..., object]) -> None:
        """Put something in the place of post() and so on, which wait for the end of the body."""
        setattr(self, (self.request.method or "").lower(), method)
