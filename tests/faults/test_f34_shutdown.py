"""The end of the service, from outside: what is open may end, what is new is not begun."""

import asyncio
import signal
import time

import pytest

from cozeproxy.app import Service
from cozeproxy.settings import Settings
from cozeproxy.upstream.session import Timing
from tests.endpoints.forms import KIND, field_part, file_part, form
from tests.faults.answers import asked, fine, turns
from tests.faults.raw_caller import CHAT, request
from tests.faults.raw_upstream import CANCEL
from tests.faults.waiting import eventually
from tests.service.asking import body
from tests.support import coze
from tests.upstream.keys import OAUTH

pytestmark = pytest.mark.gen_test(timeout=60)

GRACE = 1.5
# Less than the 25 that there are without being set. A busy machine needs some of them for itself.
SOON = 15
READY = request(b"", "/ready", "GET")


@pytest.fixture
def started(serve):
    async def started(**environment):
        return await asyncio.to_thread(lambda: serve(**environment))

    return started


@pytest.fixture
def timing():
    return None


@pytest.fixture
def service(io_loop, variables, timing):
    """A service on this loop, which the test stops."""

    async def make():
        return Service(Settings.from_env(variables), timing)

    return io_loop.run_sync(make)


@pytest.fixture
def streaming(dial_to, upstream):
    """A stream that has begun: its caller and its call."""

    async def streaming(port):
        caller = await dial_to(port)
        await caller.send(request(body("7", stream=True)))
        call = await upstream.called("/v3/chat")
        await call.start(coze.CREATED, coze.delta("Begun"))
        response = await caller.head()
        await caller.until(b'"Begun"')
        return caller, call, response

    return streaming


async def ended(process):
    """The exit status, when it comes."""
    return await asyncio.to_thread(process.wait)


async def refused(dial_to, port):
    """Wait until nobody listens any more."""
    while True:
        try:
            await (await dial_to(port)).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            continue  # it was just about to be


async def test_streams_run_to_their_end_and_nothing_new_begins(started, dial_to, streaming):
    process, port = await started()
    caller, call, _ = await streaming(port)
    idle = await dial_to(port)
    assert (await idle.ask(b"", "/ready", "GET")).status == 200
    process.send(signal.SIGTERM)
    assert await idle.closed() == b""
    await refused(dial_to, port)
    await call.end(coze.delta("!"), coze.completed("Begun!"), coze.FINISH_MARKER, coze.END)
    assert (await caller.rest()).endswith(b"data: [DONE]\n\n")
    assert await caller.closed_cleanly() == b""
    assert await ended(process) == 0
    assert "Traceback" not in process.complaints()


async def test_answer_that_has_not_begun_says_that_it_is_the_last(started, dial_to, upstream):
    process, port = await started()
    caller = await dial_to(port)
    await caller.send(request(body("7")))
    call = await upstream.called()
    process.send(signal.SIGTERM)
    await refused(dial_to, port)
    await call.answer(coze.answer("Fine"))
    response = await caller.response()
    assert response.status == 200
    assert response.headers["connection"] == "close"
    assert await caller.closed_cleanly() == b""
    assert await ended(process) == 0


async def test_failure_that_has_not_been_told_says_that_it_is_the_last(started, dial_to, upstream):
    process, port = await started()
    caller = await dial_to(port)
    await caller.send(request(body("7")))
    call = await upstream.called()
    process.send(signal.SIGTERM)
    await refused(dial_to, port)
    await call.reply({"code": 4028, "msg": "no credit"})
    response = await caller.response()
    assert (response.status, response.headers["connection"]) == (429, "close")
    assert await ended(process) == 0


async def test_stream_that_outlives_its_time_ends_with_an_error_and_a_cancel(
    started, streaming, upstream
):
    process, port = await started(SHUTDOWN_GRACE=str(GRACE))
    caller, call, _ = await streaming(port)
    start = time.monotonic()
    process.send(signal.SIGTERM)
    rest = await caller.rest()
    assert GRACE - 0.2 < time.monotonic() - start < SOON
    assert b'"code":"server_shutting_down"' in rest
    assert b"[DONE]" not in rest
    assert b'"finish_reason":"stop"' not in rest
    await call.left()
    cancel = await upstream.called(CANCEL)
    assert cancel.json == {"chat_id": "71", "conversation_id": "72"}
    assert await ended(process) == 0
    assert "Traceback" not in process.complaints()


