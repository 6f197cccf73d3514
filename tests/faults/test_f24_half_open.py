"""F24: Coze is gone without a word: no FIN, no RST, and nothing that ever comes."""

import asyncio
import signal

import pytest

from cozeproxy.sandbox import Sandbox
from tests.faults.answers import (
    HALF,
    asked,
    cancelled,
    failure_of,
    fine,
    half,
    turns,
)
from tests.faults.raw_caller import request
from tests.faults.sockets import ESTABLISHED, KEEPALIVE, towards
from tests.faults.waiting import eventually
from tests.service.asking import body
from tests.support import coze
from tests.support.processes import COZEPROXY, Process

pytestmark = pytest.mark.gen_test(timeout=30)


@pytest.fixture
def environment():
    return {"UPSTREAM_IDLE_TIMEOUT": "0.2", "WORKFLOW_IDLE_TIMEOUT": "0.2"}


@pytest.mark.usefixtures("engine")
async def test_stream_ends_with_an_error_and_the_chat_is_cancelled(dial, upstream):
    caller, call = await half(dial, upstream)
    error = failure_of(await caller.rest())
    assert error["code"] == "upstream_timeout"
    assert "0.2 seconds" in error["message"]
    await call.left()
    await cancelled(upstream)
    await fine(dial, upstream)
    assert upstream.waiting() == 0


@pytest.mark.usefixtures("engine")
async def test_whole_answer_is_a_504_that_must_not_be_resent(dial, upstream):
    caller, call = await asked(dial, upstream, stream=False)
    await call.start(HALF)
    response = await caller.response()
    assert (response.status, response.error["code"]) == (504, "upstream_timeout")
    assert response.headers["x-should-retry"] == "false"
    await call.left()
    await cancelled(upstream)


async def test_workflow_has_a_time_of_its_own(dial, upstream):
    caller = await dial()
    await caller.send(request(body("7", stream=True) | {"model": "workflow-8"}))
    call = await upstream.called()
    await call.start(coze.event("Message", {"content": "Half of ", "node_title": "Say"}))
    assert (await caller.head()).status == 200
    assert failure_of(await caller.rest())["code"] == "upstream_timeout"
    await call.left()


async def test_silence_after_the_end_is_nobodys_business(dial, upstream):
    caller, call = await half(dial, upstream)
    await call.say(coze.FINISH_MARKER)
    assert (await caller.rest()).endswith(b"data: [DONE]\n\n")
    await asyncio.sleep(0.4)
    # It is still read, so that the connection can be used again.
    await call.end(coze.END)
    await turns(dial)
    await fine(dial, upstream)
    assert upstream.accepted == 1
    assert upstream.waiting() == 0


class TestStoppedProcess:
    """The stand-in, as a process that no longer runs, while its connections are as they were."""

    @pytest.fixture
    def stand_in(self, tmp_path):
        with Process([*COZEPROXY, "sandbox", "--port", "0"], tmp_path) as process:
            yield process, process.address()

    @pytest.fixture
    def environment(self, stand_in, environment):
        return {**environment, "COZE_BASE_URL": stand_in[1], "COZE_API_KEY": Sandbox.API_KEY}

    async def test_stream_ends_with_an_error_and_the_connection_is_closed(
        self, dial, stand_in, environment
    ):
        process, _ = stand_in
        caller = await dial()
        await caller.send(request(body("forever", stream=True)))
        assert (await caller.head()).status == 200
        await caller.piece()
        process.send(signal.SIGSTOP)
        try:
            assert failure_of(await caller.rest())["code"] == "upstream_timeout"
            await eventually(lambda: not established(environment["COZE_BASE_URL"]))
        finally:
            process.send(signal.SIGCONT)


def established(base_url):
    return [s for s in towards(base_url) if s.state == ESTABLISHED]


class TestKeepAlive:
    @pytest.fixture
    def environment(self):
        return {}

    async def test_kernel_asks_whether_coze_is_still_there(self, dial, upstream):
        await half(dial, upstream)
        (connection,) = established(upstream.base_url)
        assert connection.timer == KEEPALIVE
        # Kept ones, too.
        await fine(dial, upstream)
        assert [c.timer for c in established(upstream.base_url)] == [KEEPALIVE] * 2
