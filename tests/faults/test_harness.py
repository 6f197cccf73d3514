"""The raw caller and the scripted upstream, with the service between them."""

import asyncio

import pytest

from tests.faults.raw_caller import request
from tests.service.asking import body
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=15)


async def test_call_is_answered_as_the_script_says(dial, upstream):
    caller = await dial()
    await caller.send(request(body("7", stream=True)))
    call = await upstream.called("/v3/chat")
    assert (call.method, call.json["bot_id"]) == ("POST", "7")
    await call.start(coze.CREATED, coze.delta("Fi"), X_Tt_Logid="2024RAW")
    assert (await caller.head()).headers["x-coze-logid"] == "2024RAW"
    assert b'"Fi"' in await caller.until(b'"Fi"')
    await call.end(coze.delta("ne"), coze.completed("Fine"), coze.FINISH_MARKER, coze.END)
    assert (await caller.rest()).endswith(b"data: [DONE]\n\n")


async def test_call_of_another_path_waits_for_whoever_asks_for_it(dial, upstream):
    callers = [await dial() for _ in range(2)]
    await callers[0].send(request(body("7")))
    first = await upstream.called()
    await callers[1].send(request({"model": "workflow-8", "messages": [{"role": "user"}]}))
    second = await upstream.called("/v1/workflow/stream_run")
    assert upstream.waiting() == 0
    await first.reply({"code": 4028, "msg": "no credit"})
    assert (await callers[0].response()).error["code"] == "insufficient_quota"
    await second.reply(b"<html>", status="500 Oops", kind="text/html")
    assert (await callers[1].response()).status == 502
    assert upstream.accepted == 2


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_connection_ends_as_the_script_says(dial, upstream, how):
    caller = await dial()
    await caller.send(request(body("7", stream=True)))
    call = await upstream.called()
    await call.start(coze.CREATED, coze.delta("Fi"))
    await caller.head()
    await caller.until(b'"Fi"')
    getattr(call, how)()
    assert b'"upstream_error"' in await caller.rest()


async def test_caller_that_leaves_is_seen(dial, upstream):
    caller = await dial()
    await caller.send(request(body("7")))
    call = await upstream.called()
    caller.reset()
    await call.left()


async def test_upstream_that_listens_no_more_is_refused(dial, upstream):
    await upstream.refuse()
    assert (await (await dial()).ask(body("7"))).status == 502


async def test_process_is_in_front_of_the_upstream_too(dial_to, upstream, serve):
    process, port = await asyncio.to_thread(serve)
    caller = await dial_to(port)
    await caller.send(request(body("7")))
    await (await upstream.called()).answer(coze.answer("Fine"))
    assert (await caller.response()).json["choices"][0]["message"]["content"] == "Fine"
    assert await asyncio.to_thread(process.end) == 0
