"""Callers that leave, and callers that read slowly: what becomes of the call to Coze."""

import asyncio
import logging

import pytest

from tests.service.asking import body, to
from tests.support import coze
from tests.support.files import PNG, data_url

pytestmark = pytest.mark.gen_test(timeout=30)

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
        await call.start(coze.answer("Fine"))
        await call.end()
        assert b'"Fine"' in await exchange.rest()
        lines = [r for r in caplog.records if r.name.startswith(("cozeproxy", "tornado"))]
        assert [r.getMessage()[:3] for r in lines] == ["499", "200"]
        assert {r.levelno for r in lines} == {logging.INFO}

    return goes_on


async def test_caller_that_leaves_inside_an_answer_ends_it(connect, raw_coze, leave, goes_on):
    exchange = await connect(body("7", stream=True))
    call = await raw_coze.called()
    await call.start(TEXT)
    await exchange.until("I was about ")
    await leave(exchange)
    await call.left()
    await goes_on()


@pytest.mark.parametrize("said", [None, b"", coze.CREATED], ids=["nothing", "head", "created"])
async def test_caller_that_leaves_before_any_text_ends_the_call(
    connect, raw_coze, leave, goes_on, said
):
    exchange = await connect(body("7", stream=True))
    call = await raw_coze.called()
    if said is not None:
        await call.start(said)
    await leave(exchange)
    await call.left()
    await goes_on()


@pytest.mark.parametrize("said", [None, b"", TEXT], ids=["nothing", "head", "text"])
async def test_caller_that_leaves_a_whole_answer_ends_the_call(
    connect, raw_coze, leave, goes_on, said
):
    exchange = await connect(body("7"))
    call = await raw_coze.called()
    if said is not None:
        await call.start(said)
    await leave(exchange)
    await call.left()
    await goes_on()


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
