"""The request that brings the outputs of tools: who may bring it, and what it must hold."""

import json
from dataclasses import replace

import openai
import pytest

from cozeproxy.app import Service
from tests.service.asking import TOOLS, body, error_of, last_arrived, outputs, says, to
from tests.support import sdk

pytestmark = pytest.mark.gen_test(timeout=15)

SUBMIT = "/v3/chat/submit_tool_outputs"


@pytest.fixture
def waiting(post):
    """Ask a bot that calls tools; the assistant's message."""

    async def waiting(bot):
        response = await post(body(bot, tools=TOOLS))
        return json.loads(response.body)["choices"][0]["message"]

    return waiting


async def test_another_copy_of_the_service_can_go_on(waiting, settings, api_key):
    message = await waiting("tools")
    other = Service(replace(settings, port=0))
    port = other.start()
    try:
        base_url = f"http://127.0.0.1:{port}/v1"
        async with sdk.asynchronous(base_url=base_url, api_key=api_key) as caller:
            history = [says("Hi"), message, *outputs(message, '{"probability": 1}')]
            answer = await caller.chat.completions.create(**to("tools", messages=history))
    finally:
        await other.stop()
    assert answer.choices[0].message.content == "100%."


async def test_second_round_needs_neither_tools_nor_the_bots_name(waiting, post):
    message = await waiting("tools")
    history = [says("Hi"), message, *outputs(message, "wet")]
    response = await post({"model": "gpt-4", "messages": history})
    assert json.loads(response.body)["choices"][0]["message"]["content"] == "The tool said: wet"


async def test_missing_output_is_a_400_that_names_the_call(waiting, post, sandbox):
    message = await waiting("tools-parallel")
    both = outputs(message, "wet", "dry")
    for given, missing in ((both[:1], 1), (both[1:], 0)):
        response = await post(body("tools-parallel", messages=[says("Hi"), message, *given]))
        error = error_of(response)
        assert response.code == 400
        assert message["tool_calls"][missing]["id"] in error["message"]
    assert SUBMIT not in {request.path for request in sandbox.requests}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda id_: id_[:-1], id="shorter"),
        pytest.param(lambda id_: id_ + "A", id="longer"),
        pytest.param(lambda id_: id_[:20] + "x" + id_[21:], id="changed"),
        pytest.param(lambda id_: id_ + "=", id="padded"),
        pytest.param(lambda id_: id_[:11], id="empty"),
        pytest.param(lambda id_: id_ + "é", id="not_ascii"),
        pytest.param(lambda id_: id_ * 50, id="long"),
    ],
)
async def test_id_that_was_changed_is_a_400_that_names_its_place(waiting, post, sandbox, change):
    message = await waiting("tools")
    message["tool_calls"][0]["id"] = change(message["tool_calls"][0]["id"])
    history = [says("Hi"), message, *outputs(message, "wet")]
    response = await post(body("tools", messages=history))
    assert response.code == 400
    assert error_of(response)["param"] == "messages[2].tool_call_id"
    assert SUBMIT not in {request.path for request in sandbox.requests}


async def test_what_the_user_says_after_outputs_is_asked_with_them_as_text(waiting, post, sandbox):
    message = await waiting("tools")
    history = [says("Hi"), message, *outputs(message, "wet"), says("And?")]
    response = await post(body("echo", messages=history))
    assert response.code == 200
    sent = sandbox.requests[-1].body["additional_messages"]
    assert [m["content"] for m in sent][-2:] == ["[Result of get_rain_probability] wet", "And?"]


async def test_outputs_of_two_chats_are_a_400(waiting, post):
    messages = [await waiting("tools") for _ in range(2)]
    both = [*outputs(messages[0], "wet"), *outputs(messages[1], "dry")]
    response = await post(body("tools", messages=[says("Hi"), *both]))
    assert response.code == 400


async def test_outputs_before_the_last_answer_are_history(waiting, post, sandbox):
    message = await waiting("tools")
    history = [says("Rain?"), message, *outputs(message, "wet"), says("Wet.", "assistant")]
    response = await post(body("hello", messages=[*history, says("Thanks")]))
    assert response.code == 200
    texts = [m["content"] for m in last_arrived(sandbox).body["additional_messages"]]
    assert texts[2] == "[Result of get_rain_probability] wet"
    assert SUBMIT not in {request.path for request in sandbox.requests}


@pytest.mark.parametrize("stream", [False, True])
async def test_failure_in_the_second_round_is_raised(waiting, caller, stream):
    message = await waiting("tools-then-failed")
    history = [says("Hi"), message, *outputs(message, "wet")]
    with pytest.raises(openai.InternalServerError) as caught:
        await caller.chat.completions.create(**to("x", messages=history, stream=stream))
    assert caught.value.response.headers["x-should-retry"] == "false"


async def test_output_that_is_sent_twice_is_cozes_error(waiting, post):
    message = await waiting("tools")
    asked = body("tools", messages=[says("Hi"), message, *outputs(message, "wet")])
    assert (await post(asked)).code == 200
    response = await post(asked)
    assert response.code == 400
    assert "code 4000" in error_of(response)["message"]
