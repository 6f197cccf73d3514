"""Chatflows: workflows that hold a conversation."""

import json
import re

import openai
import pytest

from cozeproxy.sandbox import Sandbox
from cozeproxy.sandbox.scenarios import CHATFLOWS
from tests.service.asking import says
from tests.support.files import PNG, data_url
from tests.types.asking import arrived

pytestmark = pytest.mark.gen_test(timeout=15)

ECHO = "You said: 晴 Hi. (1 message received, 0 remembered)"
# By chatflow: what it says to "晴 Hi".
SAID = {
    "echo": ECHO,
    "hello": "Hello",
    "memory": "You said: 晴 Hi Before that: -",
    "two-answers": "The first answer.\n\nThe second answer.",
    "empty-result": "",
    "slow": ECHO,
    "studio": ECHO,
}
# By chatflow that asks: its question.
ASKS = {
    "question": "Which city is it about?",
    "question-sample": "Which city is it about?",
    "studio-question": "Which city is it about?",
}
# By chatflow: the status, OpenAI's code, and whether Coze had begun.
FAILED = {
    "error": (502, "upstream_error", True),
    "error-mid": (502, "upstream_error", True),
    "failed": (404, "not_found", True),
    "eof": (502, "upstream_error", True),
    "studio-error": (502, "upstream_error", True),
    "code-4028": (429, "insufficient_quota", False),
    "code-4021": (400, None, False),
    "auth-once": (401, "invalid_api_key", False),
    "no-such-chatflow": (404, "model_not_found", False),
}
SPOKEN = ("error-mid", "eof")
ELSEWHERE = ("inspect", "gated", "silent")

IMAGE = {"type": "image_url", "image_url": {"url": data_url(PNG)}}


@pytest.fixture
def chats(sandbox):
    """The bodies of the requests that have arrived at Coze's chatflows."""
    return lambda: [request.body for request in arrived(sandbox, "/v1/workflows/chat")]


def contents(body):
    return [message["content"] for message in body["additional_messages"]]


def test_every_chatflow_of_the_stand_in_has_its_place():
    named = {re.sub(r"\d+", "<n>", name) for name in [*SAID, *ASKS, *FAILED, *ELSEWHERE]}
    assert {scenario.name for scenario in CHATFLOWS} == named - {"no-such-chatflow"}


@pytest.mark.parametrize("chatflow", SAID)
async def test_answer_comes_as_it_is_said(ask, chatflow):
    answer = await ask(f"chatflow-{chatflow}", "晴 Hi")
    assert (answer.text, answer.finish_reason) == (SAID[chatflow], "stop")
    assert answer.tool_calls == []
    assert answer.headers["x-conversation-id"] == answer.coze["conversation_id"]


async def test_request_arrives_with_history_bot_and_parameters(ask):
    messages = [says("Be kind.", "system"), says("One"), says("1", "assistant"), says("Two")]
    parameters = {"city": "Oslo", "days": 3}
    answer = await ask(
        "chatflow-inspect", messages=messages, user="ann", coze={"parameters": parameters}
    )
    body = json.loads(answer.text)["body"]
    assert contents(body) == ["Be kind.\n\nOne", "1", "Two"]
    del body["additional_messages"]
    assert body == {
        "workflow_id": "inspect",
        "bot_id": Sandbox.BOT_ID,
        "ext": {"user_id": "ann"},
        "parameters": parameters,
    }


@pytest.mark.parametrize(
    ("fields", "belongs"),
    [
        ({}, {"bot_id": Sandbox.BOT_ID}),
        ({"headers": {"x-bot-id": "7"}}, {"bot_id": "7"}),
        ({"coze": {"app_id": "8"}}, {"app_id": "8"}),
        ({"coze": {"app_id": "8"}, "headers": {"x-bot-id": "7"}}, {"app_id": "8"}),
    ],
    ids=["default", "bot", "app", "app_and_bot"],
)
async def test_chatflow_has_one_bot_or_one_app(ask, chats, fields, belongs):
    await ask("chatflow-echo", **fields)
    (body,) = chats()
    assert {key: body[key] for key in ("bot_id", "app_id") if key in body} == belongs


