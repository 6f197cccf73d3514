"""F3: the caller leaves while it waits for an answer that is not streamed."""

import logging

import pytest

from tests.faults.answers import HALF, PROMPTLY, asked, cancelled, fine, median, taking, turns
from tests.faults.raw_caller import request
from tests.faults.raw_upstream import CANCEL
from tests.faults.waiting import eventually
from tests.service.asking import body
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=15)


@pytest.mark.usefixtures("engine")
async def test_call_is_ended_promptly_and_the_chat_cancelled(dial, upstream, service, caplog):
    times = []
    for _ in range(5):
        caller, call = await asked(dial, upstream, stream=False)
        await call.start(HALF)
        await turns(dial)
        with taking(times):
            caller.reset()
            await call.left()
        await cancelled(upstream)
    assert median(times) < PROMPTLY
    await fine(dial, upstream)
    assert upstream.waiting() == 0
    await eventually(lambda: not service._background)
    lines = [r for r in caplog.records if r.getMessage().startswith("499 POST")]
    assert len(lines) == 5
    assert {line.levelno for line in lines} == {logging.INFO}


@pytest.mark.parametrize("model", ["workflow-8", "chatflow-8"])
async def test_every_type_is_ended_and_only_chats_cancelled(dial, upstream, model):
    caller = await dial()
    await caller.send(request(body("7") | {"model": model}))
    call = await upstream.called()
    said = coze.event("Message", {"content": "Half of "}) if model == "workflow-8" else HALF
    await call.start(said)
    await turns(dial)
    caller.reset()
    await call.left()
    if model == "chatflow-8":
        await cancelled(upstream)
    await fine(dial, upstream)
    assert upstream.waiting(CANCEL) == 0
