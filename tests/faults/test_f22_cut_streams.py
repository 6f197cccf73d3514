"""F22: Coze's stream ends before the answer does, at whatever byte."""

import pytest

from tests.faults.answers import (
    HALF,
    SAID,
    asked,
    failure_of,
    fine,
    half,
    text,
    turns,
)
from tests.faults.raw_caller import request
from tests.faults.raw_upstream import CANCEL
from tests.service.asking import body
from tests.support import coze

pytestmark = [pytest.mark.gen_test(timeout=60), pytest.mark.usefixtures("engine")]

ANSWER = coze.answer("Fine, ", "一切顺利")
SPOKEN = "Fine, 一切顺利"
# Where a streamed answer has ended, and where one has that waits for the tokens used.
STREAMED_END = ANSWER.index(coze.FINISH_MARKER) + len(coze.FINISH_MARKER)
WHOLE_END = ANSWER.index(coze.COMPLETED) + len(coze.COMPLETED)
# Every byte would take too long for what it adds.
STEP = 5


async def ended(call):
    """As if nothing were missing."""
    await call.end()


async def closed(call):
    """Before the last chunk."""
    call.close()


async def cut_inside_a_chunk(call):
    await call.write(b"ff\r\nevent:conversation.mess")
    call.close()


async def cut_inside_the_last_chunk(call):
    await call.write(b"0\r")
    call.close()


WAYS = [ended, closed, cut_inside_a_chunk, cut_inside_the_last_chunk]


@pytest.mark.parametrize("end", WAYS)
async def test_stream_ends_with_an_error_and_nothing_like_success(dial, upstream, end):
    caller, call = await half(dial, upstream)
    await end(call)
    error = failure_of(await caller.rest())
    assert (error["type"], error["code"]) == ("server_error", "upstream_error")
    await fine(dial, upstream)
    # Coze has ended the call by itself.
    assert upstream.waiting(CANCEL) == 0


@pytest.mark.parametrize("end", WAYS)
async def test_whole_answer_is_a_502_that_must_not_be_resent(dial, upstream, end):
    caller, call = await asked(dial, upstream, stream=False)
    await call.start(HALF)
    await end(call)
    response = await caller.response()
    assert (response.status, response.headers["x-should-retry"]) == (502, "false")
    assert SAID not in response.body.decode()


@pytest.mark.parametrize("end", [ended, closed])
async def test_stream_that_may_end_at_any_byte_succeeds_only_if_the_answer_is_there(
    dial, upstream, end
):
    for size in range(0, len(ANSWER), STEP):
        caller, call = await asked(dial, upstream)
        await call.start(ANSWER[:size])
        await end(call)
        response = await caller.response()
        if size >= STREAMED_END:
            assert text(response.body) == SPOKEN
        elif response.status == 200:
            failure_of(response.body)
        else:
            assert response.error["code"] == "upstream_error"
            assert response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("end", [ended, closed])
async def test_whole_answer_that_may_end_at_any_byte_succeeds_only_if_it_is_there(
    dial, upstream, end
):
    for size in range(0, len(ANSWER), STEP):
        caller, call = await asked(dial, upstream, stream=False)
        await call.start(ANSWER[:size])
        await end(call)
        response = await caller.response()
        if size >= WHOLE_END:
            assert response.json["choices"][0]["message"]["content"] == SPOKEN
        else:
            assert response.error["code"] == "upstream_error"
            assert response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("model", ["workflow-8", "chatflow-8"])
async def test_every_type_needs_its_end(dial, upstream, model, stream):
    caller = await dial()
    await caller.send(request(body("7", stream=stream) | {"model": model}))
    call = await upstream.called()
    node = coze.event("Message", {"content": SAID, "node_title": "Say", "node_is_finish": True})
    await call.start(node if model == "workflow-8" else HALF)
    if stream:
        assert (await caller.head()).status == 200
        seen = await caller.until(SAID.encode())
    call.close()
    if stream:
        assert failure_of(seen + await caller.rest(), said=SAID)["code"] == "upstream_error"
    else:
        assert (await caller.response()).status == 502


async def test_cut_that_comes_after_the_end_changes_nothing(dial, upstream):
    caller, call = await half(dial, upstream)
    await call.say(coze.delta("it"), coze.FINISH_MARKER)
    assert text(await caller.rest()) == "it"
    call.close()
    await turns(dial)
    await fine(dial, upstream)
    assert upstream.waiting() == 0
