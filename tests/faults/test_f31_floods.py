"""F31: Coze sends very many small events at once. None is lost, and nobody else has to wait."""

import asyncio
from functools import partial

import pytest

from tests.faults.answers import asked, fine, half, median, taking, text
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=60)

EVENTS = 100_000
AT_ONCE = 1000
BLOCKS = [
    b"".join(coze.delta(f"{i} ") for i in range(start, start + AT_ONCE))
    for start in range(0, EVENTS, AT_ONCE)
]
# A turn of the loop that takes longer can be felt in a stream beside it.
USUAL = 0.05
LONGEST = 0.5


async def flood(call):
    for block in BLOCKS:
        await call.say(block)
    await call.end(coze.FINISH_MARKER, coze.END)


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_no_event_is_lost_and_none_comes_twice(dial, upstream, stream):
    caller, call = await asked(dial, upstream, stream=stream)
    await call.start(coze.CREATED)
    flooding = asyncio.create_task(flood(call))
    response = await caller.response()
    content = text(response.body) if stream else response.json["choices"][0]["message"]["content"]
    assert content == "".join(f"{i} " for i in range(EVENTS))
    await flooding


async def test_streams_beside_it_go_on_as_usual(dial_to, upstream, serve):
    _, port = await asyncio.to_thread(serve)
    dial = partial(dial_to, port)
    flooded, call = await half(dial, upstream)
    beside, other = await half(dial, upstream)
    flooding = asyncio.create_task(flood(call))
    reading = asyncio.create_task(flooded.rest())
    times = []
    while not flooding.done():
        with taking(times):
            await other.say(coze.delta("token"))
            assert b'"token"' in await beside.piece()
    assert (await reading).endswith(b"data: [DONE]\n\n")
    assert len(times) > 10
    assert median(times) < USUAL
    assert max(times) < LONGEST
    await fine(dial, upstream)


async def test_flood_of_nothing_but_comments_does_not_stop_others(dial_to, upstream, serve):
    _, port = await asyncio.to_thread(serve)
    dial = partial(dial_to, port)
    _, call = await half(dial, upstream)

    async def comment():
        while True:
            await call.say(b":\n" * 10000)

    commenting = asyncio.create_task(comment())
    times = []
    for _ in range(20):
        with taking(times):
            await fine(dial, upstream)
    assert median(times) < LONGEST
    commenting.cancel()
