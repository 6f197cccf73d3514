"""Workflows: what a run says, and what the caller gets of it."""

import asyncio
import json
import re

import openai
import pytest

from cozeproxy.sandbox.scenarios import WORKFLOWS
from tests.service.asking import chunks_of, says
from tests.types.asking import ASK, arrived, asker
from tests.types.events import event, message

pytestmark = pytest.mark.gen_test(timeout=15)

TWO_NODES = (
    "The first node speaks. \n\nThe second node speaks. \n\n"
    '{"summary":"Two nodes have spoken.","count":2}'
)
MANY_OUTPUTS = '{"title":"Oslo","temperature":21,"tags":["sunny","晴"]}'

# By workflow: what is said to "晴 Hi", with WORKFLOW_OUTPUT=auto and with raw.
SAID = {
    "echo": ("You said: 晴 Hi", '{"output":"You said: 晴 Hi"}'),
    "output-nodes": ("晴 Hi", '晴 Hi\n\n{"output":"晴 Hi"}'),
    "output-nodes-many": (TWO_NODES, TWO_NODES),
    "end-json-many": (MANY_OUTPUTS, MANY_OUTPUTS),
    "end-text": ("You said: 晴 Hi", "You said: 晴 Hi"),
    "empty": ("", ""),
    "ping": ("pong", 'pong\n\n{"output":"pong"}'),
    "slow": ("晴 Hi", '晴 Hi\n\n{"output":"晴 Hi"}'),
    "usage": ("42", '{"output":"42"}'),
    "studio": ("晴 Hi", '晴 Hi\n\n{"output":"晴 Hi"}'),
}
# By workflow: the status, OpenAI's code, and whether Coze had begun the run.
FAILED = {
    "error": (400, None, True),
    "error-5000": (502, "upstream_error", True),
    "error-4028": (429, "insufficient_quota", True),
    "error-6023": (504, "upstream_timeout", True),
    "error-mid": (502, "upstream_error", True),
    "no-done": (502, "upstream_error", True),
    "cut": (502, "upstream_error", True),
    "studio-failed": (502, "upstream_error", True),
    "studio-crashed": (502, "upstream_error", True),
    "unpublished": (404, "model_not_found", False),
    "unpublished-studio": (404, "model_not_found", False),
    "code-4102": (403, "permission_denied", False),
    "http-401-4100": (401, "invalid_api_key", False),
    "auth-once": (401, "invalid_api_key", False),
    "no-such-workflow": (404, "model_not_found", False),
}
# Of those, the ones that say something first.
SPOKEN = ("error-mid", "no-done", "cut")
ELSEWHERE = ("inspect", "gated", "silent", "silent-mid-stream")
QUESTIONS = ("question", "question-twice", "question-endless", "input-node", "studio-question")

RAISED = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
    502: openai.InternalServerError,
    504: openai.InternalServerError,
}


def test_every_workflow_of_the_stand_in_has_its_place():
    named = {re.sub(r"\d+", "<n>", name) for name in [*SAID, *FAILED, *ELSEWHERE, *QUESTIONS]}
    assert {scenario.name for scenario in WORKFLOWS} == named - {"no-such-workflow"}


@pytest.mark.parametrize("workflow", SAID)
async def test_outputs_are_said_once_and_in_order(ask, workflow):
    answer = await ask(f"workflow-{workflow}", "晴 Hi")
    assert (answer.text, answer.finish_reason) == (SAID[workflow][0], "stop")
    assert answer.tool_calls == []


class TestRawOutput:
    @pytest.fixture
    def environment(self):
        return {"WORKFLOW_OUTPUT": "raw"}

    @pytest.mark.parametrize("workflow", SAID)
    async def test_end_node_is_given_as_coze_sends_it(self, ask, workflow):
        assert (await ask(f"workflow-{workflow}", "晴 Hi")).text == SAID[workflow][1]


async def test_request_arrives_as_it_was_built(ask):
    answer = await ask("workflow-inspect", user="ann")
    assert json.loads(answer.text) == {
        "workflow_id": "inspect",
        "ext": {"user_id": "ann"},
        "parameters": {"input": "Hi"},
    }


async def test_whole_answer_comes_of_a_stream_too(ask, sandbox):
    await ask("workflow-echo")
    assert [request.path for request in sandbox.requests] == ["/v1/workflow/stream_run"]


