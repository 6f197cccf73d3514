"""More requests than there may be: refused at once, and those that are open do not notice."""

import asyncio
import time

import pytest

from tests.faults.answers import LARGE, fine, hurry, turns
from tests.faults.raw_caller import request
from tests.faults.waiting import eventually
from tests.service.asking import body, to
from tests.support import coze, sdk

pytestmark = pytest.mark.gen_test(timeout=30)

MOST = 3
STORM = 300
# What a delta may take through the service meanwhile, on a busy machine. Seconds.
PACE = 0.25


@pytest.fixture
def environment():
    return {"MAX_CONCURRENT_REQUESTS": str(MOST)}


@pytest.fixture
def full(dial, upstream):
    """As many streams as there may be: their callers and calls."""

    async def full():
        found = []
        for _ in range(MOST):
            caller = await dial()
            await caller.send(request(body("7", stream=True)))
            call = await upstream.called()
            await call.start(coze.CREATED, coze.delta("Begun"))
            await caller.head()
            await caller.until(b'"Begun"')
            found.append((caller, call))
        return found

    return full


def check_refused(response):
    assert response.status == 503
    assert response.headers["retry-after"] == "1"
    # An SDK may well try again.
    assert "x-should-retry" not in response.headers
    assert response.error == {
        "message": "The service has too many requests open.",
        "type": "server_error",
        "param": None,
        "code": "server_overloaded",
    }


async def test_request_beyond_the_bound_is_refused_at_once_and_not_kept(dial, upstream, full):
    await full()
    caller = await dial()
    start = time.monotonic()
    for _ in range(3):
        check_refused(await caller.ask(body("7")))
    assert time.monotonic() - start < 1
    assert upstream.waiting() == 0


async def test_answers_count_until_their_callers_have_taken_them(dial, upstream):
    for _ in range(MOST):
        slow = await dial(receive_buffer=4096)
        await slow.send(request(body("7")))
        await (await upstream.called()).answer(coze.answer(LARGE))
        head = await slow.head()
        assert head.status == 200
    caller = await dial()
    check_refused(await caller.ask(body("7")))
    hurry(slow)
    assert LARGE.encode() in await slow.body_of(head)
    await turns(dial)
    await fine(dial, upstream)


async def test_streams_keep_their_pace_in_a_storm(dial, full):
    streams = await full()

    async def storm(caller):
        for _ in range(STORM // 10):
            check_refused(await caller.ask(body("7")))

    storming = [asyncio.create_task(storm(await dial())) for _ in range(10)]
    taken = []
    while not all(task.done() for task in storming):
        for caller, call in streams:
            text = f"word {len(taken)}"
            start = time.monotonic()
            await call.say(coze.delta(text))
            await caller.until(f'"{text}"'.encode())
            taken.append(time.monotonic() - start)
    await asyncio.gather(*storming)
    assert max(taken) < PACE


@pytest.mark.parametrize("how", ["ends", "fails", "its caller leaves", "its caller resets"])
async def test_there_is_room_again_when_a_stream_is_over(dial, upstream, full, how):
    caller, call = (await full())[0]
    if how == "ends":
        await call.end(coze.completed("Begun"), coze.FINISH_MARKER, coze.END)
        await caller.rest()
    elif how == "fails":
        call.reset()
        await caller.rest()
    else:
        if how == "its caller resets":
            caller.reset()
        await caller.close()
        await call.left()
    caller = await dial()
    await caller.send(request(body("7")))
    await (await upstream.called("/v3/chat")).answer(coze.answer("Fine"))
    assert (await caller.response()).status == 200


async def test_what_does_not_lead_to_coze_is_served_all_the_same(dial, full):
    await full()
    caller = await dial()
    for path in ("/health", "/ready", "/v1/models", "/v1/models/gpt-4"):
        assert (await caller.ask(b"", path, "GET")).status == 200
    assert (await caller.ask(b"", "/v1/chat/completions", "OPTIONS")).status == 204


async def test_body_is_not_waited_for_where_there_is_no_room(dial, full):
    await full()
    caller = await dial()
    await caller.send(request(b"", "/v1/chat/completions", "POST", "Content-Length: 1000000"))
    check_refused(await caller.response())


async def test_slow_bodies_take_no_room(dial, upstream):
    for _ in range(2 * MOST):
        await (await dial()).send(
            request(b"", "/v1/chat/completions", "POST", "Content-Length: 100")
        )
    caller = await dial()
    await caller.send(request(body("7")))
    await (await upstream.called()).answer(coze.answer("Fine"))
    assert (await caller.response()).status == 200


async def test_sdk_waits_and_tries_again(port, full, upstream, caplog):
    streams = await full()
    caller = sdk.asynchronous(base_url=f"http://127.0.0.1:{port}/v1", api_key="x", max_retries=5)
    asking = asyncio.create_task(caller.chat.completions.create(**to("7")))
    await eventually(lambda: "503 POST" in caplog.text)
    _, call = streams[0]
    await call.end(coze.completed("Begun"), coze.FINISH_MARKER, coze.END)
    await (await upstream.called()).answer(coze.answer("Fine"))
    assert (await asking).choices[0].message.content == "Fine"
    await caller.close()
