"""F23: Coze's connection is reset in the middle of an answer."""

import pytest

from tests.faults.answers import (
    HALF,
    PROMPTLY,
    asked,
    failure_of,
    fine,
    half,
    median,
    taking,
    turns,
)
from tests.support import coze

pytestmark = [pytest.mark.gen_test(timeout=15), pytest.mark.usefixtures("engine")]


async def test_stream_ends_promptly_with_an_error(dial, upstream):
    times = []
    for _ in range(5):
        caller, call = await half(dial, upstream)
        with taking(times):
            call.reset()
            raw = await caller.rest()
        assert failure_of(raw)["code"] == "upstream_error"
    assert median(times) < PROMPTLY
    await fine(dial, upstream)
    assert upstream.waiting() == 0


async def test_text_that_came_just_before_is_not_lost(dial, upstream):
    caller, call = await half(dial, upstream)
    await call.say(coze.delta("it"))
    await caller.until(b'"it"')
    call.reset()
    failure_of(await caller.rest(), said="")


@pytest.mark.parametrize("said", [b"", coze.CREATED, HALF], ids=["head", "chat", "half"])
async def test_whole_answer_is_a_502_promptly_that_must_not_be_resent(dial, upstream, said):
    times = []
    for _ in range(5):
        caller, call = await asked(dial, upstream, stream=False)
        await call.start(said)
        await turns(dial)
        with taking(times):
            call.reset()
            response = await caller.response()
        assert (response.status, response.headers["x-should-retry"]) == (502, "false")
    assert median(times) < PROMPTLY
    await fine(dial, upstream)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_reset_before_any_answer_is_a_502(dial, upstream, stream):
    caller, call = await asked(dial, upstream, stream=stream)
    call.reset()
    response = await caller.response()
    assert (response.status, response.error["code"]) == (502, "upstream_error")
    await fine(dial, upstream)
    assert upstream.waiting() == 0


async def test_half_written_head_is_a_502(dial, upstream):
    caller, call = await asked(dial, upstream)
    await call.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/ev")
    await turns(dial)
    call.reset()
    assert (await caller.response()).status == 502
