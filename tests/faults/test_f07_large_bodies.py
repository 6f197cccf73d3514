"""Bodies that are too large: refused before they are read, and the caller sees why."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.faults.raw_caller import CHAT, chunked, request
from tests.service.asking import body, text_part
from tests.support import coze
from tests.support.files import PNG, data_url

pytestmark = pytest.mark.gen_test(timeout=30)

LIMIT = 200_000
MEBIBYTE = 2**20
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture
def environment():
    return {"MAX_BODY_BYTES": str(LIMIT)}


def check_refused(response, limit=LIMIT):
    assert response.status == 413
    assert response.headers["connection"] == "close"
    assert response.headers["x-should-retry"] == "false"
    assert response.headers["x-request-id"].startswith("req_")
    assert response.error == {
        "message": f"The body of this request may have {limit} bytes.",
        "type": "invalid_request_error",
        "param": None,
        "code": "request_too_large",
    }


def padded(size):
    """A request that is good, and has that many bytes."""
    asked = body("7", "x")
    missing = size - len(request(asked).partition(b"\r\n\r\n")[2])
    return body("7", "x" * (missing + 1))


async def test_announced_length_is_refused_before_any_of_it_has_come(dial, upstream):
    caller = await dial()
    await caller.send(request(b"", CHAT, "POST", f"Content-Length: {LIMIT + 1}"))
    check_refused(await caller.response())
    assert upstream.accepted == 0


async def test_chunks_are_refused_as_soon_as_they_are_too_many(dial):
    caller = await dial()
    await caller.send(request(b"", CHAT, "POST", CHUNKED))
    await caller.send(chunked(b" " * LIMIT, last=b""))
    await caller.send(chunked(b" ", last=b""))
    check_refused(await caller.response())


@pytest.mark.parametrize("way", ["announced", "chunked"])
async def test_caller_that_sends_all_of_it_first_sees_the_answer(dial, way):
    caller = await dial(receive_buffer=4096)
    blocks = [b" " * MEBIBYTE] * 50
    if way == "announced":
        await caller.send(request(b"", CHAT, "POST", f"Content-Length: {50 * MEBIBYTE}"))
        await caller.send(b"".join(blocks))
    else:
        await caller.send(request(b"", CHAT, "POST", CHUNKED))
        await caller.send(chunked(*blocks))
    check_refused(await caller.response())
    assert await caller.closed_cleanly() == b""


async def test_caller_that_waits_to_be_asked_for_the_body_is_not(dial):
    caller = await dial()
    announced = (f"Content-Length: {LIMIT + 1}", "Expect: 100-continue")
    await caller.send(request(b"", CHAT, "POST", *announced))
    check_refused(await caller.response())
    assert await caller.closed_cleanly() == b""


async def test_caller_that_is_asked_for_the_body_sends_it(dial, upstream):
    caller = await dial()
    data = request(body("7")).partition(b"\r\n\r\n")[2]
    announced = (f"Content-Length: {len(data)}", "Expect: 100-continue")
    await caller.send(request(b"", CHAT, "POST", *announced))
    assert (await caller.head()).status == 100
    await caller.send(data)
    await (await upstream.called()).answer(coze.answer("Fine"))
    assert (await caller.response()).status == 200


@pytest.mark.parametrize("way", ["announced", "chunked"])
async def test_body_of_just_that_size_is_taken(dial, upstream, way):
    caller = await dial()
    asked = request(padded(LIMIT))
    if way == "chunked":
        data = asked.partition(b"\r\n\r\n")[2]
        asked = request(b"", CHAT, "POST", CHUNKED)
        asked += chunked(data[:70_000], data[70_000:])
    await caller.send(asked)
    call = await upstream.called()
    assert len(call.body) > LIMIT - 1000
    await call.answer(coze.answer("Fine"))
    assert (await caller.response()).status == 200
    # The connection is as good as before.
    await caller.send(request(body("7")))
    await (await upstream.called()).answer(coze.answer("Fine"))
    assert (await caller.response()).status == 200


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/v1/nowhere", "POST", 404), ("/v1/models", "GET", 413), ("/health", "GET", 413)],
)
async def test_endpoint_without_a_body_reads_none(dial, path, method, status):
    caller = await dial()
    await caller.send(request(b"", path, method, "Content-Length: 100000"))
    assert (await caller.response()).status == status


async def test_compressed_body_is_refused_in_what_it_is(dial):
    caller = await dial()
    for encoding in ("gzip", "br", "deflate", "identity, gzip", "GZIP", "zstd"):
        response = await caller.ask(b"\x1f\x8b\x08", Content_Encoding=encoding)
        assert response.status == 415
        assert response.error["code"] == "unsupported_content_encoding"
    # And the connection goes on.
    assert (await caller.ask(b"{", Content_Encoding="identity")).status == 400


async def test_pictures_are_not_kept_in_memory_while_answers_are_on_their_way(
    serve, dial_to, upstream
):
    process, port = await asyncio.to_thread(lambda: serve(MAX_BODY_BYTES=str(32 * MEBIBYTE)))

    def resident():
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    before = resident()
    callers = []
    for number in range(8):
        data = PNG + bytes([number]) * 12 * MEBIBYTE
        picture = {"type": "image_url", "image_url": {"url": data_url(data)}}
        caller = await dial_to(port)
        await caller.send(request(body("7", [text_part(), picture], stream=True)))
        await (await upstream.called("/v1/files/upload")).reply({"code": 0, "data": {"id": "1"}})
        call = await upstream.called("/v3/chat")
        await call.start(coze.CREATED, coze.delta("Begun"))
        assert (await caller.head()).status == 200
        callers.append(caller)
    # 8 times 16 MiB have come, and what was made of them; what is in hand at a time is some of it.
    assert resident() - before < 100 * MEBIBYTE


class TestAllBodiesTogether:
    @pytest.fixture
    def environment(self):
        # Two bodies, and not three; a call to Coze may be a little longer than its body.
        return {"MAX_BODY_BYTES": str(MEBIBYTE), "MAX_BUFFERED_BYTES": str(2 * MEBIBYTE + 90_000)}

    @pytest.fixture
    def held(self, dial):
        """A request that has not come to its end, with that many bytes of it."""

        async def held(size):
            caller = await dial()
            head = request(b"", CHAT, "POST", f"Content-Length: {MEBIBYTE}")
            await caller.send(head + b" " * size)
            return caller

        return held

    async def test_body_for_which_there_is_no_room_is_a_503(self, dial, upstream, held):
        callers = [await held(MEBIBYTE - 1) for _ in range(2)]
        refused = await self._eventually_refused(dial)
        assert refused.headers["retry-after"] == "1"
        assert refused.error["type"] == "server_error"
        assert refused.error["code"] == "server_overloaded"
        # Room again: what is left is nothing that could be read.
        for caller in callers:
            await caller.send(b" ")
            assert (await caller.response()).status == 400
        caller = await dial()
        await caller.send(request(padded(MEBIBYTE)))
        await (await upstream.called()).answer(coze.answer("Fine"))
        assert (await caller.response()).status == 200

    async def _eventually_refused(self, dial):
        """The answer to a large body, once the service has read what it was sent before."""
        while True:
            caller = await dial()
            response = await caller.ask(b" " * 100_000)
            if response.status != 400:
                return response

    async def test_room_is_given_back_by_whoever_leaves(self, dial, held):
        for _ in range(5):
            callers = [await held(MEBIBYTE - 1) for _ in range(2)]
            assert (await self._eventually_refused(dial)).status == 503
            for caller in callers:
                caller.reset()
            while (await (await dial()).ask(b" " * 100_000)).status != 400:
                pass

    async def test_text_is_kept_as_long_as_its_answer_takes(self, dial, upstream):
        # It may have to be sent once more.
        open_answers = [await self._answering(dial, upstream, padded(MEBIBYTE)) for _ in range(2)]
        assert (await (await dial()).ask(padded(MEBIBYTE))).status == 503
        for caller, call in open_answers:
            await call.answer(coze.answer("Fine"))
            assert (await caller.response()).status == 200
        await self._answering(dial, upstream, padded(MEBIBYTE))

    async def test_picture_is_kept_until_coze_has_it(self, dial, upstream):
        data = PNG + bytes(700_000)
        for number in range(5):
            picture = {"type": "image_url", "image_url": {"url": data_url(data + bytes([number]))}}
            await self._answering(dial, upstream, body("7", [text_part(), picture]), uploads=1)

    async def _answering(self, dial, upstream, asked, uploads=0):
        """Ask; gives the caller, and the call to Coze that is to be answered."""
        caller = await dial()
        await caller.send(request(asked))
        for _ in range(uploads):
            await (await upstream.called("/v1/files/upload")).reply(
                {"code": 0, "data": {"id": "1"}}
            )
        return caller, await upstream.called("/v3/chat")