class TestWithoutDefaultBot:
    @pytest.fixture
    def environment(self):
        return {"COZE_BOT_ID": ""}

    async def test_chatflow_without_bot_or_app_is_a_400(self, ask, sandbox):
        with pytest.raises(openai.BadRequestError, match=r"x-bot-id or coze\.app_id") as caught:
            await ask("chatflow-echo")
        assert caught.value.code == "missing_bot_id"
        assert sandbox.requests == []

    async def test_app_is_enough(self, ask):
        assert (await ask("chatflow-hello", coze={"app_id": "8"})).text == "Hello"


async def test_three_turns_send_one_message_each_and_coze_remembers(ask, chats):
    messages, headers = [], {}
    for text in ("One", "Two", "Three"):
        messages.append(says(text))
        answer = await ask("chatflow-memory", messages=messages, headers=headers)
        messages.append(answer.message)
        headers = {"x-conversation-id": answer.headers["x-conversation-id"]}
    assert [contents(body) for body in chats()] == [["One"], ["Two"], ["Three"]]
    # Unlike for chats, in the body.
    ids = [body.get("conversation_id") for body in chats()]
    assert ids == [None, headers["x-conversation-id"], headers["x-conversation-id"]]
    assert answer.text.startswith("You said: Three Before that: One | You said: One ")


@pytest.mark.parametrize("chatflow", ASKS)
async def test_question_ends_the_answer_and_the_next_message_goes_on(ask, chats, chatflow):
    first = await ask(f"chatflow-{chatflow}", "Weather?")
    assert (first.text, first.finish_reason) == (ASKS[chatflow], "stop")
    assert first.tool_calls == []
    messages = [says("Weather?"), first.message, says("Oslo")]
    conversation = {"conversation_id": first.coze["conversation_id"]}
    second = await ask(f"chatflow-{chatflow}", messages=messages, coze=conversation)
    assert second.text == "Thank you. I have noted: Oslo"
    assert contents(chats()[1]) == ["Oslo"]


@pytest.mark.parametrize("chatflow", FAILED)
async def test_failure_is_raised_with_its_status(ask, chatflow):
    status, code, begun = FAILED[chatflow]
    with pytest.raises(openai.APIError) as caught:
        await ask(f"chatflow-{chatflow}")
    error = caught.value
    assert error.code == code
    if isinstance(error, openai.APIStatusError):
        assert error.status_code == status
        should_retry = error.response.headers.get("x-should-retry")
        assert (should_retry == "false") is (begun or code == "insufficient_quota")
    else:
        assert chatflow in SPOKEN


async def test_unknown_conversation_is_a_404(ask):
    with pytest.raises(openai.NotFoundError, match="conversation does not exist"):
        await ask("chatflow-echo", headers={"x-conversation-id": "7400000000000000000"})


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([says("One"), says("1", "assistant")], "last message must be the user's"),
        ([says(str(i)) for i in range(51)], "at most 50 messages"),
        ([says(str(i)) for i in range(200)], "at most 50 messages"),
        ([says([{"type": "text", "text": "Look"}, IMAGE])], "text only"),
        ([says([IMAGE]), says("1", "assistant"), says("Two")], None),
    ],
)
async def test_what_a_chatflow_cannot_take_is_a_400_before_any_call(ask, sandbox, messages, reason):
    with pytest.raises(openai.BadRequestError, match=reason) as caught:
        await ask("chatflow-echo", messages=messages)
    assert caught.value.param == "messages"
    assert sandbox.requests == []


async def test_fifty_messages_are_taken(ask, chats):
    await ask("chatflow-echo", messages=[says(str(i)) for i in range(50)])
    assert len(chats()[0]["additional_messages"]) == 50


async def test_text_is_streamed_as_it_is_said(caller, sandbox):
    sandbox.gates.release("ann")
    stream = await caller.chat.completions.create(
        model="chatflow-gated", messages=[says("Hi")], user="ann", stream=True
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


class TestDefaultType:
    @pytest.fixture
    def environment(self):
        return {"DEFAULT_MODEL_TYPE": "chatflow", "COZE_WORKFLOW_ID": "question"}

    async def test_any_model_name_begins_and_goes_on_in_the_chatflow(self, ask):
        first = await ask("gpt-4", "Weather?")
        headers = {"x-conversation-id": first.headers["x-conversation-id"]}
        second = await ask("gpt-4", "Oslo", headers=headers)
        assert second.text == "Thank you. I have noted: Oslo"

    async def test_bot_is_asked_as_a_bot_all_the_same(self, ask):
        assert (await ask("bot-hello")).text == "Hello"
