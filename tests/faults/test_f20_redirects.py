"""F20: Coze, or what stands before it, sends the service elsewhere. The token goes nowhere."""

import asyncio

import pytest

from tests.faults.answers import asked, fine
from tests.faults.raw_caller import request
from tests.faults.raw_upstream import RawUpstream
from tests.service.asking import body, says, text_part
from tests.support.files import PNG, data_url
from tests.upstream.keys import OAUTH

pytestmark = pytest.mark.gen_test(timeout=15)


@pytest.fixture
def elsewhere(io_loop):
    """A server that the service has no business with."""

    async def make():
        elsewhere = RawUpstream()
        await elsewhere.listen()
        return elsewhere

    elsewhere = io_loop.run_sync(make)
    yield elsewhere
    assert elsewhere.accepted == 0
    io_loop.run_sync(elsewhere.stop)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 There", "308 Gone"])
async def test_chat_is_a_502(dial, upstream, elsewhere, status, stream):
    caller, call = await asked(dial, upstream, stream=stream)
    await call.reply(b"", status, Location=f"{elsewhere.base_url}/v3/chat")
    response = await caller.response()
    assert response.status == 502
    assert elsewhere.base_url not in response.error["message"]
    assert upstream.waiting() == 0
    await fine(dial, upstream)


async def test_path_of_the_same_host_is_not_followed_either(dial, upstream):
    caller, call = await asked(dial, upstream)
    await call.reply(b"", "307 There", Location="/v3/chat")
    assert (await caller.response()).status == 502
    assert upstream.waiting() == 0


async def test_upload_is_a_502(dial, upstream, elsewhere):
    picture = {"type": "image_url", "image_url": {"url": data_url(PNG)}}
    caller = await dial()
    await caller.send(request(body("7", messages=[says([text_part(), picture])])))
    upload = await upstream.called("/v1/files/upload")
    await upload.reply(b"", "307 There", Location=f"{elsewhere.base_url}/v1/files/upload")
    assert (await caller.response()).status == 502


class TestExchange:
    @pytest.fixture
    def environment(self):
        return OAUTH

    async def test_jwt_goes_nowhere_else(self, dial, upstream, elsewhere):
        async def redirect():
            while True:
                exchange = await upstream.called("/api/permission/oauth2/token")
                await exchange.reply(b"", "307 There", Location=f"{elsewhere.base_url}/token")

        redirecting = asyncio.create_task(redirect())
        caller = await dial()
        assert (await caller.ask(body("7"))).status == 502
        redirecting.cancel()
