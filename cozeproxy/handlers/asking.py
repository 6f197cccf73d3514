"""What the endpoints have in common that take a body to Coze and wait for what becomes of it."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from cozeproxy.errors import StoppingError
from cozeproxy.handlers.api import ApiHandler
from cozeproxy.handlers.reading import LARGE, without_collection
from cozeproxy.handlers.relay import Relay
from cozeproxy.upstream.account import Account
from cozeproxy.upstream.asking import Question, ask

T = TypeVar("T")


class AskingHandler(ApiHandler):
    """Asks Coze: for at most so many at a time, and for each as long as its caller is there."""

    takes_body = True

    # Set while an answer is on its way, piece by piece or whole.
    relay: Relay | None = None
    waiting: asyncio.Task[Any] | None = None
    # Whether the caller has gone, perhaps before there could be an answer.
    gone = False

    def admit(self) -> None:
        """Let the caller in, unless there are as many as there may be."""
        super().admit()
        if self.request.method == "POST":
            self.context.load.check()

    def on_connection_close(self) -> None:
        """End the call to Coze when the caller leaves."""
        super().on_connection_close()
        self.gone = True
        if self.relay:
            self.relay.caller_left()
        if self.waiting:
            self.waiting.cancel()

    def give_up(self) -> None:
        """End the call to Coze, as the service stops, wherever it is."""
        super().give_up()
        if self.relay:
            self.relay.fail(StoppingError())
        if self.waiting:
            self.waiting.cancel()

    async def read_body(self, read: Callable[[list[bytes]], T]) -> T:
        """Make something of the body: beside the loop, if it is a large one."""
        pieces = self.take_body()
        if self.body.size < LARGE:
            return read(pieces)
        return await asyncio.get_running_loop().run_in_executor(
            self.context.aside, without_collection, read, pieces
        )

    async def give(self, relay: Relay, question: Question, account: Account) -> None:
        """Ask Coze, and give the caller its answer as it comes.

        Raises:
            ServiceError: it failed before anything was sent, so that a status can say so.
        """
        context = self.context
        self.relay = relay
        asking = ask(question, account, context.uploader, context.attempts(), relay)
        try:
            await relay.run(asking, account.cancel, context.keep)
        finally:
            # Which has this handler: a circle would be left for the collector.
            self.relay = None

    async def wait_for(self, answer: Coroutine[Any, Any, T]) -> T | None:
        """Wait for an answer that comes whole; None where the caller has gone meanwhile.

        Raises:
            ServiceError: there is none.
        """
        task = asyncio.create_task(answer)
        self.waiting = task
        if self.gone:
            task.cancel()
        await asyncio.wait([task])
        if not self.gone:
            if task.cancelled():
                raise StoppingError
            return task.result()
        if not task.cancelled():
            # It had come, for nobody; how it went is told to somebody, or Python complains.
            task.exception()
        self.tell_nobody()
        return None

    def note(self, notes: Mapping[str, str]) -> None:
        """Tell the caller what was done with its request that it may not expect."""
        for word, value in notes.items():
            self.set_header(f"X-Cozeproxy-{word}", value)

    def note_ignored(self, fields: Sequence[str]) -> None:
        """Tell the caller which fields of its request are without effect."""
        if fields:
            self.note({"Ignored": ", ".join(fields)})

    def tell_nobody(self) -> None:
        """End a request whose caller has gone: this is what the log says, as nginx's does."""
        self.set_status(499, "Client Closed Request")
