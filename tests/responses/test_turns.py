"""A response that goes on from another: in its conversation, or as a fork of it."""

import openai
import pytest

from cozeproxy.sandbox import Sandbox
from tests.responses.asking import RAIN, calls_of, output, says, text_of, to
from tests.service.asking import last_arrived, messages_arrived

pytestmark = pytest.mark.gen_test(timeout=15)

SUBMIT = "/v3/chat/submit_tool_outputs"


def conversation_of(response):
    return response.model_extra["coze"]["conversation_id"]


async def test_conversation_goes_on_with_what_is_new(ask, sandbox):
    first = await ask(**to("memory", "One"))
    second = await ask(**to("memory", "Two", previous_response_id=first.id))
    assert text_of(second) == f"You said: Two Before that: One | {text_of(first)}"
    assert second.previous_response_id == first.id
    third = await ask(**to("memory", "Three", previous_response_id=second.id))
    assert text_of(third).startswith("You said: Three Before that: One | ")
    assert conversation_of(first) == conversation_of(second) == conversation_of(third)
    assert len(sandbox.state.conversations) == 1
    assert [m["content"] for m in messages_arrived(sandbox)] == ["Three"]


async def test_fork_has_the_turns_up_to_it_and_no_others(ask, sandbox):
    first = await ask(**to("memory", "One"))
    second = await ask(**to("memory", "Two", previous_response_id=first.id))
    fork = await ask(**to("memory", "Other", previous_response_id=first.id))
    arrived = [(m["role"], m["type"], m["content"]) for m in messages_arrived(sandbox)]
    assert arrived == [
        ("user", "question", "One"),
        ("assistant", "answer", text_of(first)),
        ("user", "question", "Other"),
    ]
    assert conversation_of(fork) not in (conversation_of(first), "")
    # Both go on, each in its own conversation.
    left = await ask(**to("echo", "Three", previous_response_id=second.id))
    right = await ask(**to("echo", "Three", previous_response_id=fork.id))
    assert text_of(left) == "You said: Three. (1 message received, 4 remembered)"
    assert text_of(right) == "You said: Three. (1 message received, 4 remembered)"
    assert conversation_of(left) == conversation_of(second)
    assert conversation_of(right) == conversation_of(fork)


async def test_fork_of_a_fork_has_the_turns_of_both(ask, sandbox):
    first = await ask(**to("hello", "One"))
    await ask(**to("hello", "Two", previous_response_id=first.id))
    fork = await ask(**to("hello", "Other", previous_response_id=first.id))
    await ask(**to("hello", "Later", previous_response_id=fork.id))
    await ask(**to("hello", "Again", previous_response_id=fork.id))
    arrived = [m["content"] for m in messages_arrived(sandbox)]
    assert arrived == ["One", "Hello", "Other", "Hello", "Again"]


async def test_long_conversation_is_replayed_in_order_and_as_far_as_coze_takes_it(strict, sandbox):
    history = [says(f"message {i}") for i in range(99)]
    first = await strict.responses.create(**to("hello", history))
    await strict.responses.create(**to("hello", "Two", previous_response_id=first.id))
    response = await strict.responses.with_raw_response.create(
        **to("hello", "Other", previous_response_id=first.id)
    )
    arrived = [m["content"] for m in messages_arrived(sandbox)]
    assert arrived == [*(f"message {i}" for i in range(99)), "Hello", "Other"][1:]
    assert response.headers["X-Cozeproxy-Left-Out-Messages"] == "1"


async def test_turn_that_was_not_kept_is_none_of_the_conversation(ask):
    first = await ask(**to("echo", "One"))
    aside = await ask(**to("echo", "Aside", previous_response_id=first.id, store=False))
    assert text_of(aside) == "You said: Aside. (1 message received, 2 remembered)"
    second = await ask(**to("echo", "Two", previous_response_id=first.id))
    assert text_of(second) == "You said: Two. (1 message received, 2 remembered)"
    assert conversation_of(second) == conversation_of(first)


async def test_instructions_are_for_their_own_turn(ask, sandbox):
    first = await ask(**to("hello", "One", instructions="Be brief."))
    assert [m["content"] for m in messages_arrived(sandbox)] == ["Be brief.\n\nOne"]
    await ask(**to("hello", "Two", previous_response_id=first.id))
    assert [m["content"] for m in messages_arrived(sandbox)] == ["Two"]


async def test_items_that_a_turn_adds_are_all_new(ask, sandbox):
    first = await ask(**to("hello", "One"))
    items = [says("I mean"), says("Yes?", "assistant"), says("Two")]
    await ask(**to("hello", items, previous_response_id=first.id))
    assert [m["content"] for m in messages_arrived(sandbox)] == ["I mean", "Yes?", "Two"]


