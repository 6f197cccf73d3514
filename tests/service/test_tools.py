"""Tools that the caller runs: a chat of Coze's waits, and goes on with what they said."""

import json
import re

import pytest

from tests.service.asking import (
    TOOLS,
    body,
    error_of,
    last_arrived,
    objects,
    outputs,
    says,
    text_of,
    to,
)

pytestmark = pytest.mark.gen_test(timeout=15)

SUBMIT = "/v3/chat/submit_tool_outputs"


@pytest.fixture(params=["whole", "streamed"])
def ask(request, sdk):
    """Ask, and give the assistant's message as the next request repeats it, and why it ended."""

    async def whole(**asked):
        (choice,) = (await sdk.whole(**asked, tools=TOOLS)).choices
        return choice.message.model_dump(exclude_none=True), choice.finish_reason

    async def streamed(**asked):
        chunks = await sdk.streamed(**asked, tools=TOOLS)
        calls = [call for c in chunks for call in c.choices[0].delta.tool_calls or ()]
        assert [call.index for call in calls] == list(range(len(calls)))
        message = says(text_of(chunks), "assistant")
        if calls:
            message["tool_calls"] = [call.model_dump(exclude={"index"}) for call in calls]
        return message, chunks[-1].choices[0].finish_reason

    return whole if request.param == "whole" else streamed


def locations(message):
    """What the tool is called with."""
    functions = [call["function"] for call in message["tool_calls"]]
    assert {function["name"] for function in functions} == {"get_rain_probability"}
    assert {call["type"] for call in message["tool_calls"]} == {"function"}
    return [json.loads(function["arguments"])["location"] for function in functions]


async def test_two_rounds_lead_to_the_answer(ask, sandbox):
    message, reason = await ask(**to("tools", "Rain?"))
    assert reason == "tool_calls"
    assert locations(message) == ["Oslo"]
    assert last_arrived(sandbox).body["auto_save_history"] is True
    history = [says("Rain?"), message, *outputs(message, '{"probability": 0.5}')]
    message, reason = await ask(**to("tools", messages=history))
    assert (message["content"], reason) == ("50%.", "stop")
    arrived = last_arrived(sandbox, SUBMIT)
    assert arrived.query.keys() == {"conversation_id", "chat_id"}
    (submitted,) = arrived.body["tool_outputs"]
    assert submitted["output"] == '{"probability": 0.5}'
    # Coze's own id, its padding included.
    assert submitted["tool_call_id"].endswith("=")
    assert arrived.body["stream"] is True


async def test_outputs_of_one_step_are_submitted_together(ask, sandbox):
    message, _ = await ask(**to("tools-parallel"))
    assert locations(message) == ["Oslo", "Bergen"]
    history = [says("Hi"), message, *reversed(outputs(message, '{"probability": 0.1}', "wet"))]
    message, reason = await ask(**to("tools-parallel", messages=history))
    assert (message["content"], reason) == ("10%. The tool said: wet", "stop")
    assert len(last_arrived(sandbox, SUBMIT).body["tool_outputs"]) == 2


async def test_answer_to_a_tool_may_be_another_call(ask):
    history = [says("Hi")]
    for location in ("Oslo", "Bergen"):
        message, reason = await ask(**to("tools-twice", messages=history))
        assert (locations(message), reason) == ([location], "tool_calls")
        history += [message, *outputs(message, "wet")]
    message, reason = await ask(**to("tools-twice", messages=history))
    assert (message["content"], reason) == ("The tool said: wet", "stop")


async def test_text_before_a_call_is_kept(ask):
    message, reason = await ask(**to("tools-after-text"))
    assert message["content"] == "Let me look that up."
    assert (locations(message), reason) == (["Oslo"], "tool_calls")


async def test_call_without_text_has_no_content(caller):
    answer = await caller.chat.completions.create(**to("tools", tools=TOOLS))
    assert answer.choices[0].message.content is None


async def test_sdks_stream_helper_gives_the_calls(caller):
    async with caller.chat.completions.stream(**to("tools", tools=TOOLS)) as stream:
        answer = await stream.get_final_completion()
    (call,) = answer.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"location": "Oslo"}


async def test_id_of_a_call_is_fit_for_urls(caller):
    answer = await caller.chat.completions.create(**to("tools", tools=TOOLS))
    assert re.fullmatch(r"[A-Za-z0-9_-]+", answer.choices[0].message.tool_calls[0].id)


async def test_calls_in_a_stream_have_openais_form(post):
    response = await post(body("tools", tools=TOOLS, stream=True))
    first, calls, last = objects(response.body)
    assert first["choices"][0]["delta"]["role"] == "assistant"
    (call,) = calls["choices"][0]["delta"]["tool_calls"]
    assert call.keys() == {"index", "id", "type", "function"}
    assert call["function"].keys() == {"name", "arguments"}
    assert last["choices"][0]["delta"] == {}
    assert last["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("stream", [False, True])
async def test_call_that_nobody_can_answer_is_an_error_that_says_what_to_set(post, stream):
    response = await post(body("tools", stream=stream))
    error = error_of(response)
    assert response.code == 400
    assert error["code"] == "tool_output_required"
    assert "get_rain_probability" in error["message"]
    assert "'tools'" in error["message"]
    assert "coze.auto_save_history" in error["message"]
    assert response.headers["X-Should-Retry"] == "false"


async def test_history_that_coze_keeps_is_enough(post):
    response = await post(body("tools", coze={"auto_save_history": True}))
    assert json.loads(response.body)["choices"][0]["finish_reason"] == "tool_calls"


async def test_explicit_false_wins_over_tools(post, sandbox):
    response = await post(body("tools", tools=TOOLS, coze={"auto_save_history": False}))
    assert response.code == 400
    assert last_arrived(sandbox).body["auto_save_history"] is False
