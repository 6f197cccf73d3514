"""Text completions: what callers of the oldest of OpenAI's endpoints get."""

import asyncio
import json

import openai
import pytest
from openai.types import Completion

from cozeproxy.sandbox import Sandbox
from cozeproxy.sandbox.scenarios.answers import CHINESE
from tests.service.asking import error_of, last_arrived, messages_arrived, objects
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=15)

PATH = "/v1/completions"
USAGE = {"include_usage": True}


def body(bot, prompt="Hi", **fields):
    return {"model": f"bot-{bot}", "prompt": prompt, **fields}


def text_of(chunks):
    return "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)


async def test_whole_answer_passes_the_sdks_strict_validation(strict):
    answer = await strict("completions.create", **body("chinese"))
    assert answer.choices[0].text == CHINESE
    assert answer.choices[0].finish_reason == "stop"
    assert answer.id.startswith("cmpl-")
    assert answer.object == "text_completion"
    assert answer.model == "bot-chinese"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_streamed_answer_is_the_whole_one_in_chunks(caller):
    answer = await caller.completions.create(**body("chinese"))
    stream = await caller.completions.create(**body("chinese", stream=True, stream_options=USAGE))
    *chunks, last = [chunk async for chunk in stream]
    assert text_of(chunks) == CHINESE
    assert len(chunks) > 2
    assert [c.choices[0].finish_reason for c in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert last.choices == []
    assert last.usage == answer.usage
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in [*chunks, last]}) == 1


async def test_chunks_are_of_the_sdks_type_but_for_the_open_end(post):
    response = await post(body("chinese", stream=True, stream_options=USAGE), PATH)
    chunks = objects(response.body)
    for chunk in chunks:
        for choice in chunk["choices"]:
            # The type is that of a whole answer, which has one; OpenAI's own chunks have none.
            choice["finish_reason"] = choice["finish_reason"] or "stop"
        Completion.model_validate(chunk, strict=True)
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"


async def test_prompt_arrives_at_coze_as_the_users_message(caller, sandbox):
    for prompt in ("你好，世界 👨‍👩‍👧‍👦", ["你好，世界 👨‍👩‍👧‍👦"]):
        await caller.completions.create(**body("echo", prompt))
        (message,) = messages_arrived(sandbox)
        assert (message["role"], message["content"]) == ("user", "你好，世界 👨‍👩‍👧‍👦")


async def test_each_chunk_goes_out_before_the_next_one_exists(caller, sandbox):
    sandbox.gates.release("held")
    stream = await caller.completions.create(**body("gated", stream=True, user="held"))
    texts = (c.choices[0].text async for c in stream if c.choices[0].text)
    assert await anext(texts) == "one "
    for text in ("two ", "three"):
        await sandbox.gates.reached("held")
        sandbox.gates.release("held")
        assert await anext(texts) == text
    assert [text async for text in texts] == []


@pytest.mark.parametrize("stream", [False, True])
async def test_answer_is_cut_before_a_stop_sequence(caller, stream):
    asked = body("echo", "one two three", stop="two", stream=stream)
    answer = await caller.completions.create(**asked)
    text = text_of([c async for c in answer]) if stream else answer.choices[0].text
    assert text == "You said: one "


async def test_prompt_goes_on_in_a_conversation(caller):
    first = await caller.completions.create(model="conversation-memory", prompt="I am Ann.")
    second = await caller.completions.create(
        model="conversation-memory",
        prompt="Who am I?",
        extra_body={"coze": {"conversation_id": first.coze["conversation_id"]}},
    )
    assert "I am Ann." in second.choices[0].text


async def test_workflow_takes_the_prompt_and_its_question_can_be_answered(caller):
    answer = await caller.completions.create(model="workflow-echo", prompt="Hey")
    assert answer.choices[0].text == "You said: Hey"
    asked = await caller.completions.create(model="workflow-question", prompt="Hey")
    assert asked.choices[0].text
    assert asked.choices[0].finish_reason == "stop"
    resume = {"coze": {"resume": asked.coze["resume"]}}
    answered = await caller.completions.create(
        model="workflow-question", prompt="Oslo", extra_body=resume
    )
    assert "Oslo" in answered.choices[0].text


