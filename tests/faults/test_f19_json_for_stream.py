"""F19: HTTP 200, and in place of a stream a JSON object with a code that says what is wrong."""

import json

import pytest

from tests.faults.answers import asked, failure_of, fine

pytestmark = pytest.mark.gen_test(timeout=15)

CODES = {
    4000: (400, None),
    4006: (404, "model_not_found"),
    4013: (429, "rate_limit_exceeded"),
    4015: (403, "model_not_available"),
    4016: (409, "conversation_occupied"),
    4028: (429, "insufficient_quota"),
    4100: (401, "invalid_api_key"),
    4200: (404, "model_not_found"),
    5000: (502, "upstream_error"),
    799999999: (502, "upstream_error"),
}


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("code", "expected"), CODES.items(), ids=CODES.keys())
async def test_code_decides_the_status(dial, upstream, code, expected, stream):
    caller, call = await asked(dial, upstream, stream=stream)
    await call.reply({"code": code, "msg": "no", "detail": {"logid": "2024X"}})
    response = await caller.response()
    assert (response.status, response.error["code"]) == expected
    assert f"code {code}, logid 2024X" in response.error["message"]
    assert upstream.waiting() == 0


async def test_object_that_comes_in_pieces_is_put_together(dial, upstream):
    caller, call = await asked(dial, upstream)
    data = json.dumps({"code": 4028, "msg": "no credit 余额"}, ensure_ascii=False).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
    await call.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
    for byte in data:
        await call.write(b"1\r\n%c\r\n" % byte)
    await call.end()
    response = await caller.response()
    assert response.status == 429
    assert "余额" in response.error["message"]


async def test_object_that_is_cut_off_is_a_502(dial, upstream):
    caller, call = await asked(dial, upstream)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
    await call.write(head + b'{"code":4028,')
    call.close()
    assert (await caller.response()).status == 502
    await fine(dial, upstream)


class TestHeartbeats:
    @pytest.fixture
    def environment(self):
        return {"HEARTBEAT_SECONDS": "0.05"}

    async def test_code_is_an_error_frame_where_the_status_has_gone_out(self, dial, upstream):
        caller, call = await asked(dial, upstream)
        assert (await caller.head()).status == 200
        await call.reply({"code": 4028, "msg": "no credit"})
        error = failure_of(await caller.rest(), said="")
        assert error["code"] == "insufficient_quota"
        assert upstream.waiting() == 0
