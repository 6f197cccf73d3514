"""Callers that leave, and callers that read slowly: what becomes of the call to Coze."""

import asyncio
import json
import logging

import pytest

from tests.service.asking import body, to
from tests.support import coze
from tests.support.files import PNG, data_url

pytestmark = [pytest.mark.gen_test(timeout=30), pytest.mark.usefixtures("engine")]

TEXT = coze.CREATED + coze.delta("I was about ")
BLOCK = coze.delta("x" * 2**16)
BLOCKS = 800
# What the system's buffers can hold of an answer, on both of its ways, and some more.
MOST_HELD = 32 * 2**20


@pytest.fixture
def environment(raw_coze):
    return {"COZE_BASE_URL": raw_coze.base_url}


@pytest.fixture(params=["closed", "reset"])
def leave(request):
    async def close(exchange):
        await exchange.close()

    async def reset(exchange):
        exchange.reset()

    return close if request.param == "closed" else reset


@pytest.fixture
def goes_on(connect, raw_coze, caplog):
    """Show that the service is as before, and that it wrote one line about who has left."""

    async def goes_on():
        exchange = await connect(body("7"))
        call = await raw_coze.called()
        assert call.path == "/v3/chat"
        await call.start(coze.answer("Fine"))
        await call.end()
        assert b'"Fine"' in await exchange.rest()
        ours = [r for r in caplog.records if r.name.startswith(("cozeproxy", "tornado"))]
        lines = [r for r in ours if "/health" not in r.getMessage()]
        assert [r.getMessage()[:3] for r in lines] == ["499", "200"]
        assert {r.levelno for r in lines} == {logging.INFO}

    return goes_on


@pytest.fixture
def cancels(raw_coze):
    """Show that the chat is cancelled at Coze."""

    async def cancels():
        cancel = await raw_coze.called()
        assert cancel.path == "/v3/chat/cancel"
        assert json.loads(cancel.body) == {"conversation_id": "72", "chat_id": "71"}
        await cancel.reply(code=0, data={}, msg="")

    return cancels


@pytest.fixture
def turns(post):
    """Let everything happen that can: several round trips."""

    async def turns():
        for _ in range(5):
            await post(None, "/health", "GET")

    return turns


async def test_caller_that_leaves_inside_an_answer_ends_it(
    connect, raw_coze, leave, cancels, goes_on
):
    exchange = await connect(body("7", stream=True))
    call = await raw_coze.called()
    await call.start(TEXT)
    await exchange.until("I was about ")
    await leave(exchange)
    await call.left()
    await cancels()
    await goes_on()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("said", [None, b""], ids=["nothing", "head"])
async def test_caller_that_leaves_before_there_is_a_chat_ends_the_call(
    connect, raw_coze, leave, goes_on, said, stream
):
    exchange = await connect(body("7", stream=stream))
    call = await raw_coze.called()
    if said is not None:
        await call.start(said)
    await leave(exchange)
    await call.left()
    # The next call is that of the next request: there is nothing to cancel.
    await goes_on()


@pytest.mark.parametrize(
    ("stream", "said"), [(True, coze.CREATED), (False, coze.CREATED), (False, TEXT)]
)
async def test_caller_that_leaves_before_anything_was_sent_ends_the_chat(
    connect, raw_coze, turns, leave, cancels, goes_on, stream, said
):
    exchange = await connect(body("7", stream=stream))
    call = await raw_coze.called()
    await call.start(said)
    await turns()
    await leave(exchange)
    await call.left()
    await cancels()
    await goes_on()


async def test_chat_that_cannot_be_cancelled_is_left_alone(connect, raw_coze, leave, caplog):
    exchange = await connect(body("7", stream=True))
    call = await raw_coze.called()
    await call.start(TEXT)
    await exchange.until("I was about ")
    await leave(exchange)
    cancel = await raw_coze.called()
    await cancel.reply(code=4104, msg="cannot be cancelled")
    again = await connect(body("7"))
    call = await raw_coze.called()
    assert call.path == "/v3/chat"
    await call.start(coze.answer("Fine"))
    await call.end()
    await again.rest()
    assert {r.levelno for r in caplog.records if r.name.startswith("cozeproxy")} == {logging.INFO}


