"""Callers of responses that leave, and requests that are large or too many."""

import asyncio
import json
import logging

import pytest

from cozeproxy.protocol.responses.ids import ResponseId
from tests.responses.asking import body, frames, says
from tests.service.asking import error_of
from tests.support import coze
from tests.support.files import PNG, data_url

pytestmark = pytest.mark.gen_test(timeout=30)

PATH = "/v1/responses"
PREVIOUS = ResponseId("m", 1700000000, "72", "70", "7", inputs=1)


@pytest.fixture
def environment(raw_coze):
    return {"COZE_BASE_URL": raw_coze.base_url}


def lines(caplog):
    """The log's lines about requests: their statuses."""
    ours = [r for r in caplog.records if r.name == "cozeproxy.access"]
    return [r.getMessage()[:3] for r in ours]


async def test_chat_of_a_caller_that_leaves_is_cancelled(connect, raw_coze):
    exchange = await connect(body("7", stream=True), path=PATH)
    call = await raw_coze.called()
    await call.start(coze.CREATED, coze.delta("I was about "))
    await exchange.until("I was about")
    exchange.reset()
    await call.left()
    cancel = await raw_coze.called()
    assert cancel.path == "/v3/chat/cancel"
    assert json.loads(cancel.body) == {"conversation_id": "72", "chat_id": "71"}
    await cancel.reply(code=0, data={}, msg="")


async def test_nothing_is_asked_for_a_caller_that_leaves_before(connect, raw_coze, caplog):
    caplog.set_level(logging.INFO)
    asked = body("7", previous_response_id=PREVIOUS.pack())
    exchange = await connect(asked, path=PATH)
    first, second = await raw_coze.called(), await raw_coze.called()
    paths = {call.path.partition("?")[0] for call in (first, second)}
    assert paths == {"/v1/conversation/message/list", "/v3/chat/message/list"}
    exchange.reset()
    await asyncio.gather(first.left(), second.left())
    # What comes next is another caller's.
    exchange = await connect(body("7", "Next"), path=PATH)
    call = await raw_coze.called()
    assert call.path == "/v3/chat"
    assert json.loads(call.body)["additional_messages"][0]["content"] == "Next"
    await call.start(coze.answer("Fine"))
    await call.end()
    await exchange.rest()
    assert lines(caplog) == ["499", "200"]


async def test_chat_that_nobody_will_fetch_is_cancelled(connect, raw_coze, post, caplog):
    caplog.set_level(logging.INFO)
    exchange = await connect(body("7", background=True), path=PATH)
    call = await raw_coze.called()
    exchange.reset()
    # Its end is seen before a later caller is.
    await post(None, "/health", "GET")
    begun = {"id": "71", "conversation_id": "72", "status": "in_progress"}
    await call.reply(code=0, data=begun, msg="")
    cancel = await raw_coze.called()
    assert cancel.path == "/v3/chat/cancel"
    assert json.loads(cancel.body) == {"conversation_id": "72", "chat_id": "71"}
    await cancel.reply(code=0, data={}, msg="")
    assert "499" in lines(caplog)


async def test_large_request_is_served_beside_the_loop(post, raw_coze):
    picture = {"type": "input_image", "image_url": data_url(PNG + bytes(2**20))}
    text = {"type": "input_text", "text": "x" * 2**18}
    asking = asyncio.create_task(post(body("7", [says([text, picture])], stream=True), PATH))
    upload = await raw_coze.called()
    assert upload.path == "/v1/files/upload"
    await upload.reply(code=0, data={"id": "1"}, msg="")
    call = await raw_coze.called()
    (message,) = json.loads(call.body)["additional_messages"]
    assert json.loads(message["content"])[0]["text"] == text["text"]
    await call.start(coze.answer("Fine"))
    await call.end()
    assert frames((await asking).body)[-2][0] == "response.completed"


class TestTooMany:
    @pytest.fixture
    def environment(self, raw_coze):
        return {"COZE_BASE_URL": raw_coze.base_url, "MAX_CONCURRENT_REQUESTS": "1"}

    async def test_request_beyond_the_limit_is_refused_at_once(self, connect, raw_coze, post):
        exchange = await connect(body("7", stream=True), path=PATH)
        call = await raw_coze.called()
        response = await post(body("7"), PATH)
        assert response.code == 503
        assert error_of(response)["type"] == "server_error"
        await call.start(coze.answer("Fine"))
        await call.end()
        assert b"response.completed" in await exchange.rest()
