"""F17: Coze takes the request and does not begin to answer, or does not end in time."""

import asyncio

import pytest

from tests.faults.answers import (
    CHAT,
    HALF,
    SAID,
    asked,
    cancelled,
    failure_of,
    fine,
    half,
    text,
    turns,
)
from tests.faults.raw_caller import request
from tests.faults.raw_upstream import CANCEL
from tests.faults.sockets import silent
from tests.faults.waiting import hold_loop
from tests.responses.asking import frames
from tests.service.asking import body, says, text_part
from tests.support import coze
from tests.support.files import PNG, data_url
from tests.upstream.keys import OAUTH

pytestmark = pytest.mark.gen_test(timeout=15)

PICTURE = says([text_part(), {"type": "image_url", "image_url": {"url": data_url(PNG)}}])
WORKFLOW = body("7") | {"model": "workflow-8"}


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request):
    return request.param


def told(response, *said):
    """Show that a response is a time-out's, and that it does not ask to be resent."""
    assert (response.status, response.error["code"]) == (504, "upstream_timeout")
    assert response.headers["x-should-retry"] == "false"
    assert all(text in response.error["message"] for text in said)


class TestFirstByte:
    @pytest.fixture
    def environment(self):
        return {"UPSTREAM_FIRST_BYTE_TIMEOUT": "0.2"}

    @pytest.mark.usefixtures("engine")
    @pytest.mark.parametrize("said", [None, b""], ids=["nothing", "head"])
    async def test_silence_is_a_504_and_the_call_is_ended(self, dial, upstream, said, stream):
        caller, call = await asked(dial, upstream, stream=stream)
        if said is not None:
            await call.start(said)
        told(await caller.response(), "0.2 seconds")
        await call.left()
        await fine(dial, upstream)
        # There was no chat that could be cancelled, and no second request.
        assert upstream.waiting() == 0

    async def test_chat_that_begins_when_it_is_too_late_is_cancelled(self, dial, upstream, stream):
        caller, call = await asked(dial, upstream, stream=stream)
        # In one turn come that the chat has begun, and that it is late.
        await call.start(coze.CREATED)
        hold_loop(0.3)
        told(await caller.response(), "0.2 seconds")
        await cancelled(upstream)
        await fine(dial, upstream)

    async def test_answer_that_comes_whole_when_it_is_too_late_is_given(
        self, dial, upstream, stream
    ):
        caller, call = await asked(dial, upstream, stream=stream)
        await call.start(coze.answer("Fine"))
        hold_loop(0.3)
        response = await caller.response()
        await call.end()
        assert response.status == 200
        if stream:
            assert text(response.body) == "Fine"
        else:
            assert response.json["choices"][0]["message"]["content"] == "Fine"
        await fine(dial, upstream)
        assert upstream.waiting() == 0

    async def test_json_that_does_not_end_is_a_504(self, dial, upstream, stream):
        caller, call = await asked(dial, upstream, stream=stream)
        await call.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
        )
        told(await caller.response())
        await call.left()

    async def test_answer_that_has_begun_has_its_own_time(self, dial, upstream, stream):
        caller, call = await asked(dial, upstream, stream=stream)
        await call.start(b": hello\n\n")
        await asyncio.sleep(0.4)
        await call.end(coze.answer("Fine"))
        assert b'"Fine"' in (await caller.response()).body


class TestFirstByteAndHeartbeat:
    @pytest.fixture
    def environment(self):
        return {"UPSTREAM_FIRST_BYTE_TIMEOUT": "0.2", "HEARTBEAT_SECONDS": "0.15"}

    async def test_failure_counts_on_from_what_comes_when_it_is_too_late(self, dial, upstream):
        caller = await dial()
        asked = {"model": "bot-7", "input": "Hello!", "stream": True}
        await caller.send(request(asked, "/v1/responses"))
        call = await upstream.called(CHAT)
        await call.start(b"")
        # With the first sign of life, so that no status can tell of the failure.
        assert (await caller.head()).status == 200
        await call.say(HALF)
        hold_loop(0.1)
        events = frames(await caller.rest())
        names = [name for name, _ in events]
        assert names[0] == "response.created"
        assert names[-2:] == ["error", "response.failed"]
        assert [data["sequence_number"] for _, data in events] == [*range(len(events))]
        said = [data["delta"] for name, data in events if name == "response.output_text.delta"]
        assert said == [SAID]
        await cancelled(upstream)


