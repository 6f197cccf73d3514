"""F26: Coze says in the middle of an answer that it has failed."""

import pytest

from tests.faults.answers import HALF, SAID, asked, failure_of, fine, half
from tests.faults.raw_caller import request
from tests.service.asking import body
from tests.support import coze

pytestmark = [pytest.mark.gen_test(timeout=15), pytest.mark.usefixtures("engine")]

# What Coze says, and the status and the code that it means.
FAILURES = {
    "failed": (
        coze.chat("failed", last_error={"code": 5000, "msg": "event interval error"}),
        (502, "upstream_error"),
    ),
    "failed_with_usage": (
        coze.chat("failed", last_error={"code": 4011, "msg": "no credit"}, usage=coze.USAGE),
        (429, "insufficient_quota"),
    ),
    "failed_in_text": (
        coze.event("conversation.chat.failed", {"code": "720702204", "msg": "gone"}),
        (404, "not_found"),
    ),
    "failed_and_done": (
        coze.chat("failed", last_error={"code": 4028, "msg": "quota"}) + coze.DONE,
        (429, "insufficient_quota"),
    ),
    "error": (
        coze.event("error", {"code": 4013, "msg": "slow down"}),
        (429, "rate_limit_exceeded"),
    ),
    "error_in_text": (coze.event("error", "internal error"), (502, "upstream_error")),
    "error_that_says_nothing": (coze.event("error", ""), (502, "upstream_error")),
    "unnamed": (b'data:{"code":4028,"msg":"quota"}\n\n', (429, "insufficient_quota")),
    "canceled": (coze.chat("canceled") + coze.DONE, (502, "upstream_error")),
    "cancelled": (coze.chat("cancelled") + coze.DONE, (502, "upstream_error")),
}


@pytest.mark.parametrize(("said", "expected"), FAILURES.values(), ids=FAILURES.keys())
async def test_stream_ends_with_its_error_and_the_call_is_ended(dial, upstream, said, expected):
    caller, call = await half(dial, upstream)
    await call.say(said)
    assert failure_of(await caller.rest())["code"] == expected[1]
    await call.left()
    await fine(dial, upstream)
    # What has ended need not be cancelled.
    assert upstream.waiting() == 0


@pytest.mark.parametrize(("said", "expected"), FAILURES.values(), ids=FAILURES.keys())
async def test_whole_answer_is_a_status_that_must_not_be_resent(dial, upstream, said, expected):
    caller, call = await asked(dial, upstream, stream=False)
    await call.start(HALF, said)
    response = await caller.response()
    assert (response.status, response.error["code"]) == expected
    assert response.headers["x-should-retry"] == "false"
    assert SAID not in response.body.decode()
    await call.left()
    assert upstream.waiting() == 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_workflow_that_fails_is_told_the_same_way(dial, upstream, stream):
    caller = await dial()
    await caller.send(request(body("7", stream=stream) | {"model": "workflow-8"}))
    call = await upstream.called()
    await call.start(coze.event("Message", {"content": SAID, "node_title": "Say"}))
    if stream:
        assert (await caller.head()).status == 200
        seen = await caller.until(SAID.encode())
    await call.say(coze.event("Error", {"error_code": 4028, "error_message": "quota"}))
    if stream:
        error = failure_of(seen + await caller.rest(), said=SAID)
    else:
        response = await caller.response()
        assert (response.status, response.headers["x-should-retry"]) == (429, "false")
        error = response.error
    assert error["code"] == "insufficient_quota"
