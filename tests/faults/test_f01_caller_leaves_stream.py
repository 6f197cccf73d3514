"""F1: the caller leaves in the middle of a stream.

What Coze sends to nobody is paid for, so its call is ended at once and the chat cancelled.
"""

import asyncio
import logging
from functools import partial

import pytest

from tests.faults.answers import (
    PROMPTLY,
    Flood,
    asked,
    cancelled,
    fine,
    half,
    median,
    taking,
)
from tests.faults.raw_caller import request
from tests.faults.raw_upstream import CANCEL
from tests.faults.waiting import eventually
from tests.service.asking import body, text_part
from tests.support import coze
from tests.support.files import PNG, data_url

pytestmark = pytest.mark.gen_test(timeout=30)

PICTURE = {"type": "image_url", "image_url": {"url": data_url(PNG)}}


@pytest.fixture(params=["close", "reset", "end"])
def leave(request):
    """With a FIN, with an RST, or with a FIN of a caller that would still listen.

    The last is a leave as well: nothing tells it from the first until something is sent.
    """

    async def leave(caller):
        left = getattr(caller, request.param)()
        if left is not None:
            await left

    return leave


@pytest.fixture
def lines(caplog):
    """What the service has logged at INFO or above, without requests that were answered."""

    def lines():
        ours = [r for r in caplog.records if r.name.startswith(("cozeproxy", "tornado"))]
        return [r for r in ours if not r.getMessage().startswith("200")]

    return lines


@pytest.mark.usefixtures("engine")
async def test_call_is_ended_and_the_chat_cancelled_once(dial, upstream, service, leave, lines):
    caller, call = await half(dial, upstream)
    await leave(caller)
    await call.left()
    await cancelled(upstream)
    await fine(dial, upstream)
    assert upstream.waiting() == 0
    (line,) = lines()
    assert line.levelno == logging.INFO
    assert line.getMessage().startswith("499 POST /v1/chat/completions")
    await eventually(lambda: not service._background)


async def test_silent_call_is_ended_promptly(dial, upstream, leave):
    times = []
    for _ in range(5):
        caller, call = await half(dial, upstream)
        with taking(times):
            await leave(caller)
            await call.left()
        await cancelled(upstream)
    assert median(times) < PROMPTLY


async def test_call_is_ended_promptly_while_it_floods(dial, upstream, leave):
    times = []
    for _ in range(5):
        caller, call = await half(dial, upstream)
        flood = Flood(call)
        await caller.until(b"xxx")
        with taking(times):
            await leave(caller)
            await call.left()
        await cancelled(upstream)
        flood.stop()
    assert median(times) < PROMPTLY


async def test_call_is_ended_promptly_while_the_caller_takes_nothing(dial, upstream, leave):
    times = []
    for _ in range(3):
        caller = await dial(receive_buffer=4096)
        await caller.send(request(body("7", stream=True)))
        call = await upstream.called()
        await call.start(coze.CREATED)
        flood = Flood(call)
        await flood.stuck()
        with taking(times):
            await leave(caller)
            await call.left()
        await cancelled(upstream)
        flood.stop()
    assert median(times) < PROMPTLY


async def test_chat_that_has_ended_is_not_cancelled(dial, upstream, leave):
    caller, call = await half(dial, upstream)
    await call.say(coze.completed("Half of "), coze.FINISH_MARKER)
    await caller.rest()
    await leave(caller)
    await fine(dial, upstream)
    assert upstream.waiting(CANCEL) == 0
    await call.end(coze.END)


async def test_chat_that_was_never_named_is_not_cancelled(dial, upstream, leave):
    caller, call = await asked(dial, upstream)
    await call.start(coze.delta("Half of "))
    await caller.head()
    await caller.until(b"Half of ")
    await leave(caller)
    await call.left()
    await fine(dial, upstream)
    assert upstream.waiting(CANCEL) == 0


class TestCancelThatFails:
    """Nobody waits for a cancel, and so nothing may wait for it."""

    @pytest.fixture
    def upstream(self, upstream):
        upstream.answers_cancels = False
        return upstream

    async def test_cancel_that_is_refused_is_left_at_that(self, dial, upstream, lines):
        caller, _ = await half(dial, upstream)
        caller.reset()
        cancel = await upstream.called(CANCEL)
        await cancel.reply({"code": 4104, "msg": "it has ended"})
        await eventually(lambda: len(lines()) == 2)
        assert {line.levelno for line in lines()} == {logging.INFO}
        await fine(dial, upstream)
        assert upstream.waiting() == 0

    async def test_cancel_that_breaks_off_is_left_at_that(self, dial, upstream, lines):
        caller, _ = await half(dial, upstream)
        caller.reset()
        (await upstream.called(CANCEL)).reset()
        await eventually(lambda: len(lines()) == 2)
        await fine(dial, upstream)
        assert upstream.waiting() == 0

    async def test_coze_that_is_gone_is_left_at_that(self, dial, upstream, lines):
        caller, call = await half(dial, upstream)
        await upstream.refuse()
        caller.reset()
        await call.left()
        await eventually(lambda: len(lines()) == 2)
        assert {line.levelno for line in lines()} == {logging.INFO}

    async def test_cancels_that_hang_delay_nothing(self, dial, upstream):
        # More than there are places for cancels and other short calls.
        for _ in range(80):
            caller, _ = await half(dial, upstream)
            caller.reset()
        await upstream.called(CANCEL)
        times = []
        for _ in range(5):
            with taking(times):
                await fine(dial, upstream)
        caller = await dial()
        with taking(times):
            await caller.send(request(body("7", messages=[picture()])))
            upload = await upstream.called("/v1/files/upload")
            await upload.reply({"code": 0, "data": {"id": "77"}})
            await (await upstream.called("/v3/chat")).answer(coze.answer("A dot."))
            await caller.response()
        assert max(times) < 1

    async def test_service_that_stops_does_not_wait_for_a_cancel_that_hangs(
        self, dial_to, upstream, serve
    ):
        process, port = await asyncio.to_thread(serve)
        caller, _ = await half(partial(dial_to, port), upstream)
        caller.reset()
        cancel = await upstream.called(CANCEL)
        times = []
        with taking(times):
            assert await asyncio.to_thread(process.end) == 0
        assert times[0] < 5
        await cancel.left()


def picture():
    return {"role": "user", "content": [text_part(), PICTURE]}
