"""A Coze, or a gateway before it, that quotes the token it was sent: callers do not see it."""

import asyncio

import pytest

from cozeproxy.sandbox import Sandbox
from tests.service.asking import body, text_part
from tests.support import coze
from tests.support.files import PNG, data_url

pytestmark = pytest.mark.gen_test(timeout=15)

MSG = f"The token Bearer {Sandbox.API_KEY} is incorrect"


@pytest.fixture
def environment(raw_coze):
    return {"COZE_BASE_URL": raw_coze.base_url}


async def refused(post, raw_coze, answer, **fields):
    """What a caller gets whose request is answered so."""
    asking = asyncio.create_task(post(body("7", **fields)))
    await answer(await raw_coze.called())
    response = await asking
    assert Sandbox.API_KEY.encode() not in response.body
    assert b"Bearer *** is incorrect" in response.body


@pytest.mark.parametrize("stream", [False, True])
async def test_refusal_does_not_quote_it(post, raw_coze, stream):
    await refused(post, raw_coze, lambda call: call.reply(code=4100, msg=MSG), stream=stream)


@pytest.mark.parametrize("stream", [False, True])
async def test_failure_after_text_does_not_quote_it(post, raw_coze, stream):
    async def answer(call):
        error = coze.event("error", {"code": 5000, "msg": MSG})
        await call.start(coze.CREATED + coze.delta("Hi") + error)
        await call.end()

    await refused(post, raw_coze, answer, stream=stream)


async def test_upload_does_not_quote_it(post, raw_coze):
    image = {"type": "image_url", "image_url": {"url": data_url(PNG)}}
    messages = [{"role": "user", "content": [text_part(), image]}]
    await refused(post, raw_coze, lambda call: call.reply(code=4100, msg=MSG), messages=messages)
