"""Several requests on a connection, also at once, and after errors: each gets its own answer."""

import pytest

from tests.faults.raw_caller import CHAT, chunked, request
from tests.service.asking import body
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=15)

CHUNKED = "Transfer-Encoding: chunked"
# Requests that are refused, at each place where that can happen.
REFUSED = {
    "no JSON": (request(b"{"), 400),
    "bad value": (request(body("7", n=2)), 400),
    "wrong id": (request({**body("7"), "model": "bot-a/b"}), 400),
    "compressed": (request(b"{}", Content_Encoding="gzip"), 415),
    "nowhere": (request(b"{}", "/v1/nowhere"), 404),
    "nowhere, in chunks": (
        request(b"", "/v1/nowhere", "POST", CHUNKED) + chunked(b"{", b"}"),
        404,
    ),
    "wrong method": (request(b"{}", CHAT, "PUT"), 405),
    "wrong method without body": (request(b"", CHAT, "GET"), 405),
    "no such model": (request(b"", "/v1/models/none", "GET"), 404),
    "not for everybody": (request(b"", "/get_jwt", "GET"), 403),
    "too many headers": (request(b"{}", CHAT, "POST", "\r\n".join(["a: b"] * 300)), 431),
}


@pytest.mark.parametrize(("sent", "status"), REFUSED.values(), ids=REFUSED.keys())
async def test_request_after_a_refused_one_is_served_on_the_same_connection(
    dial, upstream, sent, status
):
    caller = await dial()
    for _ in range(2):
        await caller.send(sent)
        response = await caller.response()
        assert response.status == status
        assert response.error
        assert "connection" not in response.headers
    await caller.send(request(body("7")))
    await (await upstream.called()).answer(coze.answer("Fine"))
    assert (await caller.response()).status == 200


async def test_requests_that_come_at_once_are_answered_in_their_order(dial, upstream):
    caller = await dial()
    good = [request(body("7", stream=stream)) for stream in (True, False)]
    refused = [sent for sent, _ in REFUSED.values()]
    await caller.send(b"".join([good[0], *refused, good[1]]))
    call = await upstream.called()
    await call.start(coze.CREATED, coze.delta("Fi"))
    head = await caller.head()
    assert head.headers["content-type"].startswith("text/event-stream")
    await call.end(coze.delta("ne"), coze.completed("Fine"), coze.FINISH_MARKER, coze.END)
    assert (await caller.rest()).endswith(b"data: [DONE]\n\n")
    for _, status in REFUSED.values():
        assert (await caller.response()).status == status
    await (await upstream.called()).answer(coze.answer("Fine"))
    assert (await caller.response()).json["choices"][0]["message"]["content"] == "Fine"


async def test_request_behind_a_stream_is_not_begun_before_its_end(dial, upstream):
    caller = await dial()
    await caller.send(request(body("7", stream=True)) + request(body("8")))
    first = await upstream.called()
    await first.start(coze.CREATED, coze.delta("Fine"))
    await caller.head()
    await caller.until(b'"Fine"')
    assert upstream.waiting() == 0
    await first.end(coze.completed("Fine"), coze.FINISH_MARKER, coze.END)
    assert (await upstream.called()).json["bot_id"] == "8"


async def test_failure_inside_a_stream_leaves_the_connection_as_it_was(dial, upstream):
    caller = await dial()
    await caller.send(request(body("7", stream=True)))
    call = await upstream.called()
    await call.start(coze.CREATED, coze.delta("Fi"))
    call.reset()
    assert (await caller.head()).status == 200
    assert b'"upstream_error"' in await caller.rest()
    await caller.send(request(body("7")))
    await (await upstream.called()).answer(coze.answer("Fine"))
    assert (await caller.response()).status == 200


async def test_empty_line_between_requests_is_passed_over(dial):
    caller = await dial()
    for _ in range(2):
        await caller.send(b"\r\n" + request(b"", "/health", "GET"))
        assert (await caller.response()).status == 200
