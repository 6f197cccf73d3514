"""Tools that the caller runs, the way that agents ask: with the history in the request."""

import json

import openai
import pytest

from cozeproxy.protocol.responses.ids import MessageId, unpack_message_id
from tests.responses.asking import RAIN, calls_of, output, says, text_of, to
from tests.service.asking import last_arrived, messages_arrived

pytestmark = pytest.mark.gen_test(timeout=15)

SUBMIT = "/v3/chat/submit_tool_outputs"


def repeated(response):
    """The output of a response as the next request repeats it."""
    return [item.model_dump(exclude_none=True) for item in response.output]


def referred(response):
    """The same by reference, as the AI SDK does."""
    return [{"type": "item_reference", "id": item.id} for item in response.output]


HISTORIES = {"repeated": repeated, "referred": referred}


@pytest.fixture(params=HISTORIES)
def history_of(request):
    return HISTORIES[request.param]


async def test_call_is_an_item_that_its_output_continues(ask, sandbox, history_of):
    first = await ask(**to("tools", "Rain?", tools=[RAIN]))
    (call,) = calls_of(first)
    assert (call.name, json.loads(call.arguments)) == (RAIN["name"], {"location": "Oslo"})
    assert (call.status, first.status) == ("completed", "completed")
    items = [says("Rain?"), *history_of(first), output(call, '{"probability": 0.5}')]
    second = await ask(**to("tools", items, tools=[RAIN]))
    assert text_of(second) == "50%."
    (submitted,) = last_arrived(sandbox, SUBMIT).body["tool_outputs"]
    assert submitted["output"] == '{"probability": 0.5}'


async def test_outputs_of_one_step_are_submitted_together(ask, sandbox, history_of):
    first = await ask(**to("tools-parallel", "Rain?", tools=[RAIN]))
    calls = calls_of(first)
    assert [json.loads(call.arguments)["location"] for call in calls] == ["Oslo", "Bergen"]
    said = [output(calls[1], "wet"), output(calls[0], "dry")]
    second = await ask(**to("tools-parallel", [says("Rain?"), *history_of(first), *said]))
    assert text_of(second) == "The tool said: dry The tool said: wet"
    assert len(last_arrived(sandbox, SUBMIT).body["tool_outputs"]) == 2


async def test_output_that_is_missing_is_named(ask, history_of):
    first = await ask(**to("tools-parallel", "Rain?", tools=[RAIN]))
    call, other = calls_of(first)
    items = [says("Rain?"), *history_of(first), output(call, "wet")]
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(**to("tools-parallel", items))
    assert caught.value.param == "input"
    assert other.call_id in caught.value.message


async def test_output_may_be_parts_of_text(ask, sandbox):
    first = await ask(**to("tools", "Rain?", tools=[RAIN]))
    (call,) = calls_of(first)
    parts = [{"type": "input_text", "text": "wet"}, {"type": "input_text", "text": "cold"}]
    items = [*repeated(first), output(call, parts)]
    assert text_of(await ask(**to("tools", items))) == "The tool said: wet\ncold"
    parts = [{"type": "input_image", "image_url": "https://x.example/y.png"}]
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(**to("tools", [*repeated(first), output(call, parts)]))
    assert caught.value.param == "input[1].output[0].type"
    assert len([r for r in sandbox.requests if r.path == SUBMIT]) == 1


async def test_answered_call_stays_as_text_when_the_user_goes_on(ask, sandbox, history_of):
    first = await ask(**to("tools", "Rain?", tools=[RAIN]))
    (call,) = calls_of(first)
    items = [says("Rain?"), *history_of(first), output(call, "wet")]
    second = await ask(**to("tools", items))
    items += [*history_of(second), says("And tomorrow?")]
    await ask(**to("hello", items))
    assert [(m["role"], m["content"]) for m in messages_arrived(sandbox)] == [
        ("user", "Rain?"),
        ("assistant", '[Call of get_rain_probability] {"location":"Oslo"}'),
        ("user", "[Result of get_rain_probability] wet"),
        ("assistant", "The tool said: wet"),
        ("user", "And tomorrow?"),
    ]


async def test_call_where_nothing_is_kept_is_an_error_that_says_what_to_do(ask):
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(**to("tools", tools=[RAIN], store=False))
    assert caught.value.code == "tool_output_required"
    assert "'store'" in caught.value.message


async def test_histories_of_other_providers_are_text(ask, sandbox):
    items = [
        says("Rain?"),
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "wet"},
        {"type": "custom_tool_call", "call_id": "call_2", "name": "g", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": "y"},
        says("And?"),
    ]
    await ask(**to("hello", items))
    assert [m["content"] for m in messages_arrived(sandbox)] == [
        *("Rain?", "[Call of f] {}", "[Result of f] wet"),
        *("[Call of g] x", "[Result of g] y", "And?"),
    ]


