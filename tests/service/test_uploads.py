"""Uploads that fail, or that several requests wait for."""

import asyncio

import pytest

from tests.service.asking import body, error_of, text_part
from tests.support import coze
from tests.support.files import PNG, data_url

pytestmark = pytest.mark.gen_test(timeout=15)

PICTURE = [text_part(), {"type": "image_url", "image_url": {"url": data_url(PNG)}}]
UPLOAD = "/v1/files/upload"


@pytest.fixture
def environment(raw_coze):
    return {"COZE_BASE_URL": raw_coze.base_url}


async def answered(raw_coze):
    """Answer the next call, which must be a chat."""
    call = await raw_coze.called()
    assert call.path == "/v3/chat"
    await call.start(coze.answer("A dot."))
    await call.end()


async def test_upload_that_failed_is_tried_again_with_the_next_request(post, raw_coze):
    asking = asyncio.create_task(post(body("7", PICTURE)))
    upload = await raw_coze.called()
    await upload.reply(code=4009, msg="busy")
    response = await asking
    assert response.code == 429
    assert "busy" in error_of(response)["message"]
    asking = asyncio.create_task(post(body("7", PICTURE)))
    upload = await raw_coze.called()
    assert upload.path == UPLOAD
    await upload.reply(code=0, data={"id": "77"}, msg="")
    await answered(raw_coze)
    assert (await asking).code == 200


async def test_upload_without_an_id_is_a_502(post, raw_coze):
    asking = asyncio.create_task(post(body("7", PICTURE)))
    upload = await raw_coze.called()
    await upload.reply(code=0, data={}, msg="")
    response = await asking
    assert response.code == 502
    assert error_of(response)["code"] == "upstream_error"


async def test_two_requests_wait_for_one_upload(post, raw_coze):
    asking = [asyncio.create_task(post(body("7", PICTURE))) for _ in range(2)]
    upload = await raw_coze.called()
    # By then the second one has come to its upload as well.
    await post(None, "/health", "GET")
    await upload.reply(code=0, data={"id": "77"}, msg="")
    # Two more calls, and both are chats.
    await answered(raw_coze)
    await answered(raw_coze)
    assert [(await asked).code for asked in asking] == [200, 200]


async def test_upload_goes_on_for_others_when_its_caller_leaves(post, connect, raw_coze):
    leaving = await connect(body("7", PICTURE))
    upload = await raw_coze.called()
    staying = asyncio.create_task(post(body("7", PICTURE)))
    for _ in range(5):
        # By then it waits for the same upload, which would be ended with the last who waits.
        await post(None, "/health", "GET")
    await leaving.close()
    await post(None, "/health", "GET")
    await upload.reply(code=0, data={"id": "77"}, msg="")
    await answered(raw_coze)
    assert (await staying).code == 200
