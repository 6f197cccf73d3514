"""F25: Coze is silent for a long time and right to be. The caller gets signs of life."""

import asyncio
import json

import openai
import pytest

from tests.faults.answers import CHAT, HALF, asked, comments, failure_of, half, taking, text
from tests.faults.raw_caller import request
from tests.service.asking import body, chunks_of, payloads, says, text_of, text_part, to
from tests.support import coze, sdk
from tests.support.files import PNG, data_url
from tests.upstream.keys import OAUTH

pytestmark = pytest.mark.gen_test(timeout=15)

BEAT = b": still working\n\n"
PICTURE = says([text_part(), {"type": "image_url", "image_url": {"url": data_url(PNG)}}])


@pytest.fixture
def environment():
    return {"HEARTBEAT_SECONDS": "0.05"}


@pytest.fixture
def asker(io_loop, port):
    asker = sdk.asynchronous(base_url=f"http://127.0.0.1:{port}/v1", api_key="any-string")
    yield asker
    io_loop.run_sync(asker.close)


@pytest.mark.usefixtures("engine")
async def test_silent_stream_gets_comments_at_intervals(dial, upstream):
    caller, call = await half(dial, upstream)
    times = []
    for _ in range(4):
        with taking(times):
            assert await caller.piece() == BEAT
    assert sum(times) > 0.1
    await call.end(coze.delta("it"), coze.FINISH_MARKER, coze.END)
    assert text(await caller.rest()) == "it"


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    "said", [None, b"", b": hi\n\n", coze.CREATED], ids=["nothing", "head", "comment", "chat"]
)
async def test_first_one_is_the_beginning_of_the_answer(dial, upstream, said):
    caller, call = await asked(dial, upstream)
    if said is not None:
        await call.start(said)
    head = await caller.head()
    assert head.status == 200
    assert head.headers["content-type"].startswith("text/event-stream")
    (first,) = payloads(await caller.piece())
    assert json.loads(first)["choices"][0]["delta"]["role"] == "assistant"
    assert await caller.piece() == BEAT
    if said is None:
        await call.start()
    await call.end(coze.answer("Fine"))
    raw = await caller.rest()
    assert text(raw) == "Fine"
    # The role is said once.
    assert b'"role"' not in raw


@pytest.mark.parametrize(
    ("fails", "code"),
    [
        ({"code": 4028, "msg": "no credit"}, "insufficient_quota"),
        (b"<html>", "upstream_error"),
        (None, "upstream_error"),
    ],
    ids=["refused", "html", "closed"],
)
async def test_failure_after_it_is_an_error_frame(dial, upstream, fails, code):
    caller, call = await asked(dial, upstream)
    assert (await caller.head()).status == 200
    if fails is None:
        call.close()
    else:
        await call.reply(fails)
    assert failure_of(await caller.rest(), said="")["code"] == code
    assert upstream.waiting() == 0


class TestFlow:
    @pytest.fixture
    def environment(self):
        return {"HEARTBEAT_SECONDS": "0.5"}

    async def test_text_that_flows_needs_none(self, dial, upstream):
        caller, call = await half(dial, upstream)
        for _ in range(20):
            await call.say(coze.delta("x"))
            assert b'"x"' in await caller.piece()
            await asyncio.sleep(0.04)
        await call.end(coze.FINISH_MARKER, coze.END)
        assert comments(await caller.rest()) == 0


async def test_what_coze_sends_for_itself_is_no_sign_of_life(dial, upstream):
    caller, call = await half(dial, upstream)

    async def ping():
        while True:
            await call.say(b": ping\n\n", coze.event("ping", "{}"))
            await asyncio.sleep(0.01)

    pinging = asyncio.create_task(ping())
    for _ in range(3):
        assert await caller.piece() == BEAT
    pinging.cancel()


async def test_whole_answers_get_none(dial, upstream):
    caller, call = await asked(dial, upstream, stream=False)
    await call.start(HALF)
    await asyncio.sleep(0.2)
    await call.end(coze.completed("Half of it"), coze.END)
    response = await caller.response()
    assert response.status == 200
    assert comments(response.body) == 0


class TestIdleTimeout:
    @pytest.fixture
    def environment(self):
        return {"HEARTBEAT_SECONDS": "0.05", "UPSTREAM_IDLE_TIMEOUT": "0.3"}

    async def test_signs_of_life_are_none_of_cozes(self, dial, upstream):
        caller, call = await half(dial, upstream)
        raw = await caller.rest()
        assert comments(raw) >= 2
        assert failure_of(raw)["code"] == "upstream_timeout"
        await call.left()


async def test_slow_upload_gets_them(dial, upstream):
    caller = await dial()
    await caller.send(request(body("7", messages=[PICTURE], stream=True)))
    upload = await upstream.called("/v1/files/upload")
    assert (await caller.head()).status == 200
    await caller.until(BEAT)
    await upload.reply({"code": 0, "data": {"id": "77"}})
    await (await upstream.called(CHAT)).answer(coze.answer("A dot."))
    assert text(await caller.rest()) == "A dot."


async def test_upload_that_fails_after_them_is_an_error_frame(dial, upstream):
    caller = await dial()
    await caller.send(request(body("7", messages=[PICTURE], stream=True)))
    upload = await upstream.called("/v1/files/upload")
    assert (await caller.head()).status == 200
    await upload.reply({"code": 4302, "msg": "too large"})
    assert failure_of(await caller.rest(), said="")["code"] == "file_too_large"
    assert upstream.waiting() == 0


class TestSlowToken:
    @pytest.fixture
    def environment(self, environment):
        return {
            **environment,
            **OAUTH,
        }

    async def test_slow_token_gets_them(self, dial, upstream):
        caller = await dial()
        await caller.send(request(body("7", stream=True)))
        exchange = await upstream.called("/api/permission/oauth2/token")
        assert (await caller.head()).status == 200
        await caller.until(BEAT)
        await exchange.reply({"access_token": "czs_1", "expires_in": 2**31})
        await (await upstream.called(CHAT)).answer(coze.answer("Fine"))
        assert text(await caller.rest()) == "Fine"


async def test_sdk_does_not_see_them(asker, upstream):
    asking = asyncio.create_task(asker.chat.completions.create(**to("7", stream=True)))
    call = await upstream.called(CHAT)
    stream = await asking
    reading = asyncio.create_task(chunks_of(stream))
    await asyncio.sleep(0.15)
    await call.start(HALF)
    await asyncio.sleep(0.15)
    await call.end(coze.delta("it"), coze.FINISH_MARKER, coze.END)
    chunks = await reading
    assert text_of(chunks) == "Half of it"
    assert [c.choices[0].delta.role for c in chunks].count("assistant") == 1
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_sdk_raises_after_them(asker, upstream):
    asking = asyncio.create_task(asker.chat.completions.create(**to("7", stream=True)))
    call = await upstream.called(CHAT)
    stream = await asking
    await call.reply({"code": 4028, "msg": "no credit"})
    with pytest.raises(openai.APIError) as caught:
        await chunks_of(stream)
    assert caught.value.code == "insufficient_quota"
