"""F21: connections to Coze are kept, and Coze closes them when it likes."""

import asyncio

import pytest

from cozeproxy.upstream import stream as streams
from tests.faults.answers import CHAT, REST, asked, cancelled, fine, half
from tests.faults.raw_caller import request
from tests.faults.waiting import eventually
from tests.service.asking import body, says, text_part
from tests.support import coze
from tests.support.files import PNG, data_url

pytestmark = [pytest.mark.gen_test(timeout=15), pytest.mark.usefixtures("engine")]

UPLOAD = "/v1/files/upload"


@pytest.fixture(params=["close", "reset"])
def ends(request):
    """How Coze ends a connection."""

    def ends(ended):
        getattr(ended, request.param)()

    return ends


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request):
    return request.param


async def answered(caller, call):
    """Answer a call, and show that the caller gets it."""
    await call.answer(coze.answer("Fine"))
    response = await caller.response()
    assert response.status == 200
    assert b'"Fine"' in response.body


async def test_ten_requests_are_made_on_one_connection(dial, upstream):
    for _ in range(10):
        await fine(dial, upstream)
    assert upstream.accepted == 1


async def test_connection_that_was_closed_while_idle_is_not_used(dial, upstream, ends, stream):
    await fine(dial, upstream)
    (connection,) = upstream.connections
    ends(connection)
    await eventually(lambda: not upstream.connections)
    caller, call = await asked(dial, upstream, stream=stream)
    await answered(caller, call)
    assert (upstream.accepted, upstream.waiting()) == (2, 0)


async def test_connection_that_is_closed_at_the_moment_of_the_request_is_made_up_for(
    dial, upstream, ends, stream
):
    await fine(dial, upstream)
    caller, call = await asked(dial, upstream, stream=stream, messages=[says("x" * 2**17)])
    ends(call)
    again = await upstream.called(CHAT)
    assert again.body == call.body
    await answered(caller, again)
    assert (upstream.accepted, upstream.waiting()) == (2, 0)


async def test_it_is_made_up_for_once(dial, upstream, ends, stream):
    await fine(dial, upstream)
    caller, call = await asked(dial, upstream, stream=stream)
    ends(call)
    ends(await upstream.called(CHAT))
    assert (await caller.response()).status == 502
    assert (upstream.accepted, upstream.waiting()) == (2, 0)


async def test_it_is_made_up_for_on_a_connection_that_was_not_kept(dial, upstream, ends, stream):
    # Many are kept, and all of them are closed when the next request comes.
    several = [await half(dial, upstream) for _ in range(8)]
    for kept, call in several:
        await call.end(REST)
        await kept.rest()
    connections = list(upstream.connections)
    caller, call = await asked(dial, upstream, stream=stream)
    for connection in connections:
        ends(connection)
    await answered(caller, await upstream.called(CHAT))
    assert (upstream.accepted, upstream.waiting()) == (9, 0)


class TestNoRetries:
    @pytest.fixture
    def environment(self):
        return {"MAX_RETRIES": "0"}

    async def test_it_is_a_502_where_there_is_to_be_one_attempt(self, dial, upstream, ends, stream):
        await fine(dial, upstream)
        caller, call = await asked(dial, upstream, stream=stream)
        ends(call)
        response = await caller.response()
        assert response.status == 502
        assert "x-should-retry" not in response.headers
        assert upstream.waiting() == 0


async def test_request_that_coze_has_had_for_a_while_is_not_made_again(
    dial, upstream, ends, stream, monkeypatch
):
    monkeypatch.setattr(streams, "STALE_SECONDS", 0.05)
    await fine(dial, upstream)
    caller, call = await asked(dial, upstream, stream=stream)
    await asyncio.sleep(0.1)
    ends(call)
    assert (await caller.response()).status == 502
    assert (upstream.accepted, upstream.waiting()) == (1, 0)


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"]
)
async def test_request_that_coze_has_begun_to_answer_is_not_made_again(
    dial, upstream, ends, stream, said
):
    await fine(dial, upstream)
    caller, call = await asked(dial, upstream, stream=stream)
    await call.write(said)
    await call.write(b"")
    await asyncio.sleep(0)
    ends(call)
    assert (await caller.response()).status == 502
    assert (upstream.accepted, upstream.waiting()) == (1, 0)


async def test_upload_is_made_up_for_too(dial, upstream, ends):
    async def uploading(data):
        picture = {"type": "image_url", "image_url": {"url": data_url(data)}}
        caller = await dial()
        await caller.send(request(body("7", messages=[says([text_part(), picture])])))
        return caller, await upstream.called(UPLOAD)

    for data in (PNG, PNG + b"1"):
        caller, upload = await uploading(data)
        if data != PNG:
            ends(upload)
            upload = await upstream.called(UPLOAD)
        await upload.reply({"code": 0, "data": {"id": "77"}})
        await answered(caller, await upstream.called(CHAT))
    assert upstream.waiting() == 0


async def test_cancel_finds_its_way_when_its_connection_was_closed(dial, upstream, ends):
    for _ in range(2):
        caller, call = await half(dial, upstream)
        caller.reset()
        await call.left()
        await cancelled(upstream)
        for connection in list(upstream.connections):
            ends(connection)
        await eventually(lambda: not upstream.connections)
    await fine(dial, upstream)
    assert upstream.waiting() == 0


async def test_connection_of_an_answer_that_broke_off_is_not_used_again(dial, upstream):
    await fine(dial, upstream)
    caller, call = await half(dial, upstream)
    await call.say(coze.chat("failed", last_error={"code": 5000, "msg": "no"}))
    await caller.rest()
    await call.left()
    await fine(dial, upstream)
    assert upstream.accepted == 2