class TestUnread:
    @pytest.fixture
    def environment(self):
        with silent() as base_url:
            yield {"COZE_BASE_URL": base_url, "UPSTREAM_FIRST_BYTE_TIMEOUT": "0.2"}

    @pytest.mark.parametrize("size", [1, 2**24], ids=["buffered", "stuck"])
    async def test_request_that_coze_does_not_read_is_a_504(self, dial, size):
        caller = await dial()
        told(await caller.ask(body("7", "x" * size)))


class TestFirstByteAfterHeartbeat:
    @pytest.fixture
    def environment(self):
        return {"UPSTREAM_FIRST_BYTE_TIMEOUT": "0.3", "HEARTBEAT_SECONDS": "0.1"}

    async def test_silence_is_an_error_frame_where_the_status_has_gone_out(self, dial, upstream):
        caller, call = await asked(dial, upstream)
        assert (await caller.head()).status == 200
        error = failure_of(await caller.rest(), said="")
        assert error["code"] == "upstream_timeout"
        await call.left()

    async def test_silence_is_a_504_where_nothing_can_be_sent_early(self, dial, upstream):
        caller, _ = await asked(dial, upstream, stream=False)
        told(await caller.response())


class TestWorkflow:
    @pytest.fixture
    def environment(self):
        return {"WORKFLOW_IDLE_TIMEOUT": "0.2"}

    @pytest.mark.parametrize("said", [None, b""], ids=["nothing", "head"])
    async def test_silence_of_a_workflow_has_a_time_of_its_own(self, dial, upstream, said, stream):
        caller = await dial()
        await caller.send(request(WORKFLOW | {"stream": stream}))
        call = await upstream.called()
        if said is not None:
            await call.start(said)
        told(await caller.response(), "0.2 seconds")
        await call.left()
        assert upstream.waiting() == 0

    async def test_chats_have_another(self, dial, upstream):
        caller, call = await asked(dial, upstream)
        await asyncio.sleep(0.4)
        await call.answer(coze.answer("Fine"))
        assert b'"Fine"' in (await caller.response()).body


class TestWorkflowIsPatient:
    @pytest.fixture
    def environment(self):
        return {
            "UPSTREAM_FIRST_BYTE_TIMEOUT": "0.1",
            "UPSTREAM_IDLE_TIMEOUT": "0.1",
            "REQUEST_TIMEOUT": "0.1",
        }

    async def test_times_of_chats_are_not_those_of_workflows(self, dial, upstream, stream):
        caller = await dial()
        await caller.send(request(WORKFLOW | {"stream": stream}))
        call = await upstream.called()
        await asyncio.sleep(0.3)
        await call.start(coze.event("Message", {"content": "Fine", "node_title": "End"}))
        await asyncio.sleep(0.3)
        await call.end(coze.event("Done", {}))
        assert b'"Fine"' in (await caller.response()).body