async def test_whole_answer_that_outlives_its_time_is_a_503(started, dial_to, upstream):
    process, port = await started(SHUTDOWN_GRACE=str(GRACE))
    caller = await dial_to(port)
    await caller.send(request(body("7")))
    call = await upstream.called()
    await call.start(coze.CREATED, coze.delta("Begun"))
    process.send(signal.SIGTERM)
    response = await caller.response()
    assert (response.status, response.error["code"]) == (503, "server_shutting_down")
    # It has begun at Coze: asked once more, it would be another one.
    assert response.headers["x-should-retry"] == "false"
    await upstream.called(CANCEL)
    assert await ended(process) == 0


async def test_body_that_outlives_its_time_is_a_503(started, dial_to):
    process, port = await started(SHUTDOWN_GRACE=str(GRACE))
    caller = await dial_to(port)
    await caller.send(request(b"", CHAT, "POST", "Content-Length: 1000") + b"{")
    # Its head has been read when a request after it has been answered.
    await (await dial_to(port)).ask(b"", "/health", "GET")
    process.send(signal.SIGTERM)
    response = await caller.response()
    assert (response.status, response.error["code"]) == (503, "server_shutting_down")
    assert await ended(process) == 0


async def test_caller_that_goes_on_sending_sees_why_it_was_refused(started, dial_to):
    process, port = await started(MAX_BODY_BYTES="1000")
    caller, data = await dial_to(port), b"x" * 20 * 2**20
    await caller.send(request(b"", CHAT, "POST", f"Content-Length: {len(data)}"))
    # Its head has been read when a request after it has been answered.
    await (await dial_to(port)).ask(b"", "/health", "GET")
    process.send(signal.SIGTERM)
    await refused(dial_to, port)
    await caller.send(data)
    assert (await caller.response()).status == 413
    assert await caller.closed_cleanly() == b""
    assert await ended(process) == 0
    assert "Traceback" not in process.complaints()


async def test_readiness_ends_at_once_and_listening_later(started, dial_to, upstream):
    process, port = await started(SHUTDOWN_DELAY="4", SHUTDOWN_GRACE=str(GRACE))
    idle = await dial_to(port)
    assert (await idle.ask(b"", "/ready", "GET")).json == {"status": "ready"}
    start = time.monotonic()
    process.send(signal.SIGTERM)
    while (response := await idle.ask(b"", "/ready", "GET")).status == 200:
        pass
    assert (response.status, response.json) == (503, {"status": "stopping"})
    # Balancers that have not noticed yet still send requests, and they are served.
    assert (await idle.ask(b"", "/health", "GET")).status == 200
    caller = await dial_to(port)
    await caller.send(request(body("7")))
    await (await upstream.called()).answer(coze.answer("Fine"))
    assert (await caller.response()).status == 200
    assert await caller.closed() == b""
    assert time.monotonic() - start > 3.5
    assert await ended(process) == 0


async def test_service_without_work_ends_at_once(started):
    process, _ = await started()
    start = time.monotonic()
    process.send(signal.SIGTERM)
    assert await ended(process) == 0
    assert time.monotonic() - start < SOON


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_second_signal_ends_the_process_at_once(started, dial_to, streaming, second):
    process, port = await started()
    caller, _, _ = await streaming(port)
    process.send(signal.SIGTERM)
    await refused(dial_to, port)
    start = time.monotonic()
    process.send(second)
    assert await ended(process) == 128 + second
    assert time.monotonic() - start < SOON
    assert b"[DONE]" not in await caller.closed()
    assert "Traceback" not in process.complaints()


async def test_hangup_changes_nothing(started, dial_to, streaming):
    process, port = await started()
    caller, call, _ = await streaming(port)
    for _ in range(3):
        process.send(signal.SIGHUP)
    await eventually(lambda: process.complaints().count("SIGHUP changes nothing") > 0)
    await call.end(coze.completed("Begun"), coze.FINISH_MARKER, coze.END)
    assert (await caller.rest()).endswith(b"data: [DONE]\n\n")
    assert (await (await dial_to(port)).ask(b"", "/ready", "GET")).status == 200
    assert process.end() == 0


async def test_connections_that_wait_to_be_taken_are_served(started, dial_to):
    # Between the last look for new ones and the end of listening there is nothing.
    process, port = await started()
    callers = [await dial_to(port) for _ in range(50)]
    process.send(signal.SIGSTOP)
    callers += [await dial_to(port) for _ in range(50)]
    for caller in callers:
        await caller.send(request(b"", "/health", "GET"))
    process.send(signal.SIGTERM)
    process.send(signal.SIGCONT)
    for caller in callers:
        assert (await caller.response()).status == 200
    assert await ended(process) == 0


