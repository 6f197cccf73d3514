"""F33: streams that are compressed though nobody asked, and streams whose end is a FIN."""

import asyncio
import gzip
import zlib
from contextlib import suppress
from functools import partial

import pytest

from tests.faults.answers import HALF, asked, failure_of, fine, text
from tests.faults.process_costs import peak
from tests.faults.raw_caller import request
from tests.service.asking import body, says, text_part
from tests.support import coze
from tests.support.files import PNG, data_url
from tests.upstream.keys import OAUTH

pytestmark = pytest.mark.gen_test(timeout=60)

ANSWER = coze.answer("Fi", "ne")
STREAM = b"Content-Type: text/event-stream\r\n"
PICTURE = says([text_part(), {"type": "image_url", "image_url": {"url": data_url(PNG)}}])
# Unpacked it would be a gigabyte; as an event, one that is far too long.
BOMB = zlib.compress(b"data:" + bytes(2**20), 9, wbits=31)
MOST = 64 * 2**20


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request):
    return request.param


async def test_identity_is_asked_for(dial, upstream, stream):
    caller, call = await asked(dial, upstream, stream=stream)
    assert call.headers["accept-encoding"] == "identity"
    await call.answer(ANSWER)
    assert (await caller.response()).status == 200


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("encoding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
async def test_compressed_stream_is_a_502_that_must_not_be_resent(
    dial, upstream, encoding, encode, stream
):
    caller, call = await asked(dial, upstream, stream=stream)
    await call.start(encode(ANSWER), Content_Encoding=encoding)
    await call.end()
    response = await caller.response()
    assert (response.status, response.error["code"]) == (502, "upstream_error")
    assert response.headers["x-should-retry"] == "false"
    await fine(dial, upstream)


async def test_bomb_is_not_unpacked(dial_to, upstream, serve):
    process, port = await asyncio.to_thread(serve)
    dial = partial(dial_to, port)
    await fine(dial, upstream)
    before = peak(process.pid)
    for _ in range(3):
        caller, call = await asked(dial, upstream)
        await call.start(Content_Encoding="gzip")
        with suppress(ConnectionError):
            for _ in range(1024):
                await call.say(BOMB)
        call.close()
        assert (await caller.response()).status == 502
    # Nor that of a short call.
    caller = await dial()
    await caller.send(request(body("7", messages=[PICTURE])))
    upload = await upstream.called("/v1/files/upload")
    await upload.reply(BOMB, Content_Encoding="gzip")
    assert (await caller.response()).status == 502
    assert peak(process.pid) - before < MOST
    await fine(dial, upstream)


class TestToken:
    @pytest.fixture
    def environment(self):
        return OAUTH

    async def test_bomb_for_a_token_is_a_502(self, dial_to, upstream, serve):
        process, port = await asyncio.to_thread(serve)
        before = peak(process.pid)
        bomb = zlib.compress(bytes(2**28), 9, wbits=31)

        async def drop():
            while True:
                exchange = await upstream.called("/api/permission/oauth2/token")
                await exchange.reply(bomb, Content_Encoding="gzip")

        dropping = asyncio.create_task(drop())
        caller = await dial_to(port)
        assert (await caller.ask(body("7"))).status == 502
        assert peak(process.pid) - before < MOST
        dropping.cancel()


HEADS = {
    "http_1_0": b"HTTP/1.0 200 OK\r\n" + STREAM + b"\r\n",
    "connection_close": b"HTTP/1.1 200 OK\r\n" + STREAM + b"Connection: close\r\n\r\n",
    "nothing_said": b"HTTP/1.1 200 OK\r\n" + STREAM + b"\r\n",
}


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
async def test_stream_that_ends_with_a_fin_is_an_answer_if_it_has_cozes_end(
    dial, upstream, head, stream
):
    caller, call = await asked(dial, upstream, stream=stream)
    await call.write(head + ANSWER)
    call.close()
    response = await caller.response()
    assert response.status == 200
    content = text(response.body) if stream else response.json["choices"][0]["message"]["content"]
    assert content == "Fine"
    await fine(dial, upstream)
    assert upstream.accepted == 2


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
async def test_fin_alone_proves_nothing(dial, upstream, head, how, stream):
    caller, call = await asked(dial, upstream, stream=stream)
    await call.write(head + HALF)
    if stream:
        assert (await caller.head()).status == 200
        seen = await caller.until(b'"Half of "')
    getattr(call, how)()
    if stream:
        assert failure_of(seen + await caller.rest(), said="Half of ")["code"] == "upstream_error"
    else:
        response = await caller.response()
        assert (response.status, response.headers["x-should-retry"]) == (502, "false")


async def test_stream_with_a_length_that_is_not_reached_has_failed(dial, upstream, stream):
    caller, call = await asked(dial, upstream, stream=stream)
    head = b"HTTP/1.1 200 OK\r\n" + STREAM + b"Content-Length: %d\r\n\r\n"
    await call.write(head % (len(HALF) + 9) + HALF)
    if stream:
        assert (await caller.head()).status == 200
        seen = await caller.until(b'"Half of "')
    call.close()
    if stream:
        failure_of(seen + await caller.rest(), said="Half of ")
    else:
        assert (await caller.response()).status == 502
