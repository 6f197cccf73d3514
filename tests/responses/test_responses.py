"""``POST /v1/responses`` through the stock SDK: what is in a response, whichever way it comes."""

import json
import time

import openai
import pytest

from cozeproxy.sandbox import Sandbox
from cozeproxy.sandbox.scenarios import answers
from tests.responses.asking import (
    KEYS,
    RAIN,
    body,
    calls_of,
    output,
    reasoning_of,
    responses_in,
    text_of,
    to,
)
from tests.service.asking import last_arrived, messages_arrived

pytestmark = pytest.mark.gen_test(timeout=15)


async def test_text_is_asked_and_answered(ask, sandbox):
    before = int(time.time())
    response = await ask(model="gpt-4", input="Hello")
    assert text_of(response) == "You said: Hello. (1 message received, 0 remembered)"
    assert (response.model, response.status, response.error) == ("gpt-4", "completed", None)
    assert before <= response.created_at <= response.completed_at <= time.time()
    assert last_arrived(sandbox).body["bot_id"] == Sandbox.BOT_ID
    (message,) = messages_arrived(sandbox)
    assert (message["role"], message["content"]) == ("user", "Hello")


async def test_usage_is_cozes(ask):
    usage = (await ask(**to("hello"))).usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (1, 2, 3)


@pytest.mark.parametrize("stream", [False, True])
async def test_all_keys_are_there_from_the_first_to_the_last(post, stream):
    response = await post(body("hello", stream=stream), "/v1/responses")
    found = [json.loads(response.body)] if not stream else responses_in(response.body)
    assert len(found) == (3 if stream else 1)
    for each in found:
        assert each.keys() >= KEYS
        assert each.keys() - KEYS <= {"coze"}
        assert isinstance(each["created_at"], int)
        assert isinstance(each["completed_at"], int | None)


async def test_fields_of_the_request_are_told_back(ask):
    asked = {
        "instructions": "Be brief.",
        "metadata": {"k": "v"},
        "temperature": 0.5,
        "top_p": 0.25,
        "max_output_tokens": 99,
        "parallel_tool_calls": False,
        "truncation": "auto",
        "safety_identifier": "ann",
        "prompt_cache_key": "p",
        "reasoning": {"effort": "low"},
    }
    response = await ask(**to("hello", **asked))
    told = response.model_dump(exclude_unset=True)
    assert told | {"reasoning": {"effort": told["reasoning"]["effort"]}} == told | asked
    assert told["text"] == {"format": {"type": "text"}}
    assert (told["store"], told["background"], told["service_tier"]) == (True, False, "default")
    assert "user" not in told


async def test_input_may_be_items_with_and_without_a_type(ask, sandbox):
    items = [
        {"role": "developer", "content": "Be kind."},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "One"}]},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "1", "annotations": []}],
        },
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": []},
        {"role": "user", "content": "Two"},
    ]
    await ask(model="bot-hello", input=items, instructions="Be brief.")
    arrived = [(m["role"], m["content"]) for m in messages_arrived(sandbox)]
    assert arrived == [
        ("user", "Be brief.\n\nBe kind.\n\nOne"),
        ("assistant", "1"),
        ("user", "Two"),
    ]


async def test_end_user_and_metadata_go_to_coze(ask, sandbox):
    await ask(**to("hello", user="bob", metadata={"k": "v"}))
    assert last_arrived(sandbox).body["user_id"] == "bob"
    assert last_arrived(sandbox).body["meta_data"] == {"k": "v"}
    await ask(**to("hello", user="bob", safety_identifier="ann"))
    assert last_arrived(sandbox).body["user_id"] == "ann"


async def test_coze_keeps_the_turn_unless_told_otherwise(ask, sandbox):
    await ask(**to("hello"))
    assert last_arrived(sandbox).body["auto_save_history"] is True
    response = await ask(**to("hello", store=False))
    assert last_arrived(sandbox).body["auto_save_history"] is False
    assert response.model_extra["store"] is False
    assert response.usage.total_tokens == 3
    await ask(**to("hello", coze={"auto_save_history": False}))
    assert last_arrived(sandbox).body["auto_save_history"] is False


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("store", {"store": False}),
        ("coze.auto_save_history", {"extra_body": {"coze": {"auto_save_history": False}}}),
    ],
)
async def test_what_coze_keeps_all_the_same_is_not_said_to_be_forgotten(ask, sandbox, field, asked):
    first = await ask(**to("tools", tools=[RAIN]))
    (call,) = calls_of(first)
    arrived = len(sandbox.requests)
    for turn in ({"model": "chatflow-echo", "input": "Hi"}, to("x", [output(call, "wet")])):
        with pytest.raises(openai.BadRequestError) as caught:
            await ask(**turn, **asked)
        assert (caught.value.param, caught.value.code) == (field, "unsupported_value")
    assert len(sandbox.requests) == arrived
    # Of a workflow there is nothing that could be kept.
    assert (await ask(model="workflow-echo", input="Hi", **asked)).status == "completed"