async def test_turn_goes_to_the_same_bot_unless_another_is_named(ask, sandbox):
    first = await ask(model="m", input="One", extra_headers={"x-bot-id": "hello"})
    await ask(model="m", input="Two", previous_response_id=first.id)
    assert last_arrived(sandbox).body["bot_id"] == "hello"
    await ask(model="bot-echo", input="Two", previous_response_id=first.id)
    assert last_arrived(sandbox).body["bot_id"] == "echo"


async def test_model_may_be_left_out_after_the_first_turn(strict, sandbox):
    first = await strict.responses.create(**to("hello", "One"))
    second = await strict.responses.create(input="Two", previous_response_id=first.id)
    assert second.model == "bot-hello"
    assert last_arrived(sandbox).query == {"conversation_id": conversation_of(first)}


async def test_chatflow_goes_on_and_forks(ask, sandbox):
    model = {"model": "chatflow-echo", "extra_headers": {"x-bot-id": Sandbox.BOT_ID}}
    first = await ask(**model, input="One")
    second = await ask(**model, input="Two", previous_response_id=first.id)
    path = "/v1/workflows/chat"
    assert conversation_of(second) == conversation_of(first)
    # The flow and its bot are known by the response.
    third = await ask(model="m", input="Three", previous_response_id=second.id)
    assert last_arrived(sandbox, path).body["workflow_id"] == "echo"
    assert conversation_of(third) == conversation_of(first)
    fork = await ask(**model, input="Other", previous_response_id=first.id)
    arrived = [m["content"] for m in last_arrived(sandbox, path).body["additional_messages"]]
    assert arrived == ["One", text_of(first), "Other"]
    assert conversation_of(fork) != conversation_of(first)


@pytest.mark.parametrize("form", [lambda id_: id_, lambda id_: {"id": id_}])
async def test_conversation_may_be_named(ask, sandbox, form):
    first = await ask(**to("memory", "One"))
    named = f"conv_{conversation_of(first)}"
    second = await ask(**to("memory", "Two", conversation=form(named)))
    assert text_of(second).startswith("You said: Two Before that: One | ")
    assert second.conversation.id == named
    assert last_arrived(sandbox).query == {"conversation_id": conversation_of(first)}
    third = await ask(**to("memory", "Three", previous_response_id=second.id))
    assert conversation_of(third) == conversation_of(first)


class TestRefused:
    async def refused(self, ask, sandbox, status=400, **asked):
        count = sum(r.path == "/v3/chat" for r in sandbox.requests)
        with pytest.raises(openai.APIStatusError) as caught:
            await ask(**{**to("hello", "Two"), **asked})
        assert caught.value.status_code == status
        assert sum(r.path == "/v3/chat" for r in sandbox.requests) == count
        return caught.value

    @pytest.mark.parametrize("id_", ["resp_123", "resp_", "chatcmpl-1", "resp_e30", "x" * 9000])
    async def test_unknown_response_is_not_found(self, ask, sandbox, id_):
        error = await self.refused(ask, sandbox, previous_response_id=id_)
        assert error.code == "previous_response_not_found"
        assert error.param == "previous_response_id"
        assert error.body["message"].startswith(
            f"Previous response with id '{id_[:500]}' not found"
        )

    async def test_response_that_was_not_kept_is_not_found(self, ask, sandbox):
        first = await ask(**to("hello", "One", store=False))
        error = await self.refused(ask, sandbox, previous_response_id=first.id)
        assert error.code == "previous_response_not_found"

    async def test_response_of_a_conversation_that_is_gone_is_not_found(self, ask, sandbox):
        first = await ask(**to("hello", "One"))
        del sandbox.state.conversations[conversation_of(first)]
        error = await self.refused(ask, sandbox, previous_response_id=first.id)
        assert error.code == "previous_response_not_found"

    async def test_workflow_keeps_no_response(self, ask, sandbox):
        first = await ask(model="workflow-echo", input="One")
        error = await self.refused(ask, sandbox, previous_response_id=first.id)
        assert error.code == "previous_response_not_found"
        assert "workflow" in error.message
        error = await self.refused(
            ask, sandbox, model="workflow-echo", previous_response_id=first.id
        )
        assert error.code == "previous_response_not_found"

    async def test_workflow_holds_no_conversation(self, ask, sandbox):
        first = await ask(**to("hello", "One"))
        model = {"model": "workflow-echo"}
        error = await self.refused(ask, sandbox, **model, previous_response_id=first.id)
        assert error.param == "previous_response_id"
        conversation = f"conv_{conversation_of(first)}"
        error = await self.refused(ask, sandbox, **model, conversation=conversation)
        assert error.param == "conversation"

    @pytest.mark.parametrize(
        "twice",
        [
            {"conversation": "conv_1"},
            {"extra_headers": {"x-conversation-id": "1"}},
            {"extra_body": {"x-conversation-id": "1"}},
            {"extra_body": {"extra_headers": {"x-conversation-id": "1"}}},
            {"extra_body": {"coze": {"conversation_id": "1"}}},
        ],
    )
    async def test_conversation_is_named_once(self, ask, sandbox, twice):
        first = await ask(**to("hello", "One"))
        error = await self.refused(ask, sandbox, previous_response_id=first.id, **twice)
        assert error.code == "mutually_exclusive_parameters"
        if "conversation" not in twice:
            error = await self.refused(ask, sandbox, conversation="conv_2", **twice)
            assert error.code == "mutually_exclusive_parameters"

    async def test_conversation_that_is_gone_is_a_404(self, ask):
        with pytest.raises(openai.NotFoundError) as caught:
            await ask(**to("hello", conversation="conv_7400000000000000000"))
        assert caught.value.code == "not_found"