async def test_workflows_question_is_a_call_that_its_output_answers(ask, history_of):
    first = await ask(model="workflow-question", input="Weather?")
    (call,) = calls_of(first)
    assert call.name == "coze_resume_workflow"
    question = json.loads(call.arguments)["question"]
    assert text_of(first) == question
    items = [says("Weather?"), *history_of(first), output(call, "Oslo")]
    assert text_of(await ask(model="m", input=items)) == "The weather for Oslo is fine."


async def test_workflows_question_is_answered_by_its_id_too(ask):
    first = await ask(model="workflow-question", input="Weather?")
    coze = {"resume": first.model_extra["coze"]["resume"]}
    second = await ask(model="m", input="Oslo", extra_body={"coze": coze})
    assert text_of(second) == "The weather for Oslo is fine."


class TestReferences:
    async def test_messages_are_what_was_said(self, ask, sandbox):
        first = await ask(**to("two-answers", "One"))
        items = [says("One"), *referred(first), says("Two")]
        await ask(**to("hello", items))
        assert [m["content"] for m in messages_arrived(sandbox)] == [
            "One",
            "The first answer.\n\nThe second answer.",
            "Two",
        ]

    async def test_reference_needs_no_type(self, ask, sandbox):
        first = await ask(**to("hello", "One"))
        items = [says("One"), {"id": first.output[0].id}, says("Two")]
        await ask(**to("hello", items))
        assert [m["content"] for m in messages_arrived(sandbox)] == ["One", "Hello", "Two"]

    async def test_reasoning_is_left_out(self, ask, sandbox):
        first = await ask(**to("reasoning", "One"))
        await ask(**to("hello", [says("One"), *referred(first), says("Two")]))
        arrived = [m["content"] for m in messages_arrived(sandbox)]
        assert arrived == ["One", text_of(first), "Two"]

    @pytest.mark.parametrize("parts", [[0, 1], [1, 0], [1], [2, 1]])
    async def test_message_that_has_become_several_items_is_sent_once(self, ask, sandbox, parts):
        (only,) = (await ask(**to("hello", "One"))).output
        ids = [unpack_message_id(only.id)._replace(part=part).pack() for part in parts]
        items = [{"type": "item_reference", "id": id_} for id_ in ids]
        await ask(**to("hello", [*items, says("Two")]))
        assert [m["content"] for m in messages_arrived(sandbox)] == ["Hello", "Two"]

    async def test_conversation_is_looked_up_once(self, ask, sandbox):
        first = await ask(**to("hello", "One"))
        second = await ask(**to("echo", "Two", previous_response_id=first.id))
        sandbox.records.clear()
        await ask(**to("hello", [*referred(first), *referred(second), says("Three")]))
        paths = [r.path for r in sandbox.requests]
        assert paths == ["/v1/conversation/message/list", "/v3/chat"]

    async def test_answers_may_be_in_many_conversations_but_not_in_any_number(self, ask, sandbox):
        answers = [await ask(**to("hello", "Hi")) for _ in range(3)]
        items = [item for answer in answers for item in referred(answer)]
        await ask(**to("hello", [*items, says("Again")]))
        assert [m["content"] for m in messages_arrived(sandbox)] == [*["Hello"] * 3, "Again"]
        items = [{"id": MessageId(str(i), "1").pack()} for i in range(101)]
        with pytest.raises(openai.BadRequestError, match="more than 100 conversations"):
            await ask(**to("hello", items))

    @pytest.mark.parametrize("id_", ["msg_1", "msg_WyIxIiwiMiJd", "x", "fc_1"])
    async def test_reference_to_nothing_is_a_404(self, ask, id_):
        items = [says("One"), {"type": "item_reference", "id": id_}]
        with pytest.raises(openai.NotFoundError) as caught:
            await ask(**to("hello", items))
        assert caught.value.param == "input[1]"
        assert f"Item with id '{id_}' not found" in caught.value.message

    async def test_reference_alone_to_nothing_is_a_404_too(self, ask):
        with pytest.raises(openai.NotFoundError) as caught:
            await ask(**to("hello", [{"type": "item_reference", "id": "msg_1"}]))
        assert caught.value.param == "input[0]"

    async def test_what_was_not_kept_cannot_be_referred_to(self, ask):
        first = await ask(**to("hello", store=False))
        with pytest.raises(openai.NotFoundError):
            await ask(**to("hello", [*referred(first), says("Two")]))
