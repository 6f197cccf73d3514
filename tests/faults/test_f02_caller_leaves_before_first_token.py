"""F2: the caller leaves before there is anything for it, wherever its request is by then."""

import asyncio
import logging
import signal
import time
from functools import partial

import pytest

from tests.faults.answers import CHAT, PROMPTLY, asked, cancelled, fine, median, taking, turns
from tests.faults.raw_caller import request
from tests.faults.sockets import SYN_SENT, towards, unanswering
from tests.faults.waiting import eventually
from tests.service.asking import body, says, text_part
from tests.support import coze
from tests.support.files import PNG, data_url
from tests.upstream.keys import OAUTH

pytestmark = pytest.mark.gen_test(timeout=15)

TOKEN = "/api/permission/oauth2/token"
UPLOAD = "/v1/files/upload"
PICTURE = says([text_part(), {"type": "image_url", "image_url": {"url": data_url(PNG)}}])
# What Coze has said when the caller leaves, and whether there is a chat to cancel then.
SAID = {
    "nothing": (None, False),
    "head": (b"", False),
    "comment": (b": ping\n\n", False),
    "chat": (coze.CREATED, True),
}


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request):
    return request.param


@pytest.fixture
def left_alone(caplog, service):
    """Show that the request is over, with one line at INFO."""

    def lines():
        ours = [r for r in caplog.records if r.name.startswith(("cozeproxy", "tornado"))]
        return [r for r in ours if "/health" not in r.getMessage()]

    async def left_alone():
        await eventually(lambda: lines() and not service._background)
        (line,) = lines()
        assert line.getMessage().startswith("499 ")
        assert line.levelno == logging.INFO
        caplog.clear()

    return left_alone


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(("said", "begun"), SAID.values(), ids=SAID.keys())
async def test_call_is_ended_promptly(dial, upstream, left_alone, said, begun, stream):
    times = []
    for _ in range(5):
        caller, call = await asked(dial, upstream, stream=stream)
        if said is not None:
            await call.start(said)
            await turns(dial)
        with taking(times):
            caller.reset()
            await call.left()
        if begun:
            await cancelled(upstream)
        await left_alone()
    assert median(times) < PROMPTLY
    await fine(dial, upstream)
    assert upstream.waiting() == 0


@pytest.mark.parametrize("passed", range(3))
async def test_chat_that_begins_as_the_caller_leaves_is_cancelled(
    dial, upstream, left_alone, passed, stream
):
    caller, call = await asked(dial, upstream, stream=stream)
    await call.start(b"")
    await turns(dial)
    caller.reset()
    # The loop is the service's as well: it is about to find that the caller has left.
    for _ in range(passed):
        await asyncio.sleep(0)
    await call.say(coze.CREATED)
    await cancelled(upstream)
    await left_alone()


async def test_caller_that_leaves_together_with_its_request_is_noticed(
    dial_to, serve, upstream, stream
):
    process, port = await asyncio.to_thread(serve)
    dial = partial(dial_to, port)
    leaving = [await dial() for _ in range(5)]
    for caller in leaving:
        await caller.ask(b"", "/health", "GET")
    # What it finds when it goes on is a whole request, and the end of its connection.
    process.send(signal.SIGSTOP)
    for caller in leaving:
        await caller.send(request(body("7", stream=stream)))
        caller.end()
    process.send(signal.SIGCONT)
    await eventually(lambda: process.complaints().count(" 499 POST ") == len(leaving))
    # Some may have noticed it a moment later, and have begun to ask.
    while upstream.waiting():
        await (await upstream.called(CHAT)).left()
    await fine(dial, upstream)


