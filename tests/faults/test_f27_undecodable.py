"""F27: an event that cannot be decoded. It is never passed over as if it had not been there."""

import logging

import pytest

from tests.faults.answers import HALF, asked, cancelled, failure_of, fine, half, text
from tests.faults.raw_caller import request
from tests.service.asking import body
from tests.support import coze

pytestmark = [pytest.mark.gen_test(timeout=15), pytest.mark.usefixtures("engine")]

DELTA = "conversation.message.delta"
SECRET = "a text that is nobody's business"
BROKEN = {
    "cut": coze.event(DELTA, '{"content":"' + SECRET),
    "no_json": coze.event(DELTA, SECRET),
    "nothing": coze.event(DELTA, ""),
    "array": coze.event(DELTA, "[]"),
    "number_for_text": coze.event(DELTA, '{"type":"answer","content":5}'),
    "object_for_text": coze.event(DELTA, '{"type":"answer","content":{"a":1}}'),
    "no_utf8": b'event:conversation.message.delta\ndata:{"type":"answer","content":"\xff"}\n\n',
    "half_a_character": (
        b'event:conversation.message.delta\ndata:{"type":"answer","content":"\xe4\xb8"}\n\n'
    ),
    "nested": coze.event(DELTA, '{"content":' + "[" * 10**5),
    "chat": coze.event("conversation.chat.completed", '{"id":'),
    "completed": coze.event("conversation.message.completed", SECRET),
    "unnamed": b"data:" + SECRET.encode() + b"\n\n",
}


@pytest.mark.parametrize("said", BROKEN.values(), ids=BROKEN.keys())
async def test_stream_ends_with_an_error_and_the_chat_is_cancelled(dial, upstream, said, caplog):
    caller, call = await half(dial, upstream)
    await call.say(said, coze.delta("never"), coze.END)
    error = failure_of(await caller.rest(), said="")
    assert error["code"] == "upstream_error"
    await call.left()
    await cancelled(upstream)
    # It stands in the log, without what it said.
    (line,) = [r for r in caplog.records if r.name == "cozeproxy.upstream"]
    assert line.levelno == logging.WARNING
    assert "cannot be decoded" in line.getMessage() or "not a string" in line.getMessage()
    assert SECRET not in caplog.text
    assert SECRET not in error["message"]
    await fine(dial, upstream)


@pytest.mark.parametrize("said", BROKEN.values(), ids=BROKEN.keys())
async def test_whole_answer_is_a_502_that_must_not_be_resent(dial, upstream, said):
    caller, call = await asked(dial, upstream, stream=False)
    await call.start(HALF, said, coze.END)
    response = await caller.response()
    assert (response.status, response.headers["x-should-retry"]) == (502, "false")
    assert SECRET not in response.body.decode()
    await call.left()


@pytest.mark.parametrize("name", ["Message", "Interrupt", "Error"])
async def test_workflow_that_cannot_be_decoded_is_an_error(dial, upstream, name):
    caller = await dial()
    await caller.send(request(body("7") | {"model": "workflow-8"}))
    call = await upstream.called()
    await call.start(coze.event(name, '{"content":'), coze.event("Done", {}))
    assert (await caller.response()).status == 502


@pytest.mark.parametrize("said", [SECRET, "", "[", '{"a":'])
async def test_event_that_nothing_depends_on_may_be_anything(dial, upstream, said):
    caller, call = await half(dial, upstream)
    await call.say(coze.event("conversation.something.new", said), coze.event("ping", said))
    # The end of a stream has many forms.
    await call.end(coze.delta("it"), coze.FINISH_MARKER, coze.COMPLETED, coze.event("done", said))
    assert text(await caller.rest()) == "it"
