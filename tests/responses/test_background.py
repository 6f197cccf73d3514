"""Responses that nobody waits for: begun, and polled for."""

import asyncio
import json

import openai
import pytest

from cozeproxy.upstream.client import CozeClient
from tests.responses.asking import KEYS, RAIN, body, calls_of, output, polled, says, text_of, to
from tests.service.asking import last_arrived
from tests.support.files import PNG, data_url

pytestmark = pytest.mark.gen_test(timeout=15)

BACKGROUND = {"background": True}


async def test_response_is_begun_and_polled_for(strict, sandbox):
    response = await strict.responses.create(**to("gated", user="ann"), **BACKGROUND)
    assert (response.status, response.output, response.background) == ("in_progress", [], True)
    assert (response.usage, response.completed_at, response.error) == (None, None, None)
    await sandbox.gates.reached("ann")
    waiting = await strict.responses.retrieve(response.id)
    assert (waiting.id, waiting.status, waiting.background) == (response.id, "in_progress", True)
    sandbox.gates.release("ann", 3)
    done = await polled(strict, response)
    assert (done.id, done.status, text_of(done)) == (response.id, "completed", "one two three")
    assert done.usage.total_tokens
    assert last_arrived(sandbox).body["stream"] is False


async def test_beginning_has_all_keys(post):
    response = await post(body("hello", **BACKGROUND), "/v1/responses")
    found = json.loads(response.body)
    assert found.keys() == KEYS | {"coze"}
    assert found["coze"].keys() == {"conversation_id", "chat_id"}


async def test_turn_goes_on_from_it(strict, ask):
    first = await polled(strict, await strict.responses.create(**to("hello", "One"), **BACKGROUND))
    second = await ask(**to("memory", "Two", previous_response_id=first.id))
    assert text_of(second) == "You said: Two Before that: One | Hello"


async def test_turn_before_it_goes_on_in_the_background(strict, ask):
    first = await ask(**to("hello", "One"))
    asked = to("memory", "Two", previous_response_id=first.id)
    second = await polled(strict, await strict.responses.create(**asked, **BACKGROUND))
    assert text_of(second) == "You said: Two Before that: One | Hello"


async def test_call_waits_and_its_output_goes_on_in_the_background(strict, sandbox):
    asked = to("tools", "Rain?", tools=[RAIN])
    first = await polled(strict, await strict.responses.create(**asked, **BACKGROUND))
    (call,) = calls_of(first)
    assert json.loads(call.arguments) == {"location": "Oslo"}
    asked = to("tools", [output(call, "wet")], previous_response_id=first.id)
    second = await polled(strict, await strict.responses.create(**asked, **BACKGROUND))
    assert text_of(second) == "The tool said: wet"
    assert last_arrived(sandbox, "/v3/chat/submit_tool_outputs").body["stream"] is False


async def test_files_are_uploaded_first(strict, sandbox):
    text = {"type": "input_text", "text": "What is this?"}
    image = {"type": "input_image", "detail": "auto", "image_url": data_url(PNG)}
    asked = to("hello", [says([text, image])])
    response = await polled(strict, await strict.responses.create(**asked, **BACKGROUND))
    assert text_of(response) == "Hello"
    assert len(sandbox.state.files) == 1


async def test_failure_is_told_by_the_response(strict):
    response = await strict.responses.create(**to("failed"), **BACKGROUND)
    failed = await polled(strict, response)
    assert (failed.id, failed.status) == (response.id, "failed")
    assert failed.error.code == "server_error"
    assert "event interval error" in failed.error.message


async def test_refusal_has_a_status(strict):
    with pytest.raises(openai.PermissionDeniedError) as caught:
        await strict.responses.create(**to("unpublished"), **BACKGROUND)
    assert caught.value.code == "model_not_available"


class TestUnsure:
    """Whether Coze has begun, cannot be known: a resend could be a second chat."""

    @pytest.fixture
    def environment(self, raw_coze, monkeypatch):
        monkeypatch.setattr(CozeClient.call, "__defaults__", ("application/json", 0.3))
        return {"COZE_BASE_URL": raw_coze.base_url}

    @pytest.mark.parametrize(
        ("comes", "status"), [("nothing", 504), ("the end", 502), ("something else", 502)]
    )
    async def test_it_is_not_sent_again(self, post, raw_coze, comes, status):
        asking = asyncio.create_task(post(body("7", **BACKGROUND), "/v1/responses"))
        call = await raw_coze.called()
        if comes == "the end":
            call.close()
        elif comes == "something else":
            await call.reply(code=0, data=7, msg="")
        response = await asking
        assert response.code == status
        assert response.headers["x-should-retry"] == "false"

    async def test_refusal_is(self, post, raw_coze):
        asking = asyncio.create_task(post(body("7", **BACKGROUND), "/v1/responses"))
        await (await raw_coze.called()).reply(code=4013, msg="too many")
        response = await asking
        assert response.code == 429
        assert "x-should-retry" not in response.headers


@pytest.mark.parametrize(
    "asked",
    [
        to("hello", stream=True),
        to("hello", store=False),
        {"model": "workflow-echo", "input": "Hi"},
        {"model": "chatflow-echo", "input": "Hi"},
    ],
)
async def test_what_cannot_be_polled_for_is_refused(strict, sandbox, asked):
    with pytest.raises(openai.BadRequestError) as caught:
        await strict.responses.create(**asked, **BACKGROUND)
    assert (caught.value.param, caught.value.code) == ("background", "unsupported_value")
    assert sandbox.requests == []