async def test_answer_that_has_ended_is_not_cancelled(connect, raw_coze, turns):
    exchange = await connect(body("7", stream=True))
    call = await raw_coze.called()
    await call.start(coze.CREATED, coze.delta("Yes"), coze.FINISH_MARKER)
    await exchange.rest()
    await exchange.close()
    await turns()
    again = await connect(body("7"))
    other = await raw_coze.called()
    assert other.path == "/v3/chat"
    await other.start(coze.answer("Fine"))
    await other.end()
    await again.rest()


async def test_caller_that_leaves_during_an_upload_asks_nothing(connect, raw_coze, leave, goes_on):
    picture = {"type": "image_url", "image_url": {"url": data_url(PNG)}}
    exchange = await connect(body("7", [{"type": "text", "text": "What?"}, picture]))
    upload = await raw_coze.called()
    assert upload.path == "/v1/files/upload"
    await leave(exchange)
    await upload.reply(code=0, data={"id": "77"}, msg="")
    # The next call is that of the next request.
    await goes_on()


async def test_sdk_that_closes_its_stream_ends_the_answer(caller, raw_coze):
    asking = asyncio.create_task(caller.chat.completions.create(**to("7", stream=True)))
    call = await raw_coze.called()
    await call.start(TEXT)
    async with await asking as stream:
        await anext(stream)
    await call.left()


async def test_blocking_sdk_that_closes_its_stream_ends_the_answer(
    sync_caller, in_thread, raw_coze
):
    def ask():
        with sync_caller.chat.completions.create(**to("7", stream=True)) as stream:
            return next(stream)

    asking = asyncio.create_task(in_thread(ask))
    call = await raw_coze.called()
    await call.start(TEXT)
    await call.left()
    await asking


@pytest.mark.parametrize("stream", [False, True])
async def test_sdk_whose_task_is_cancelled_ends_the_call(caller, raw_coze, stream):
    asking = asyncio.create_task(caller.chat.completions.create(**to("7", stream=stream)))
    call = await raw_coze.called()
    asking.cancel()
    await call.left()


class Flood:
    """An answer that is far larger than what any buffer holds."""

    def __init__(self, call):
        self.sent = 0
        self._call = call

    async def run(self):
        for _ in range(BLOCKS):
            await self._call.say(BLOCK)
            self.sent += len(BLOCK)
        await self._call.say(coze.FINISH_MARKER, coze.END)
        await self._call.end()

    async def stuck(self, post):
        """Wait until nothing more is sent, however often the loop turns."""
        before = -1
        while self.sent != before:
            before = self.sent
            for _ in range(20):
                await post(None, "/health", "GET")


@pytest.fixture
def flooded(connect, raw_coze, post):
    """A caller that does not read, and the flood that waits for it."""

    async def flooded():
        exchange = await connect(body("7", stream=True), receive_buffer=4096)
        call = await raw_coze.called()
        await call.start(coze.CREATED)
        flood = Flood(call)
        flooding = asyncio.create_task(flood.run())
        await flood.stuck(post)
        assert 0 < flood.sent < MOST_HELD < BLOCKS * len(BLOCK)
        return exchange, call, flooding

    return flooded


async def test_caller_that_does_not_read_holds_coze_back_and_loses_nothing(flooded):
    exchange, _, flooding = await flooded()
    raw = await exchange.rest()
    assert raw.count(b"x" * 2**16) == BLOCKS
    assert raw.endswith(b"data: [DONE]\n\n")
    await flooding


async def test_caller_that_does_not_read_and_leaves_ends_the_answer(flooded, leave):
    exchange, call, flooding = await flooded()
    await leave(exchange)
    await call.left()
    flooding.cancel()


async def test_caller_that_does_not_read_does_not_hold_others_up(flooded, connect, raw_coze):
    _, _, flooding = await flooded()
    other = await connect(body("7"))
    call = await raw_coze.called()
    await call.start(coze.answer("Fine"))
    await call.end()
    assert b'"Fine"' in await other.rest()
    flooding.cancel()
