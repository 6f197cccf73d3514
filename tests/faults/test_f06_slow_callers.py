"""Callers that send their request as slowly as they can: cut off in time, and nobody else is."""

import asyncio
import time

import pytest

from tests.faults.raw_caller import CHAT, chunked, request
from tests.service.asking import body
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=60)

SECONDS = 1.0
# How much later than it should a busy machine may be.
LATE = 2.0
HEAD = request(b"", CHAT, "POST", "Content-Length: 1000")
SLOW = {
    "nothing": b"",
    "a part of the first line": b"POST /v1/chat/comp",
    "a head without its end": HEAD[:-2],
    "a head": HEAD,
    "a part of a body": HEAD + b'{"model"',
    "a chunk": request(b"", CHAT, "POST", "Transfer-Encoding: chunked") + chunked(b"{", last=b""),
    "a part of a chunk": request(b"", CHAT, "POST", "Transfer-Encoding: chunked") + b"9\r\n{",
    "a part of a body that nobody wants": request(b"", "/nowhere", "POST", "Content-Length: 9"),
}


@pytest.fixture
def environment():
    return {"BODY_TIMEOUT": f"{SECONDS:g}", "IDLE_TIMEOUT": f"{SECONDS:g}"}


async def cut_off_after(caller):
    """Wait for the connection's end, without a word; gives the seconds that it took."""
    start = time.monotonic()
    assert await caller.closed() == b""
    return time.monotonic() - start


async def test_slow_callers_are_cut_off_while_a_stream_goes_on(dial_to, upstream, serve):
    process, port = await asyncio.to_thread(serve)
    streaming = await dial_to(port)
    await streaming.send(request(body("7", stream=True)))
    call = await upstream.called()
    await call.start(coze.CREATED, coze.delta("Fi"))
    await streaming.head()
    callers = []
    for sent in SLOW.values():
        caller = await dial_to(port)
        await caller.send(sent)
        callers.append(caller)
    taken = dict(zip(SLOW, await asyncio.gather(*map(cut_off_after, callers)), strict=True))
    assert {name: s for name, s in taken.items() if not SECONDS - 0.3 < s < SECONDS + LATE} == {}
    await call.end(coze.delta("ne"), coze.completed("Fine"), coze.FINISH_MARKER, coze.END)
    assert (await streaming.rest()).endswith(b"data: [DONE]\n\n")
    assert process.end() == 0
    assert "Traceback" not in process.complaints()


async def test_caller_that_sends_a_byte_now_and_then_is_cut_off_all_the_same(dial):
    async def drip(caller, data):
        for byte in data:
            await caller.send(bytes([byte]))
            await asyncio.sleep(SECONDS / 20)

    for data in (HEAD[:-2], HEAD + b" " * 100):
        caller = await dial()
        head, rest = data[:-40], data[-40:]
        await caller.send(head)
        dripping = asyncio.create_task(drip(caller, rest))
        assert SECONDS - 0.3 < await cut_off_after(caller) < SECONDS + LATE
        dripping.cancel()


async def test_connection_that_is_kept_for_nothing_is_closed(dial):
    caller = await dial()
    assert (await caller.ask(b"", "/health", "GET")).status == 200
    assert SECONDS - 0.3 < await cut_off_after(caller) < SECONDS + LATE


async def test_many_slow_callers_leave_the_service_to_others(dial, upstream):
    slow = [await dial() for _ in range(200)]
    for caller in slow:
        await caller.send(HEAD + b" ")
    for _ in range(10):
        caller = await dial()
        await caller.send(request(body("7")))
        await (await upstream.called()).answer(coze.answer("Fine"))
        assert (await caller.response()).status == 200
    for caller in slow:
        await caller.closed()
