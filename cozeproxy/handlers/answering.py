"""What the endpoints have in common whose answers are relayed as Coze gives them."""

import asyncio
from collections.abc import Callable, Iterator
from typing import TypeVar

from cozeproxy.handlers.asking import AskingHandler
from cozeproxy.handlers.reading import LARGE
from cozeproxy.handlers.relay import Relay
from cozeproxy.protocol.plan import Plan
from cozeproxy.protocol.request import Call
from cozeproxy.protocol.stream import Translation
from cozeproxy.upstream.account import Account

T = TypeVar("T")


class AnsweringHandler(AskingHandler):
    """Answers with Coze's answer, streamed and not: always one streamed call to Coze."""

    async def answer(
        self,
        plan: Plan,
        account: Account,
        translate: Callable[[bool], Translation],
        *,
        streaming: bool,
    ) -> None:
        """Ask what is planned, and give the caller what comes of it.

        Args:
            plan: how the request is served.
            account: Coze as its end user sees it.
            translate: makes the translation of an answer; told whether its beginning has been sent.
            streaming: whether the caller wants the answer as it comes.

        Raises:
            ServiceError: it failed before anything was sent, so that a status can say so.
        """
        times = self.context.run_times if plan.is_run else self.context.chat_times
        self._count(plan)
        await self.give(Relay(self, translate, times, streaming=streaming), plan, account)

    async def beside(self, work: Callable[[], T]) -> T:
        """Do what takes as long as the body is large: beside the loop, if it is a large one."""
        if self.body.size < LARGE:
            return work()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.context.aside, work)

    def tell(self, plan: Plan, model: str, *, streaming: bool) -> None:
        """Put into the record what is asked."""
        record = self.record
        record.model, record.kind = model, plan.kind
        record.bot, record.workflow = plan.bot_id, plan.workflow_id
        if streaming:
            record.stream_begins()

    def note_plan(self, plan: Plan, ignored: list[str]) -> None:
        """Tell the caller what was done with its request, and what has no effect."""
        notes = dict(plan.notes)
        if ignored:
            notes["Ignored"] = ", ".join(filter(None, [*ignored, notes.get("Ignored")]))
        self.note(notes)

    def _count(self, plan: Plan) -> None:
        """Let the plan, once the call is made, keep that and nothing else that may be large.

        An answer may take minutes; texts and files are not to be in memory as long.
        """
        make = plan.call

        def call(ids: Iterator[str]) -> Call:
            made = make(ids)
            self.body.become(len(made.body))
            plan.call, plan.attachments = (lambda _: made), ()
            return made

        plan.call = call
