"""F18: Coze, or what stands before it, answers with something other than a stream."""

import json
from contextlib import suppress

import pytest

from tests.faults.answers import asked, fine
from tests.faults.raw_caller import request
from tests.service.asking import body, says, text_part
from tests.support.files import PNG, data_url

pytestmark = pytest.mark.gen_test(timeout=15)

HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
# What comes, and what the caller gets: its status and code, and what x-should-retry says.
REFUSALS = {
    "401": (("401 Unauthorized", b"", None), (401, "invalid_api_key", None)),
    "403": (("403 Forbidden", b"", None), (403, "permission_denied", None)),
    "404": (("404 Not Found", b"", None), (404, "not_found", None)),
    "405": (("405 Method Not Allowed", b"", None), (502, "upstream_error", None)),
    "408": (("408 Request Timeout", b"", None), (502, "upstream_error", None)),
    "413": (("413 Too Large", b"", None), (413, "file_too_large", None)),
    "429": (("429 Too Many Requests", b"", None), (429, "rate_limit_exceeded", None)),
    "500": (("500 Oops", b"", None), (502, "upstream_error", None)),
    "502_html": (("502 Bad Gateway", HTML, "text/html"), (502, "upstream_error", None)),
    "503": (("503 Unavailable", b"", None), (503, "upstream_unavailable", None)),
    "504_html": (("504 Timeout", HTML, "text/html"), (504, "upstream_timeout", None)),
    "999": (("999 What", b"", None), (502, "upstream_error", None)),
    "200_html": (("200 OK", HTML, "text/html"), (502, "upstream_error", None)),
    "200_html_called_json": (("200 OK", HTML, "application/json"), (502, "upstream_error", None)),
    "200_nothing": (("200 OK", b"", None), (502, "upstream_error", None)),
    "200_nothing_called_json": (("200 OK", b"", "application/json"), (502, "upstream_error", None)),
    "200_text": (("200 OK", b"data: {}\n\n", "text/plain"), (502, "upstream_error", None)),
    "200_success_in_json": (
        ("200 OK", b'{"code":0,"data":{"id":"71"}}', "application/json"),
        (502, "upstream_error", None),
    ),
    "201_stream": (
        ("201 Created", b"event:done\ndata:\n\n", "text/event-stream"),
        (502, "upstream_error", None),
    ),
    "500_code": (
        ("500 Oops", b'{"code":4028,"msg":"no credit"}', "application/json"),
        (429, "insufficient_quota", "false"),
    ),
    "401_unknown_code": (
        ("401 Unauthorized", b'{"code":799999,"msg":"who?"}', "application/json"),
        (401, "invalid_api_key", None),
    ),
    "500_stream": (
        ("500 Oops", b'event:error\ndata:{"code":5000}\n\n', "text/event-stream"),
        (502, "upstream_error", None),
    ),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("comes", "expected"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_it_is_told_as_what_it_means_and_not_asked_again(
    dial, upstream, comes, expected, stream
):
    (line, content, kind), (status, code, should_retry) = comes, expected
    caller, call = await asked(dial, upstream, stream=stream)
    await call.reply(content, line, kind)
    response = await caller.response()
    assert (response.status, response.error["code"]) == (status, code)
    assert response.headers.get("x-should-retry") == should_retry
    assert "<" not in response.error["message"]
    assert upstream.waiting() == 0
    await fine(dial, upstream)
    # What was read to its end leaves a connection that can be used again.
    assert upstream.accepted == 1


@pytest.mark.parametrize("status", ["429 Slow", "503 Busy", "200 OK"])
async def test_retry_after_is_passed_on(dial, upstream, status):
    caller, call = await asked(dial, upstream)
    await call.reply({"code": 4009, "msg": "busy"}, status, Retry_After="13")
    response = await caller.response()
    assert (response.status, response.headers["retry-after"]) == (429, "13")


@pytest.mark.parametrize("value", ["1" * 101, "\x1b[31m", "\xe9"])
async def test_retry_after_that_is_none_is_not(dial, upstream, value):
    caller, call = await asked(dial, upstream)
    head = f"HTTP/1.1 429 Slow\r\nContent-Length: 0\r\nRetry-After: {value}\r\n\r\n"
    await call.write(head.encode("latin-1"))
    call.over.set()
    response = await caller.response()
    assert response.status == 429
    assert "retry-after" not in response.headers


async def test_text_code_and_logid_are_kept(dial, upstream):
    caller, call = await asked(dial, upstream)
    answer = {"code": 4002, "msg": "gone fishing", "detail": {"logid": "2024DETAIL"}}
    await call.reply(answer, X_Tt_Logid="2024HEADER")
    message = (await caller.response()).error["message"]
    assert message == "Coze: gone fishing (code 4002, logid 2024DETAIL)"
    caller, call = await asked(dial, upstream)
    await call.reply({"code": 4002, "msg": "gone fishing"}, X_Tt_Logid="2024HEADER")
    assert "2024HEADER" in (await caller.response()).error["message"]


async def test_refused_upload_is_told_as_what_it_means(dial, upstream):
    picture = {"type": "image_url", "image_url": {"url": data_url(PNG)}}
    caller = await dial()
    await caller.send(request(body("7", messages=[says([text_part(), picture])], stream=True)))
    upload = await upstream.called("/v1/files/upload")
    await upload.reply(b"<html>", "503 Unavailable", "text/html", Retry_After="5")
    response = await caller.response()
    assert (response.status, response.error["code"]) == (503, "upstream_unavailable")
    assert response.headers["retry-after"] == "5"
    assert upstream.waiting() == 0


async def test_error_that_does_not_end_is_cut_off(dial, upstream):
    caller, call = await asked(dial, upstream)
    await call.write(b"HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\n\r\n")
    with suppress(ConnectionError):
        await call.write(b"<p>" * 2**20)
    assert (await caller.response()).status == 502
    await call.left()


async def test_answer_to_a_short_call_that_does_not_end_is_cut_off(dial, upstream):
    picture = {"type": "image_url", "image_url": {"url": data_url(PNG)}}
    caller = await dial()
    await caller.send(request(body("7", messages=[says([text_part(), picture])])))
    upload = await upstream.called("/v1/files/upload")
    await upload.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    with suppress(ConnectionError):
        await upload.write(json.dumps({"data": {"id": "x" * 2**24}}).encode())
    assert (await caller.response()).status == 502
    await upload.left()