async def test_load_of_streams_ends_whole_or_with_an_error(started, streaming, upstream):
    process, port = await started(SHUTDOWN_GRACE=str(3 * GRACE))
    streams = [await streaming(port) for _ in range(40)]
    process.send(signal.SIGTERM)
    for number, (_, call, _) in enumerate(streams):
        if number % 2:
            await call.end(coze.completed("Begun"), coze.FINISH_MARKER, coze.END)
    for number, (caller, _, _) in enumerate(streams):
        rest = await caller.rest()
        assert rest.endswith(b"data: [DONE]\n\n") == bool(number % 2)
        assert (b"server_shutting_down" in rest) != bool(number % 2)
    for _ in range(20):
        await upstream.called(CANCEL)
    assert await ended(process) == 0


async def test_reader_who_has_not_taken_all_of_an_answer_gets_the_rest(started, dial_to, upstream):
    # It waits in the service's memory: nothing more is to come from Coze.
    process, port = await started()
    caller = await dial_to(port, receive_buffer=4096)
    await caller.send(request(body("7")))
    await (await upstream.called()).answer(coze.answer("x" * 2**23))
    response = await caller.head()
    process.send(signal.SIGTERM)
    await refused(dial_to, port)
    length = int(response.headers["content-length"])
    assert len(await caller.closed()) == length
    assert await ended(process) == 0


async def test_cancel_under_way_is_not_ended(started, streaming, upstream):
    upstream.answers_cancels = False
    process, port = await started(SHUTDOWN_GRACE=str(GRACE))
    leaving, _, _ = await streaming(port)
    staying, _, _ = await streaming(port)
    await leaving.close()
    first = await upstream.called(CANCEL)
    process.send(signal.SIGTERM)
    # All other calls are ended by then.
    assert b'"code":"server_shutting_down"' in await staying.rest()
    second = await upstream.called(CANCEL)
    for cancel in (first, second):
        await cancel.reply({"code": 0, "msg": ""})
    assert await ended(process) == 0
    assert "could not be cancelled" not in process.complaints()


@pytest.mark.parametrize(
    "data",
    [request(b"", "/v1/conversations/72/history", "GET"), request(body("7", stream=True))],
    ids=["without a body", "with a body"],
)
async def test_caller_that_has_left_with_its_request_is_not_waited_for(started, dial_to, data):
    process, port = await started()
    # Others that come with it are answered, so that both have been read by then.
    caller, other = await dial_to(port), await dial_to(port)
    await caller.ask(b"", "/health", "GET")
    process.send(signal.SIGSTOP)
    await caller.send(data)
    caller.end()
    await other.send(request(b"", "/health", "GET"))
    process.send(signal.SIGCONT)
    await other.response()
    start = time.monotonic()
    process.send(signal.SIGTERM)
    assert await ended(process) == 0
    assert time.monotonic() - start < SOON


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request):
    return request.param


async def told_of_the_stop(caller):
    """Show that a caller has been told that the service stops, before anything else could be."""
    response = await caller.response()
    assert (response.status, response.error["code"]) == (503, "server_shutting_down")


class TestPause:
    @pytest.fixture
    def paused(self):
        return asyncio.Event()

    @pytest.fixture
    def timing(self, paused):
        async def sleep(_seconds):
            paused.set()
            await asyncio.Event().wait()

        return Timing(sleep=sleep)

    async def test_pause_between_two_attempts_is_ended(
        self, dial, service, upstream, stream, paused
    ):
        await upstream.refuse()
        caller = await dial()
        await caller.send(request(body("7", stream=stream)))
        await paused.wait()
        await service.stop()
        await told_of_the_stop(caller)


class TestToken:
    @pytest.fixture
    def environment(self):
        return OAUTH

    @pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/files"])
    async def test_wait_for_a_token_is_ended(self, dial, service, upstream, path):
        data = form(file_part(b"Hi", "a.txt"), field_part("purpose", "user_data"))
        caller = await dial()
        await caller.send(
            request(body("7"))
            if "chat" in path
            else request(data, path, "POST", f"Content-Type: {KIND}")
        )
        await upstream.called("/api/permission/oauth2/token")
        await turns(dial)
        await service.stop()
        await told_of_the_stop(caller)
        assert upstream.waiting() == 0


async def test_attempt_that_is_ended_from_elsewhere_is_told(dial, service, upstream, stream):
    caller, call = await asked(dial, upstream, stream=stream)
    (asking,) = service._background
    asking.cancel()
    response = await caller.response()
    assert (response.status, response.error["type"]) == (500, "server_error")
    await call.left()
    await fine(dial, upstream)
    await service.stop()