async def test_reasoning_is_an_item_before_the_message(ask):
    response = await ask(**to("reasoning"))
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert reasoning_of(response) == answers.REASONING
    assert text_of(response) == answers.HELLO


async def test_several_answers_are_paragraphs_of_one_message(ask):
    response = await ask(**to("two-answers"))
    (message,) = response.output
    assert text_of(response) == "The first answer.\n\nThe second answer."
    assert message.status == "completed"


@pytest.mark.parametrize("bot", ["chinese", "completed-only", "no-finish-marker", "duplicates"])
async def test_answer_is_the_same_as_in_a_chat_completion(ask, caller, bot):
    chat = await caller.chat.completions.create(
        model=f"bot-{bot}", messages=[{"role": "user", "content": "Hi"}]
    )
    assert text_of(await ask(**to(bot))) == chat.choices[0].message.content


async def test_answer_without_text_has_no_items(ask):
    response = await ask(**to("empty"))
    assert (response.output, response.status) == ([], "completed")


async def test_stop_sequence_cuts_the_text(ask):
    response = await ask(**to("hello", extra_body={"stop": ["lo"]}))
    assert text_of(response) == "Hel"


async def test_extension_has_cozes_ids_and_what_was_asked_for(ask, sandbox):
    response = await ask(**to("plugin", coze={"follow_ups": True, "events": True}))
    coze = response.model_extra["coze"]
    assert coze["conversation_id"] in sandbox.state.conversations
    assert coze["chat_id"] in sandbox.state.chats
    assert coze["follow_ups"] == ["And tomorrow?", "Should I take a coat?"]
    assert [event["type"] for event in coze["events"]] == ["function_call", "tool_response"]
    assert text_of(response) == "It is sunny, 21C."


async def test_workflow_is_asked_by_the_same_routing(ask, sandbox):
    response = await ask(model="workflow-echo", input="Hello", metadata={"k": "v"})
    assert text_of(response) == "You said: Hello"
    (arrived,) = [r for r in sandbox.requests if r.path == "/v1/workflow/stream_run"]
    assert arrived.body["parameters"] == {"input": "Hello"}
    headers = {"x-workflow-id": "echo", "x-model-type": "workflow"}
    assert text_of(await ask(model="gpt-4", input="Hi", extra_headers=headers)) == "You said: Hi"


async def test_chatflow_is_asked_by_the_same_routing(ask):
    headers = {"x-bot-id": Sandbox.BOT_ID}
    response = await ask(model="chatflow-echo", input="Hello", extra_headers=headers)
    assert text_of(response).startswith("You said: Hello.")


@pytest.mark.parametrize("stream", [False, True])
async def test_headers_say_where_and_what_was_done(post, stream):
    asked = body("json", temperature=1, top_p=1, include=[], tools=[], stream=stream)
    asked["text"] = {"format": {"type": "json_object"}}
    headers = (await post(asked, "/v1/responses")).headers
    assert headers["X-Cozeproxy-Ignored"] == "temperature, top_p"
    assert headers["X-Cozeproxy-Emulated"] == "text.format"
    assert headers["X-Conversation-Id"]
    assert headers["X-Coze-Logid"]
    kind = "text/event-stream; charset=utf-8" if stream else "application/json"
    assert headers["Content-Type"] == kind


@pytest.mark.parametrize("stream", [False, True])
async def test_metadata_that_come_with_a_tools_output_are_without_effect(post, strict, stream):
    first = await strict.responses.create(**to("tools", tools=[RAIN], metadata={"k": "1"}))
    (call,) = calls_of(first)
    asked = body("tools", [output(call, "wet")], metadata={"k": "2"}, stream=stream)
    headers = (await post(asked, "/v1/responses")).headers
    assert headers["X-Cozeproxy-Ignored"] == "metadata"
    assert (await strict.responses.retrieve(first.id)).metadata == {"k": "1"}
