"""Where requests go: what arrives at Coze for each place that can name a type or an id."""

import openai
import pytest

from cozeproxy.sandbox import Sandbox
from tests.service.asking import says

pytestmark = pytest.mark.gen_test(timeout=15)

# By type: Coze's path, and the key of the id that the request's body has there.
CALLED = {
    "chat": ("/v3/chat", "bot_id"),
    "conversation": ("/v3/chat", "bot_id"),
    "workflow": ("/v1/workflow/stream_run", "workflow_id"),
    "chatflow": ("/v1/workflows/chat", "workflow_id"),
}
ID = {"chat": "x-bot-id", "conversation": "x-bot-id"}
IDS_OF_BOTH = {"x-bot-id": "hello", "x-workflow-id": "echo"}

PLACES = {
    "headers": lambda named: {"headers": named},
    "body": lambda named: {"body": named},
    "extra_headers_in_body": lambda named: {"body": {"extra_headers": named}},
}


@pytest.fixture
def call(sandbox):
    """The only call to Coze: its type, and whom it is for."""

    def call():
        (request,) = sandbox.requests
        kinds = [kind for kind, (path, _) in CALLED.items() if path == request.path]
        if request.path == "/v3/chat":
            kinds = ["conversation" if request.body["auto_save_history"] else "chat"]
        (kind,) = kinds
        return kind, request.body[CALLED[kind][1]]

    return call


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", CALLED)
async def test_type_and_id_are_found_in_any_place_whatever_the_model(ask, call, kind, place):
    named = {"x-model-type": kind, ID.get(kind, "x-workflow-id"): "echo"}
    await ask("gpt-3.5-turbo", **PLACES[place](named))
    assert call() == (kind, "echo")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("bot-hello", ("chat", "hello")),
        ("conversation-hello", ("conversation", "hello")),
        ("workflow-echo", ("workflow", "echo")),
        ("chatflow-hello", ("chatflow", "hello")),
        ("gpt-4", ("chat", Sandbox.BOT_ID)),
        ("claude/模型:1", ("chat", Sandbox.BOT_ID)),
        ("bot-", ("chat", Sandbox.BOT_ID)),
    ],
)
async def test_model_name_says_where_the_request_goes(ask, call, model, expected):
    await ask(model)
    assert call() == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # Each by itself: the type of one place goes with the id of another.
        ({"model": "bot-hello", "headers": {"x-model-type": "conversation"}}, "conversation"),
        ({"model": "conversation-hello", "body": {"x-model-type": "chat"}}, "chat"),
        (
            {"headers": {"x-model-type": "chat"}, "body": {"x-model-type": "no", **IDS_OF_BOTH}},
            "chat",
        ),
        (
            {"body": {"x-bot-id": "hello", "extra_headers": {"x-bot-id": "no such bot"}}},
            "chat",
        ),
        ({"model": "bot-memory", "headers": {"X-Bot-Id": "hello"}}, "chat"),
    ],
)
async def test_first_place_wins_for_each_key_by_itself(ask, call, fields, expected):
    await ask(**{"model": "gpt-4", **fields})
    assert call() == (expected, "hello")


class TestDefaultConversation:
    @pytest.fixture
    def environment(self):
        return {"DEFAULT_MODEL_TYPE": "conversation"}

    @pytest.mark.parametrize(
        ("model", "headers", "expected"),
        [
            ("gpt-4", {}, ("conversation", Sandbox.BOT_ID)),
            ("bot-hello", {}, ("conversation", "hello")),
            ("gpt-4", {"x-workflow-id": "echo"}, ("workflow", "echo")),
        ],
    )
    async def test_default_is_what_nothing_else_says(self, ask, call, model, headers, expected):
        await ask(model, headers=headers)
        assert call() == expected


async def test_unknown_type_is_a_400_that_names_the_four(ask, sandbox):
    with pytest.raises(openai.BadRequestError) as caught:
        await ask("gpt-4", headers={"x-model-type": "magic"})
    assert caught.value.code == "invalid_model_type"
    assert "chat, conversation, workflow, chatflow" in caught.value.message
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("model_type", "code", "message"),
    [
        ("chat", "missing_bot_id", "Bot ID is required for chat completion"),
        ("conversation", "missing_bot_id", "Bot ID is required for chat completion"),
        ("workflow", "missing_workflow_id", "Workflow ID is required for workflow completion"),
        ("chatflow", "missing_workflow_id", "Workflow ID is required for workflow completion"),
    ],
)
class TestNothingSet:
    @pytest.fixture
    def environment(self):
        return {"COZE_BOT_ID": ""}

    async def test_missing_id_is_a_400_that_names_it(self, ask, sandbox, model_type, code, message):
        with pytest.raises(openai.BadRequestError, match=message) as caught:
            await ask("gpt-4", headers={"x-model-type": model_type})
        assert caught.value.code == code
        assert sandbox.requests == []


@pytest.mark.parametrize("bad", ["../v1/files", "a b", "x" * 65, "1?a=b", "1&a=b", "机器人", "%2e"])
@pytest.mark.parametrize("key", ["x-bot-id", "x-workflow-id", "x-conversation-id"])
async def test_id_that_cannot_be_one_is_a_400_before_any_call(ask, sandbox, key, bad):
    with pytest.raises(openai.BadRequestError) as caught:
        await ask("gpt-4", body={key: bad})
    assert caught.value.param == key
    assert bad not in caught.value.message
    assert sandbox.requests == []


@pytest.mark.parametrize("model", ["bot-a b", "workflow-../run", "chatflow-机器人"])
async def test_model_name_with_an_id_that_cannot_be_one_is_a_400(ask, sandbox, model):
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(model)
    assert caught.value.param == "model"
    assert sandbox.requests == []


async def test_model_name_is_given_back_whatever_it_says(caller):
    for model in ("conversation-hello", "workflow-echo", "chatflow-hello", "anything"):
        create = caller.chat.completions.create
        answer = await create(model=model, messages=[says("Hi")])
        stream = await create(model=model, messages=[says("Hi")], stream=True)
        assert {answer.model, *[chunk.model async for chunk in stream]} == {model}
