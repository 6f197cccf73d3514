"""Failures after text has gone out: an error frame, and nothing that looks like success.

The server in Coze's place says its text, waits until the caller has it, and fails then.
"""

import asyncio
import json

import openai
import pytest

from tests.service.asking import body, chunks_of, error_of, payloads, text_of, to
from tests.support import coze

pytestmark = [pytest.mark.gen_test(timeout=15), pytest.mark.usefixtures("engine")]

TEXT = coze.CREATED + coze.delta("All is ") + coze.delta("well, 一切顺利")
SPOKEN = "All is well, 一切顺利"


@pytest.fixture
def environment(raw_coze):
    return {"COZE_BASE_URL": raw_coze.base_url}


def said(*data):
    """A failure that is said in the stream, which stays open."""

    async def fail(call):
        await call.say(*data)

    return fail


async def ended(call):
    await call.end()


async def closed(call):
    call.close()


async def reset(call):
    call.reset()


async def cut_inside_a_chunk(call):
    await call.write(b"ff\r\nevent:conversation.mess")
    call.close()


FAILURES = {
    "failed_with_last_error": (
        said(coze.chat("failed", last_error={"code": 5000, "msg": "event interval error"})),
        "upstream_error",
        "Coze: event interval error (code 5000, logid 2024RAW)",
    ),
    "failed_with_code_and_msg": (
        said(coze.event("conversation.chat.failed", {"code": 701231, "msg": "error"})),
        "upstream_error",
        "Coze: error (code 701231, logid 2024RAW)",
    ),
    "failed_with_a_code_that_is_text": (
        said(coze.event("conversation.chat.failed", {"code": "720702204", "msg": "gone"})),
        "not_found",
        "Coze: gone (code 720702204, logid 2024RAW)",
    ),
    "failed_and_done": (
        said(coze.chat("failed", last_error={"code": 4028, "msg": "quota"}), coze.DONE),
        "insufficient_quota",
        "Coze: quota (code 4028, logid 2024RAW)",
    ),
    "error_event": (
        said(coze.event("error", {"code": 4013, "msg": "slow down"})),
        "rate_limit_exceeded",
        "Coze: slow down (code 4013, logid 2024RAW)",
    ),
    "canceled": (said(coze.chat("canceled"), coze.DONE), "upstream_error", "cancelled"),
    "end_of_the_body": (ended, "upstream_error", "ended before the answer did"),
    "connection_closed": (closed, "upstream_error", "broke off"),
    "connection_reset": (reset, "upstream_error", "broke off"),
    "cut_inside_a_chunk": (cut_inside_a_chunk, "upstream_error", "broke off"),
    "undecodable": (
        said(coze.event("conversation.message.delta", '{"content":"bro'), coze.END),
        "upstream_error",
        "cannot be decoded",
    ),
    "too_long": (
        said(b"event:conversation.message.delta\ndata:" + b" " * 17 * 2**20),
        "upstream_error",
        "too long",
    ),
}


@pytest.mark.parametrize(("fail", "code", "message"), FAILURES.values(), ids=FAILURES.keys())
async def test_stream_ends_with_an_error_frame_alone(connect, raw_coze, fail, code, message):
    exchange = await connect(body("7", stream=True))
    call = await raw_coze.called()
    await call.start(TEXT)
    await exchange.until("一切顺利")
    failing = asyncio.create_task(fail(call))
    raw = await exchange.rest()
    *chunks, frame = [json.loads(payload) for payload in payloads(raw)]
    assert b"[DONE]" not in raw
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * len(chunks)
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks) == SPOKEN
    assert frame.keys() == {"error"}
    assert frame["error"].keys() == {"message", "type", "param", "code"}
    assert message in frame["error"]["message"]
    assert frame["error"]["code"] == code
    failing.cancel()


async def test_upstream_is_left_at_a_failure(connect, raw_coze):
    exchange = await connect(body("7", stream=True))
    call = await raw_coze.called()
    await call.start(TEXT, coze.chat("canceled"))
    await exchange.rest()
    await call.left()


@pytest.mark.parametrize("fail", [FAILURES["error_event"][0], closed, reset])
async def test_sdk_gives_the_text_and_then_raises(caller, raw_coze, fail):
    asking = asyncio.create_task(caller.chat.completions.create(**to("7", stream=True)))
    call = await raw_coze.called()
    await call.start(TEXT)
    stream = await asking
    chunks = [await anext(stream) for _ in range(3)]
    assert text_of(chunks) == SPOKEN
    await fail(call)
    with pytest.raises(openai.APIError):
        await chunks_of(stream)


async def test_sdks_stream_helper_raises(caller, raw_coze):
    async def helped():
        async with caller.chat.completions.stream(**to("7")) as stream:
            await stream.get_final_completion()

    helping = asyncio.create_task(helped())
    call = await raw_coze.called()
    await call.start(TEXT)
    call.reset()
    with pytest.raises(openai.APIError):
        await helping


@pytest.mark.parametrize("fail", [fail for fail, _, _ in FAILURES.values()], ids=FAILURES.keys())
async def test_whole_answer_fails_with_a_status_whatever_came_before(post, raw_coze, fail):
    asking = asyncio.create_task(post(body("7")))
    call = await raw_coze.called()
    await call.start(TEXT)
    failing = asyncio.create_task(fail(call))
    response = await asking
    assert response.code >= 400
    assert response.headers["X-Should-Retry"] == "false"
    assert "一切顺利" not in response.body.decode()
    failing.cancel()


async def test_text_and_failure_that_come_together_are_a_status(post, raw_coze):
    asking = asyncio.create_task(post(body("7", stream=True)))
    call = await raw_coze.called()
    await call.start(TEXT, coze.event("error", {"code": 4028, "msg": "quota"}))
    response = await asking
    assert response.code == 429
    assert error_of(response)["code"] == "insufficient_quota"
    await call.end()


async def test_failure_after_the_end_changes_nothing(connect, raw_coze):
    exchange = await connect(body("7", stream=True))
    call = await raw_coze.called()
    await call.start(TEXT, coze.FINISH_MARKER)
    raw = await exchange.rest()
    assert payloads(raw)[-1] == "[DONE]"
    call.reset()
    exchange.send(body("7"))
    call = await raw_coze.called()
    await call.start(coze.answer("Fine"))
    await call.end()
    await exchange.head()
    assert b'"Fine"' in await exchange.rest()


async def test_connection_that_is_closed_before_an_answer_is_a_502(post, raw_coze):
    asking = asyncio.create_task(post(body("7")))
    call = await raw_coze.called()
    call.close()
    response = await asking
    assert response.code == 502
    assert "X-Should-Retry" not in response.headers