class TestTools:
    async def called(self, ask, bot="tools", **asked):
        response = await ask(**to(bot, "Rain?", tools=[RAIN], **asked))
        return response, calls_of(response)

    async def test_output_goes_on_from_the_response_that_called(self, ask, sandbox):
        first, (call,) = await self.called(ask)
        items = [output(call, '{"probability": 0.5}')]
        second = await ask(**to("tools", items, previous_response_id=first.id))
        assert text_of(second) == "50%."
        assert len([r for r in sandbox.requests if r.path == SUBMIT]) == 1
        third = await ask(**to("memory", "And?", previous_response_id=second.id))
        assert conversation_of(third) == conversation_of(first)

    async def test_calls_may_follow_each_other(self, ask):
        response, (call,) = await self.called(ask, "tools-twice")
        for place in ("Oslo", "Bergen"):
            assert place in call.arguments
            items = [output(call, "wet")]
            response = await ask(**to("tools-twice", items, previous_response_id=response.id))
            (call,) = calls_of(response) or (None,)
        assert text_of(response) == "The tool said: wet"
        last = await ask(**to("memory", "And?", previous_response_id=response.id))
        assert text_of(last) == "You said: And? Before that: Rain? | The tool said: wet"

    @pytest.mark.parametrize("answered", [False, True])
    async def test_fork_before_the_output_takes_another_one(self, ask, sandbox, answered):
        first, (call,) = await self.called(ask, "tools-after-text")
        said = [output(call, "wet")]
        second = await ask(**to("tools", said, previous_response_id=first.id))
        assert text_of(second) == "The tool said: wet"
        said = [output(call, "dry")] if answered else "Never mind."
        fork = await ask(**to("hello", said, previous_response_id=first.id))
        assert conversation_of(fork) != conversation_of(first)
        assert [m["content"] for m in messages_arrived(sandbox)] == [
            "Rain?",
            "Let me look that up.",
            '[Call of get_rain_probability] {"location":"Oslo"}',
            "[Result of get_rain_probability] dry" if answered else "Never mind.",
        ]

    async def test_output_of_another_responses_call_is_refused(self, ask):
        _, (call,) = await self.called(ask)
        other, _ = await self.called(ask)
        items = [output(call, "wet")]
        with pytest.raises(openai.BadRequestError) as caught:
            await ask(**to("tools", items, previous_response_id=other.id))
        assert caught.value.param == "previous_response_id"

    async def test_output_goes_to_the_conversation_that_is_named_or_nowhere(self, ask, sandbox):
        other = sandbox.state.new_conversation("").id
        first, (call,) = await self.called(ask)
        items = [output(call, "wet")]
        for said in (items, [{"type": "item_reference", "id": call.id}, *items]):
            with pytest.raises(openai.BadRequestError) as caught:
                await ask(**to("tools", said, conversation=f"conv_{other}"))
            assert caught.value.param == "conversation"
        named = f"conv_{conversation_of(first)}"
        second = await ask(**to("tools", items, conversation=named))
        assert (text_of(second), second.conversation.id) == ("The tool said: wet", named)

    async def test_output_beside_its_call_goes_to_that_whatever_came_before(self, ask, sandbox):
        first = await ask(**to("hello", "One"))
        for _ in range(2):
            # Some agents name the response before the turn in each step of it.
            asked = {"tools": [RAIN], "previous_response_id": first.id}
            called = await ask(**to("tools", "Rain?", **asked))
            (call,) = calls_of(called)
            items = [says("Rain?"), {"type": "item_reference", "id": call.id}, output(call, "wet")]
            answer = await ask(**to("tools", items, **asked))
            assert text_of(answer) == "The tool said: wet"
            assert conversation_of(answer) == conversation_of(called)
        # The second time, the first response had been followed.
        assert conversation_of(called) != conversation_of(first)
        assert len([r for r in sandbox.requests if r.path == SUBMIT]) == 2

    async def test_workflows_question_is_answered_from_its_response(self, ask, sandbox):
        first = await ask(model="workflow-question", input="Weather?")
        (call,) = calls_of(first)
        second = await ask(model="m", input=[output(call, "Oslo")], previous_response_id=first.id)
        assert text_of(second) == "The weather for Oslo is fine."
        assert len([r for r in sandbox.requests if r.path == "/v1/workflow/stream_resume"]) == 1
