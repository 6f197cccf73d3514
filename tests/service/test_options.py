"""What arrives at Coze beside the messages: the user, metadata, options; and what is ignored."""

import json

import pytest

from tests.service.asking import body, error_of, last_arrived, messages_arrived, says

pytestmark = pytest.mark.gen_test(timeout=15)


@pytest.mark.parametrize(
    ("fields", "headers", "expected"),
    [
        ({"safety_identifier": "s", "user": "u"}, {"x_user_id": "h"}, "s"),
        ({"user": "u"}, {"x_user_id": "h", "x_openwebui_user_id": "w"}, "u"),
        ({}, {"x_user_id": "h", "x_openwebui_user_id": "w"}, "h"),
        ({"user": None}, {"x_openwebui_user_id": "w"}, "w"),
    ],
)
async def test_first_name_of_the_user_wins(post, sandbox, fields, headers, expected):
    await post(body("hello", **fields), **headers)
    assert last_arrived(sandbox).body["user_id"] == expected


class TestAnyKey:
    @pytest.fixture
    def environment(self):
        return {"PROXY_API_KEYS": ""}

    async def test_user_without_a_name_is_a_digest_of_the_key(self, post, sandbox):
        users = []
        for key in ("sk-one", "sk-one", "sk-two"):
            await post(body("hello"), Authorization=f"Bearer {key}")
            users.append(last_arrived(sandbox).body["user_id"])
        assert users[0] == users[1] != users[2]
        assert all(isinstance(user, str) and "sk-" not in user for user in users)


class TestDefaultUser:
    @pytest.fixture
    def environment(self):
        return {"COZE_USER_ID": "everybody"}

    async def test_request_without_a_name_is_theirs(self, post, sandbox):
        await post(body("hello"))
        assert last_arrived(sandbox).body["user_id"] == "everybody"
        await post(body("hello", user="ann"))
        assert last_arrived(sandbox).body["user_id"] == "ann"


OPTIONS = {
    "bot_version": "1735",
    "connector_id": "1024",
    "custom_variables": {"city": "Oslo", "天": "晴"},
    "enable_card": True,
    "extra_params": {"latitude": "59.9", "longitude": "10.7"},
    "meta_data": {"a": "1"},
    "parameters": {"n": 1, "deep": {"list": [1, None]}},
    "publish_status": "published_online",
    "shortcut_command": {"command_id": "7", "parameters": {"x": "y"}},
}


@pytest.mark.parametrize("name", OPTIONS)
async def test_option_goes_to_cozes_field_of_that_name(post, sandbox, name):
    await post(body("hello", coze={name: OPTIONS[name]}))
    assert last_arrived(sandbox).body[name] == OPTIONS[name]


async def test_options_that_are_not_given_are_not_sent(post, sandbox):
    await post(body("hello", coze=dict.fromkeys(OPTIONS)))
    assert last_arrived(sandbox).body.keys() == {
        "bot_id",
        "user_id",
        "stream",
        "auto_save_history",
        "additional_messages",
    }
    assert last_arrived(sandbox).body["stream"] is True
    assert last_arrived(sandbox).body["auto_save_history"] is False


async def test_metadata_is_cozes_meta_data_which_wins(post, sandbox):
    await post(body("hello", metadata={"a": "1", "b": "2"}, coze={"meta_data": {"b": "3"}}))
    assert last_arrived(sandbox).body["meta_data"] == {"a": "1", "b": "3"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"metadata": {str(i): "x" for i in range(17)}}, "metadata"),
        ({"metadata": {"k" * 65: "x"}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata"),
        ({"metadata": {"": "x"}}, "metadata"),
        ({"metadata": {"k": ""}}, "metadata"),
        ({"coze": {"meta_data": {"k": "v" * 513}}}, "coze.meta_data"),
        ({"coze": {"extra_params": {"altitude": "3"}}}, "coze.extra_params"),
        (
            {"coze": {"bot_version": "1", "publish_status": "unpublished_draft"}},
            "coze.bot_version",
        ),
        ({"coze": {"publish_status": "draft"}}, "coze.publish_status"),
        ({"coze": {"ext": {"a": "b"}}}, "coze.ext"),
        ({"coze": {"resume": "x"}}, "coze.resume"),
        ({"coze": {"shortcut_command": {}}}, "coze.shortcut_command.command_id"),
        ({"coze": {"conversation_id": "../7"}}, "x-conversation-id"),
    ],
)
async def test_option_beyond_cozes_limits_is_a_400_that_names_it(post, sandbox, fields, param):
    response = await post(body("hello", **fields))
    error = error_of(response)
    assert response.code == 400
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert sandbox.requests == []


IGNORED = {
    "temperature": 0.5,
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "max_tokens": 100,
    "max_completion_tokens": 100,
    "seed": 1,
    "logit_bias": {"1": 2},
    "reasoning_effort": "low",
    "verbosity": "low",
    "service_tier": "auto",
    "store": True,
    "parallel_tool_calls": True,
    "num_ctx": 4096,
    "enable_thinking": True,
}


async def test_what_a_bot_decides_itself_is_ignored_and_named(post, sandbox):
    response = await post(body("hello", **IGNORED))
    assert response.code == 200
    named = response.headers["X-Cozeproxy-Ignored"].split(", ")
    assert sorted(named) == sorted(IGNORED)
    assert not last_arrived(sandbox).body.keys() & IGNORED.keys()


@pytest.mark.parametrize("choice", [None, "auto", "none"])
async def test_tools_that_a_bot_does_not_know_are_named_as_ignored(post, choice):
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    chosen = {"tool_choice": choice} if choice else {}
    response = await post(body("hello", tools=tools, **chosen))
    assert response.code == 200
    assert set(response.headers["X-Cozeproxy-Ignored"].split(", ")) == {"tools", *chosen}


NULLABLE = (
    *("temperature", "stream", "stream_options", "user", "metadata", "stop", "response_format"),
    *("tools", "tool_choice", "n", "logprobs", "top_logprobs", "modalities", "audio", "coze"),
    *("safety_identifier", "x-bot-id", "functions", "function_call", "reasoning_effort"),
)


async def test_nulls_and_what_nobody_knows_pass_in_silence(post):
    response = await post(body("hello", **dict.fromkeys(NULLABLE), tomorrow=[{"new": 1}]))
    assert response.code == 200
    assert not [name for name in response.headers if name.lower().startswith("x-cozeproxy")]


async def test_demand_for_json_is_folded_in_with_its_schema(post, sandbox):
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    response_format = {"type": "json_schema", "json_schema": {"name": "city", "schema": schema}}
    response = await post(body("json", response_format=response_format))
    assert response.headers["X-Cozeproxy-Emulated"] == "response_format"
    (message,) = messages_arrived(sandbox)
    asked, demand = message["content"].split("\n\n")
    assert asked == "Hi"
    assert "JSON" in demand
    assert json.loads(demand[demand.index("{") :]) == schema


async def test_text_format_demands_nothing(post, sandbox):
    response = await post(body("hello", response_format={"type": "text"}))
    assert "X-Cozeproxy-Emulated" not in response.headers
    assert messages_arrived(sandbox)[0]["content"] == "Hi"


async def test_notes_stand_on_streams_as_well(post):
    asked = body("json", stream=True, temperature=1, response_format={"type": "json_object"})
    response = await post(asked | {"messages": [says("Hi")] * 101})
    assert response.headers["X-Cozeproxy-Ignored"] == "temperature"
    assert response.headers["X-Cozeproxy-Emulated"] == "response_format"
    assert response.headers["X-Cozeproxy-Left-Out-Messages"] == "1"