async def test_usage_debug_url_and_logid_come_with_the_answer(ask):
    answer = await ask("workflow-usage")
    assert answer.usage == {"prompt_tokens": 50, "completion_tokens": 100, "total_tokens": 150}
    assert answer.coze["debug_url"].startswith("https://www.coze.cn/work_flow?execute_id=")
    assert answer.coze["logid"] == answer.headers["x-coze-logid"]
    assert "x-conversation-id" not in answer.headers


async def test_text_is_streamed_as_it_is_said(caller, sandbox):
    sandbox.gates.release("ann")
    stream = await caller.chat.completions.create(
        model="workflow-gated", messages=[says("Hi")], user="ann", stream=True
    )
    seen = []
    async for chunk in stream:
        text = chunk.choices[0].delta.content
        if text:
            seen.append(text)
            if len(seen) < 3:
                # What comes next is only let go when this one is here.
                await sandbox.gates.reached("ann")
                sandbox.gates.release("ann")
    assert seen == ["one ", "two ", "three"]


async def test_stop_sequence_cuts_the_output(ask):
    answer = await ask("workflow-end-text", "one two three", stop=" two")
    assert answer.text == "You said: one"


@pytest.mark.parametrize("workflow", FAILED)
async def test_failure_is_raised_with_its_status(ask, workflow):
    status, code, begun = FAILED[workflow]
    with pytest.raises(openai.APIError) as caught:
        await ask(f"workflow-{workflow}")
    error = caught.value
    assert error.code == code
    if isinstance(error, openai.APIStatusError):
        assert type(error) is RAISED[status]
        # Sending it again would be a second run.
        should_retry = error.response.headers.get("x-should-retry")
        assert (should_retry == "false") is (begun or code == "insufficient_quota")
    else:
        assert workflow in SPOKEN


@pytest.mark.parametrize("way", ASK)
@pytest.mark.parametrize(("workflow", "runs"), [("error-5000", 1), ("code-5000", 2)])
async def test_sdk_resends_only_what_is_no_second_run(way, caller, sandbox, workflow, runs):
    ask = asker(way, caller.with_options(max_retries=1))
    with pytest.raises(openai.InternalServerError):
        await ask(f"workflow-{workflow}")
    assert len(arrived(sandbox, "/v1/workflow/stream_run")) == runs


async def test_failure_keeps_cozes_words_and_logid(ask):
    with pytest.raises(openai.BadRequestError, match="Request parameter error") as caught:
        await ask("workflow-error")
    assert re.search(r"\(code 4000, logid \d{14}[0-9A-F]{20}\)", caught.value.message)


class TestPieceByPiece:
    """With a server in Coze's place that says what the test says, when it says it."""

    @pytest.fixture
    def environment(self, raw_coze):
        return {"COZE_BASE_URL": raw_coze.base_url}

    async def begun(self, caller, raw_coze):
        asking = asyncio.create_task(
            caller.chat.completions.create(model="workflow-7", messages=[says("Hi")], stream=True)
        )
        call = await raw_coze.called()
        assert call.path == "/v1/workflow/stream_run"
        await call.start(message("I was about "))
        stream = await asking
        opening = [(await anext(stream)).choices[0].delta.content for _ in range(2)]
        assert opening == ["", "I was about "]
        return call, stream

    @pytest.mark.parametrize(
        ("fail", "code", "text"),
        [
            (lambda call: call.close(), "upstream_error", "broke off"),
            (lambda call: call.reset(), "upstream_error", "broke off"),
            (
                lambda call: call.say(event("Error", {"error_code": 4028, "error_message": "Out"})),
                "insufficient_quota",
                "Coze: Out (code 4028, logid 2024RAW)",
            ),
            (lambda call: call.end(), "upstream_error", "ended before the workflow did"),
        ],
        ids=["closed", "reset", "error", "end"],
    )
    async def test_failure_after_text_ends_the_stream_as_one(
        self, caller, raw_coze, fail, code, text
    ):
        call, stream = await self.begun(caller, raw_coze)
        failing = fail(call)
        if failing:
            await failing
        with pytest.raises(openai.APIError, match=re.escape(text)) as caught:
            await chunks_of(stream)
        assert caught.value.code == code

    async def test_caller_that_leaves_ends_the_call(self, caller, raw_coze):
        call, stream = await self.begun(caller, raw_coze)
        await stream.close()
        await call.left()

    async def test_caller_that_leaves_before_any_event_ends_the_call(self, caller, raw_coze):
        create = caller.chat.completions.create
        asking = asyncio.create_task(create(model="workflow-7", messages=[says("Hi")]))
        call = await raw_coze.called()
        asking.cancel()
        await call.left()