async def test_headers_tell_ids_and_what_was_ignored(post):
    response = await post(body("hello", temperature=0, max_tokens=16), PATH)
    ids = json.loads(response.body)["coze"]
    assert response.headers["X-Conversation-Id"] == ids["conversation_id"]
    assert response.headers["X-Coze-Logid"] == ids["logid"]
    assert response.headers["X-Cozeproxy-Ignored"] == "max_tokens, temperature"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kept", [False, True])
async def test_bot_that_calls_a_tool_is_an_error_that_says_where_to_ask(caller, stream, kept):
    asked = body("tools", stream=stream, extra_body={"coze": {"auto_save_history": kept}})
    with pytest.raises(openai.BadRequestError) as caught:
        await caller.completions.create(**asked)
    assert caught.value.code == "tool_output_required"
    assert "/v1/chat/completions" in caught.value.message


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"prompt": ""}, "prompt", "invalid_value"),
        ({"prompt": [1, 2]}, "prompt", "unsupported_value"),
        ({"prompt": ["a", "b"]}, "prompt", "unsupported_value"),
        ({"suffix": "x"}, "suffix", "unsupported_parameter"),
        ({"echo": True}, "echo", "unsupported_parameter"),
        ({"best_of": 2}, "best_of", "unsupported_value"),
        ({"logprobs": 1}, "logprobs", "unsupported_parameter"),
        ({"n": 2}, "n", "unsupported_value"),
        ({"model": 5}, "model", "invalid_type"),
    ],
)
async def test_what_cannot_be_served_is_a_400_that_names_the_place(
    post, sandbox, fields, param, code
):
    response = await post(body("hello", **fields), PATH)
    assert response.code == 400
    assert (error_of(response)["param"], error_of(response)["code"]) == (param, code)
    assert f"'{param}'" in error_of(response)["message"]
    assert sandbox.requests == []


async def test_failure_before_the_text_is_a_status(caller):
    for stream in (False, True):
        with pytest.raises(openai.APIStatusError) as caught:
            await caller.completions.create(**body("failed", stream=stream))
        assert caught.value.status_code == 502


class TestBreaking:
    @pytest.fixture
    def environment(self, raw_coze):
        return {"COZE_BASE_URL": raw_coze.base_url}

    async def test_failure_after_the_text_is_raised_from_the_stream(self, caller, raw_coze):
        asking = asyncio.create_task(caller.completions.create(**body("7", stream=True)))
        call = await raw_coze.called()
        await call.start(coze.CREATED + coze.delta("I was about "))
        stream = await asking
        assert (await anext(stream)).choices[0].text == "I was about "
        await call.say(coze.event("error", {"code": 4013, "msg": "busy"}))
        with pytest.raises(openai.APIError) as caught:
            await anext(stream)
        assert caught.value.code == "rate_limit_exceeded"


async def test_caller_that_leaves_ends_the_chat(caller, sandbox, post, caplog):
    sandbox.gates.release("leaving")
    async with await caller.completions.create(
        **body("gated", stream=True, user="leaving")
    ) as stream:
        async for _ in stream:
            break
    await sandbox.arrived("/v3/chat/cancel")
    await post(None, "/health", "GET")
    assert "499 POST /v1/completions" in caplog.text


class TestLimits:
    @pytest.fixture
    def environment(self):
        return {"ALLOWED_BOT_IDS": Sandbox.BOT_ID}

    async def test_only_allowed_bots_can_be_asked(self, caller, sandbox):
        with pytest.raises(openai.PermissionDeniedError):
            await caller.completions.create(**body("hello"))
        assert sandbox.requests == []
        await caller.completions.create(model="gpt-3.5-turbo-instruct", prompt="Hi")
        assert last_arrived(sandbox).body["bot_id"] == Sandbox.BOT_ID