class TestHeartbeats:
    @pytest.fixture
    def environment(self):
        return {"HEARTBEAT_SECONDS": "0.05"}

    @pytest.mark.parametrize(("said", "begun"), SAID.values(), ids=SAID.keys())
    async def test_caller_may_leave_between_two(self, dial, upstream, left_alone, said, begun):
        caller, call = await asked(dial, upstream)
        if said is not None:
            await call.start(said)
        await caller.head()
        for _ in range(2):
            await caller.until(b": still working\n\n")
        caller.reset()
        await call.left()
        if begun:
            await cancelled(upstream)
        await left_alone()


class TestUpload:
    async def test_upload_is_ended_promptly(self, dial, upstream, left_alone, stream):
        times = []
        for _ in range(5):
            caller = await dial()
            await caller.send(request(body("7", messages=[PICTURE], stream=stream)))
            upload = await upstream.called(UPLOAD)
            with taking(times):
                caller.reset()
                await upload.left()
            await left_alone()
        assert median(times) < PROMPTLY
        await fine(dial, upstream)
        assert upstream.waiting() == 0

    async def test_upload_that_another_waits_for_goes_on(self, dial, upstream):
        callers = [await dial() for _ in range(2)]
        for caller in callers:
            await caller.send(request(body("7", messages=[PICTURE])))
        upload = await upstream.called(UPLOAD)
        await turns(dial)
        callers[0].reset()
        await turns(dial)
        await upload.reply({"code": 0, "data": {"id": "77"}})
        await (await upstream.called(CHAT)).answer(coze.answer("A dot."))
        assert (await callers[1].response()).status == 200
        assert upstream.waiting() == 0

    async def test_upload_that_all_have_left_is_made_anew_for_the_next(self, dial, upstream):
        callers = [await dial() for _ in range(3)]
        for caller in callers[:2]:
            await caller.send(request(body("7", messages=[PICTURE])))
        upload = await upstream.called(UPLOAD)
        await turns(dial)
        for caller in callers[:2]:
            caller.reset()
        await upload.left()
        await callers[2].send(request(body("7", messages=[PICTURE])))
        upload = await upstream.called(UPLOAD)
        await upload.reply({"code": 0, "data": {"id": "77"}})
        await (await upstream.called(CHAT)).answer(coze.answer("A dot."))
        assert (await callers[2].response()).status == 200


class TestToken:
    @pytest.fixture
    def environment(self):
        return OAUTH

    async def test_token_that_comes_too_late_is_kept_for_the_next(
        self, dial, upstream, left_alone, stream
    ):
        caller = await dial()
        await caller.send(request(body("7", stream=stream)))
        exchange = await upstream.called(TOKEN)
        await turns(dial)
        caller.reset()
        await eventually(lambda: upstream.waiting() == 0)
        in_an_hour = int(time.time()) + 3600
        await exchange.reply({"access_token": "czs_1", "expires_in": in_an_hour})
        await left_alone()
        caller, call = await asked(dial, upstream)
        assert call.headers["authorization"] == "Bearer czs_1"
        assert upstream.waiting() == 0


async def test_caller_that_leaves_between_two_attempts_ends_them(
    dial, upstream, left_alone, stream
):
    port = int(upstream.base_url.rpartition(":")[2])
    await upstream.refuse()
    caller = await dial()
    await caller.send(request(body("7", stream=stream)))
    await turns(dial)
    caller.reset()
    await left_alone()
    await upstream.listen(port)
    await fine(dial, upstream)
    assert upstream.accepted == 1


class TestHostThatDoesNotAnswer:
    @pytest.fixture
    def environment(self):
        with unanswering() as base_url:
            yield {"COZE_BASE_URL": base_url, "UPSTREAM_CONNECT_TIMEOUT": "60"}

    async def test_connecting_is_given_up(self, dial, environment, left_alone, stream):
        def connecting():
            return sum(s.state == SYN_SENT for s in towards(environment["COZE_BASE_URL"]))

        before = connecting()
        caller = await dial()
        await caller.send(request(body("7", stream=stream)))
        await eventually(lambda: connecting() > before)
        caller.reset()
        await eventually(lambda: connecting() == before)
        await left_alone()
