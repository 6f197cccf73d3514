"""Faults once more, on the way that leads to Coze itself: TLS, ended by a front that offers HTTP/2.

What is shown is that no stream harms another. Each has a connection of its own: HTTP/1.1 is pinned,
for the reasons that stand where it is.
"""

import asyncio
from functools import partial

import pytest

from tests.faults.answers import (
    CHAT,
    HALF,
    PROMPTLY,
    REST,
    Flood,
    asked,
    cancelled,
    failure_of,
    fine,
    half,
    hurry,
    median,
    taking,
    text,
    turns,
)
from tests.faults.front import Front
from tests.faults.process_costs import resident
from tests.faults.raw_caller import request
from tests.faults.waiting import eventually
from tests.service.asking import body
from tests.support import coze
from tests.upstream.certificates import certificates

pytestmark = pytest.mark.gen_test(timeout=60)

STREAMS = 20
MOST_OF_A_STREAM = 10**6


@pytest.fixture
def front(io_loop, upstream, tmp_path):
    ca_file, certificate = certificates(tmp_path)
    front = Front(tmp_path / "front", upstream.base_url, certificate)

    async def until_it_listens():
        await eventually(front.listens)

    io_loop.run_sync(until_it_listens)
    front.ca_file = ca_file
    yield front
    front.stop()


@pytest.fixture
def environment(front):
    return {"COZE_BASE_URL": front.base_url, "COZE_CA_FILE": str(front.ca_file)}


async def together(dial, upstream):
    """Streams that are under way at the same time, each half said."""
    return [await half(dial, upstream) for _ in range(STREAMS)]


async def all_whole(streams):
    """Show that these streams get the rest of their answers."""
    for _, call in streams:
        await call.end(REST)
    for caller, _ in streams:
        assert text(await caller.rest()) == "it"


async def test_each_stream_has_a_connection_of_its_own(dial, upstream):
    callers = [await dial() for _ in range(STREAMS)]
    await asyncio.gather(*(caller.send(request(body("7", stream=True))) for caller in callers))
    calls = [await upstream.called(CHAT) for _ in range(STREAMS)]
    assert {call.headers["x-protocol"] for call in calls} == {"HTTP/1.1"}
    assert len({call.headers["x-connection"] for call in calls}) == STREAMS
    for call in calls:
        await call.answer(HALF, REST)
    for caller in callers:
        assert text((await caller.response()).body) == "Half of it"


async def test_connections_are_kept(dial, upstream, service):
    numbers = set()
    for _ in range(10):
        caller, call = await asked(dial, upstream)
        numbers.add(call.headers["x-connection"])
        await call.answer(coze.answer("Fine"))
        await caller.response()
        # An answer is given before the stream has come to its end, which frees the connection.
        await eventually(lambda: not service._coze._open)
    assert len(numbers) == 1


@pytest.mark.parametrize("leave", ["close", "reset"])
async def test_caller_that_leaves_ends_its_own_call_alone(dial, upstream, leave):
    streams = await together(dial, upstream)
    times = []
    for _ in range(5):
        caller, call = streams.pop(3)
        with taking(times):
            left = getattr(caller, leave)()
            if left:
                await left
            await call.left()
        await cancelled(upstream)
    # By way of nginx, which sees it and leaves in turn.
    assert median(times) < PROMPTLY
    await all_whole(streams)
    assert upstream.waiting() == 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_caller_that_leaves_before_anything_came_ends_its_call(dial, upstream, stream):
    streams = await together(dial, upstream)
    caller, call = await asked(dial, upstream, stream=stream)
    caller.reset()
    await call.left()
    await all_whole(streams)


async def test_caller_that_takes_nothing_costs_little_and_holds_nobody_up(dial_to, upstream, serve):
    process, port = await asyncio.to_thread(serve)
    dial = partial(dial_to, port)
    streams = await together(dial, upstream)
    before = resident(process.pid)
    stuck = []
    for _ in range(STREAMS):
        caller = await dial(receive_buffer=4096)
        await caller.send(request(body("7", stream=True)))
        call = await upstream.called(CHAT)
        await call.start(coze.CREATED)
        stuck.append((caller, Flood(call)))
    await asyncio.gather(*(flood.stuck() for _, flood in stuck))
    await turns(dial)
    assert (resident(process.pid) - before) / STREAMS < MOST_OF_A_STREAM
    await all_whole(streams)
    await fine(dial, upstream)
    (caller, flood), *others = stuck
    for _, other in others:
        other.stop()
    hurry(caller)
    assert (await caller.head()).status == 200
    assert text(await caller.rest()) == "x" * 2**16 * Flood.blocks
    assert flood.is_over


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_answer_that_breaks_off_is_an_error_for_its_own_caller_alone(dial, upstream, how):
    streams = await together(dial, upstream)
    for _ in range(3):
        caller, call = streams.pop(3)
        getattr(call, how)()
        assert failure_of(await caller.rest(), said="")["code"] == "upstream_error"
    whole, call = await asked(dial, upstream, stream=False)
    await call.start(HALF)
    getattr(call, how)()
    response = await whole.response()
    assert (response.status, response.headers["x-should-retry"]) == (502, "false")
    await all_whole(streams)


async def test_upstream_that_is_gone_is_told_by_the_front(dial, upstream):
    streams = await together(dial, upstream)
    await upstream.refuse()
    response = await (await dial()).ask(body("7"))
    assert (response.status, response.error["code"]) == (502, "upstream_error")
    await all_whole(streams)


async def test_front_that_ends_makes_no_success_of_any_stream(dial, upstream, front):
    streams = await together(dial, upstream)
    front.stop()
    for caller, _ in streams:
        assert failure_of(await caller.rest(), said="")["code"] == "upstream_error"
    assert (await (await dial()).ask(body("7"))).status == 502


async def test_front_that_begins_anew_is_used_at_once(dial, upstream, front):
    await fine(dial, upstream)
    streams = await together(dial, upstream)
    for caller, call in streams[:10]:
        await call.end(REST)
        assert text(await caller.rest()) == "it"
    front.reload()
    # The kept connections are closed sooner or later meanwhile, and those in use after a second.
    ending = asyncio.gather(*(caller.rest() for caller, _ in streams[10:]))
    while not ending.done():
        await fine(dial, upstream)
    for raw in await ending:
        failure_of(raw, said="")
    await fine(dial, upstream)


class TestTimeouts:
    @pytest.fixture
    def environment(self, environment):
        return {**environment, "UPSTREAM_IDLE_TIMEOUT": "0.3", "CALLER_STALL_TIMEOUT": "0.3"}

    async def test_silence_ends_its_own_stream_alone(self, dial, upstream):
        (silent, dead), (lively, call) = [await half(dial, upstream) for _ in range(2)]

        async def speak():
            while True:
                await call.say(coze.delta("x"))
                await asyncio.sleep(0.05)

        speaking = asyncio.create_task(speak())
        assert failure_of(await silent.rest())["code"] == "upstream_timeout"
        await dead.left()
        await cancelled(upstream)
        speaking.cancel()
        await call.end(coze.FINISH_MARKER, coze.END)
        assert set(text(await lively.rest())) <= {"x"}

    async def test_caller_that_takes_nothing_for_too_long_is_cut(self, dial, upstream):
        caller = await dial(receive_buffer=4096)
        await caller.send(request(body("7", stream=True)))
        call = await upstream.called()
        await call.start(coze.CREATED)
        flood = Flood(call)
        await call.left()
        await cancelled(upstream)
        await caller.closed()
        flood.stop()
        await fine(dial, upstream)
