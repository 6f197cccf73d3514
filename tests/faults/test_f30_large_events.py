"""F30: lines and answers that are long, or never end. What is legal passes, memory is bounded."""

import asyncio
import sys
from contextlib import suppress
from functools import partial

import pytest

from cozeproxy.protocol.stream import MAX_ANSWER_BYTES
from tests.faults.answers import asked, cancelled, failure_of, fine, half, text
from tests.faults.process_costs import peak
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=60)

MEBIBYTE = 2**20
SIZES = [2**16 - 1, 2**16, 2**16 + 1, MEBIBYTE, 10 * MEBIBYTE]
# What one stream may cost that sends too much: the bound for an event, once more while its pieces
# are put together, and what Python's allocator keeps.
MOST = 64 * MEBIBYTE


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("size", SIZES)
async def test_event_of_any_legal_size_passes(dial, upstream, size, stream):
    caller, call = await asked(dial, upstream, stream=stream)
    large = "x" * (size - 1) + "好"
    await call.start()
    answering = asyncio.create_task(call.end(coze.answer(large)))
    response = await caller.response()
    await answering
    content = text(response.body) if stream else response.json["choices"][0]["message"]["content"]
    assert content == large


async def test_event_in_many_lines_passes(dial, upstream):
    caller, call = await asked(dial, upstream)
    lines = b"".join(b"data:  \n" for _ in range(2**16))
    await call.answer(coze.CREATED, lines.join([b"event:ping\n", b"\n"]), coze.answer("Fine"))
    assert text((await caller.response()).body) == "Fine"


async def pour(call, piece, most=sys.maxsize):
    """Send a piece again and again, until the service has had enough."""
    with suppress(ConnectionError):
        for _ in range(most):
            await call.say(piece)


ENDLESS = {
    "line": (b"event:conversation.message.delta\ndata:", b"x" * 2**16),
    "name": (b"", b"x" * 2**16),
    "data_lines": (b"", (b"data:" + b"x" * 100 + b"\n") * 600),
    "empty_data_lines": (b"", b"data:\n" * 10000),
}


@pytest.mark.parametrize(("begin", "piece"), ENDLESS.values(), ids=ENDLESS.keys())
async def test_event_that_never_ends_is_an_error_and_costs_a_bounded_part_of_memory(
    dial_to, upstream, serve, begin, piece
):
    process, port = await asyncio.to_thread(serve)
    dial = partial(dial_to, port)
    await fine(dial, upstream)
    before = peak(process.pid)
    caller, call = await half(dial, upstream)
    await call.say(begin)
    pouring = asyncio.create_task(pour(call, piece))
    error = failure_of(await caller.rest(), said="")
    assert error["code"] == "upstream_error"
    assert "too long" in error["message"]
    await call.left()
    await cancelled(upstream)
    await pouring
    assert peak(process.pid) - before < MOST
    await fine(dial, upstream)


async def test_whole_answer_that_never_ends_is_a_502(dial, upstream):
    caller, call = await asked(dial, upstream, stream=False)
    await call.start(coze.CREATED, b"data:")
    pouring = asyncio.create_task(pour(call, b"x" * 2**16))
    response = await caller.response()
    assert (response.status, response.headers["x-should-retry"]) == (502, "false")
    await call.left()
    await pouring


async def test_whole_answer_that_goes_on_and_on_is_a_502_and_costs_a_bounded_part_of_memory(
    dial_to, upstream, serve
):
    process, port = await asyncio.to_thread(serve)
    dial = partial(dial_to, port)
    await fine(dial, upstream)
    before = peak(process.pid)
    caller, call = await asked(dial, upstream, stream=False)
    await call.start(coze.CREATED)
    most = 4 * MAX_ANSWER_BYTES // MEBIBYTE
    pouring = asyncio.create_task(pour(call, coze.delta("x" * MEBIBYTE), most))
    response = await caller.response()
    assert (response.status, response.headers["x-should-retry"]) == (502, "false")
    assert "too long" in response.error["message"]
    await call.left()
    await cancelled(upstream)
    await pouring
    assert peak(process.pid) - before < MAX_ANSWER_BYTES + MOST
    await fine(dial, upstream)


@pytest.mark.parametrize("piece", [b"X" * 2**16, b"X-A: b\r\n" * 8000], ids=["line", "lines"])
async def test_head_that_never_ends_is_a_502(dial, upstream, piece):
    caller, call = await asked(dial, upstream)
    await call.write(b"HTTP/1.1 200 OK\r\n")

    async def pour():
        with suppress(ConnectionError):
            while True:
                await call.write(piece)

    pouring = asyncio.create_task(pour())
    assert (await caller.response()).status == 502
    await call.left()
    await pouring