class TestWhole:
    @pytest.fixture
    def environment(self):
        return {
            "REQUEST_TIMEOUT": "0.3",
            "WORKFLOW_REQUEST_TIMEOUT": "0.3",
            **OAUTH,
        }

    @pytest.fixture
    def granted(self, upstream):
        async def granted():
            exchange = await upstream.called("/api/permission/oauth2/token")
            await exchange.reply({"access_token": "czs_1", "expires_in": 2**31})

        return granted

    async def test_whole_answer_that_takes_too_long_is_a_504_and_the_chat_cancelled(
        self, dial, upstream, granted
    ):
        await granted()
        caller, call = await asked(dial, upstream, stream=False)
        await call.start(HALF)
        speaking = asyncio.create_task(speak(call))
        told(await caller.response(), "0.3 seconds")
        await call.left()
        await cancelled(upstream)
        speaking.cancel()
        assert upstream.waiting() == 0

    async def test_stream_that_takes_too_long_is_an_error_frame_and_the_chat_cancelled(
        self, dial, upstream, granted
    ):
        await granted()
        caller, call = await half(dial, upstream)
        speaking = asyncio.create_task(speak(call))
        assert failure_of(await caller.rest())["code"] == "upstream_timeout"
        await call.left()
        await cancelled(upstream)
        speaking.cancel()
        assert upstream.waiting() == 0

    async def test_workflow_that_takes_too_long_is_a_504(self, dial, upstream, granted):
        await granted()
        caller = await dial()
        await caller.send(request(WORKFLOW))
        call = await upstream.called()
        await call.start()
        speaking = asyncio.create_task(speak(call))
        told(await caller.response(), "0.3 seconds")
        await call.left()
        speaking.cancel()

    async def test_upload_that_takes_too_long_is_a_504_that_may_be_resent(
        self, dial, upstream, granted, stream
    ):
        await granted()
        caller = await dial()
        await caller.send(request(body("7", messages=[PICTURE], stream=stream)))
        upload = await upstream.called("/v1/files/upload")
        response = await caller.response()
        assert (response.status, response.error["code"]) == (504, "upstream_timeout")
        assert "x-should-retry" not in response.headers
        await upload.left()
        assert upstream.waiting() == 0

    async def test_token_that_takes_too_long_is_a_504_that_may_be_resent(
        self, dial, upstream, granted, stream
    ):
        caller = await dial()
        await caller.send(request(body("7", stream=stream)))
        response = await caller.response()
        assert (response.status, response.error["code"]) == (504, "upstream_timeout")
        assert "x-should-retry" not in response.headers
        # The exchange goes on, for whoever asks next.
        await granted()
        await fine(dial, upstream)


async def speak(call):
    """Say something again and again, so that it is not silence that lasts too long."""
    while True:
        await call.say(coze.delta("x"))
        await asyncio.sleep(0.05)


class TestDeadline:
    @pytest.fixture
    def environment(self):
        return {"NONSTREAM_DEADLINE": "0.2"}

    @pytest.mark.parametrize(
        ("said", "begun"),
        [(None, False), (b"", False), (HALF, True)],
        ids=["nothing", "head", "half"],
    )
    async def test_answer_that_routers_would_not_wait_for_is_a_504_with_advice(
        self, dial, upstream, said, begun
    ):
        caller, call = await asked(dial, upstream, stream=False)
        if said is not None:
            await call.start(said)
        told(await caller.response(), "0.2 seconds", '"stream": true')
        await call.left()
        if begun:
            await cancelled(upstream)
        await fine(dial, upstream)
        assert upstream.waiting(CANCEL) == 0

    async def test_upload_counts_as_well(self, dial, upstream):
        caller = await dial()
        await caller.send(request(body("7", messages=[PICTURE])))
        upload = await upstream.called("/v1/files/upload")
        told(await caller.response(), '"stream": true')
        await upload.left()

    async def test_streams_take_their_time(self, dial, upstream):
        caller, call = await half(dial, upstream)
        await asyncio.sleep(0.4)
        await call.end(coze.delta("it"), coze.FINISH_MARKER, coze.END)
        assert text(await caller.rest()) == "it"


async def test_without_a_deadline_whole_answers_take_their_time(dial, upstream):
    caller, call = await asked(dial, upstream, stream=False)
    await call.start(HALF)
    await turns(dial)
    await asyncio.sleep(0.3)
    await call.end(coze.FINISH_MARKER, coze.END)
    assert (await caller.response()).status == 200
