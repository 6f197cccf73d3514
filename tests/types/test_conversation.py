"""Conversations: Coze keeps them, and one message a turn goes there."""

import asyncio
import contextlib

import openai
import pytest

from tests.service.asking import says
from tests.types.asking import ASK, answered, arrived, ask_streamed, ask_whole, asker

pytestmark = pytest.mark.gen_test(timeout=15)

TEXTS = ["My name is Ann.", "I live in Oslo.", "Who am I?"]


@pytest.fixture
def chats(sandbox):
    """The chats that have arrived at Coze."""
    return lambda: arrived(sandbox, "/v3/chat")


def contents(chat):
    return [message["content"] for message in chat.body["additional_messages"]]


async def begun(ask, bot="echo", **fields):
    """A conversation of one turn; gives its id."""
    answer = await ask(f"conversation-{bot}", **fields)
    return answer.coze["conversation_id"]


async def test_three_turns_send_one_message_each_and_coze_remembers(ask, chats):
    messages, headers, answers = [], {}, []
    for text in TEXTS:
        messages.append(says(text))
        answer = await ask("conversation-memory", messages=messages, headers=headers)
        messages.append(answer.message)
        headers = {"x-conversation-id": answer.headers["x-conversation-id"]}
        answers.append(answer.text)
    assert [contents(chat) for chat in chats()] == [[text] for text in TEXTS]
    assert answers[0] == f"You said: {TEXTS[0]} Before that: -"
    assert answers[2] == f"You said: {TEXTS[2]} Before that: {' | '.join(_turns(answers))}"


def _turns(answers):
    return [said for pair in zip(TEXTS, answers[:2], strict=False) for said in pair]


async def test_conversation_is_kept_and_its_id_is_a_query_parameter(ask, chats):
    id_ = await begun(ask)
    answer = await ask("conversation-echo", headers={"x-conversation-id": id_})
    first, second = chats()
    assert first.query == {}
    assert second.query == {"conversation_id": id_}
    assert [chat.body["auto_save_history"] for chat in chats()] == [True, True]
    assert answer.text == "You said: Hi. (1 message received, 2 remembered)"


async def test_first_turn_sends_and_keeps_the_whole_history(ask, chats):
    history = [says("Be kind.", "system"), says("One"), says("1", "assistant"), says("Two")]
    first = await ask("conversation-echo", messages=history)
    assert contents(chats()[0]) == ["Be kind.\n\nOne", "1", "Two"]
    assert first.text == "You said: Two. (3 messages received, 0 remembered)"
    turns = [*history, first.message, says("Three")]
    id_ = first.coze["conversation_id"]
    second = await ask("conversation-echo", messages=turns, headers={"x-conversation-id": id_})
    assert contents(chats()[1]) == ["Three"]
    assert second.text == "You said: Three. (1 message received, 4 remembered)"


async def test_system_text_of_a_turn_that_repeats_no_answer_is_sent(ask, chats):
    id_ = await begun(ask)
    messages = [says("Be brief.", "system"), says("One"), says("Two")]
    await ask("conversation-echo", messages=messages, coze={"conversation_id": id_})
    assert contents(chats()[1]) == ["Be brief.\n\nOne", "Two"]


@pytest.mark.parametrize(
    "named",
    [
        lambda id_: {"headers": {"x-conversation-id": id_}},
        lambda id_: {"headers": {"x-conversation-id": f"conv_{id_}"}},
        lambda id_: {"body": {"x-conversation-id": id_}},
        lambda id_: {"body": {"extra_headers": {"x-conversation-id": id_}}},
        lambda id_: {"coze": {"conversation_id": id_}},
        lambda id_: {"coze": {"conversation_id": f"conv_{id_}"}},
    ],
    ids=["header", "header_conv", "body", "extra_headers_in_body", "coze", "coze_conv"],
)
async def test_conversation_may_be_named_in_any_place_and_needs_no_type(ask, chats, named):
    id_ = await begun(ask)
    answer = await ask("bot-echo", **named(id_))
    assert chats()[1].query == {"conversation_id": id_}
    assert answer.text.endswith("(1 message received, 2 remembered)")
    assert answer.coze["conversation_id"] == answer.headers["x-conversation-id"] == id_


async def test_id_of_a_new_conversation_is_in_the_header_and_in_the_answer(ask, sandbox):
    answer = await ask("conversation-echo")
    assert answer.coze["conversation_id"] in sandbox.state.conversations
    assert answer.headers["x-conversation-id"] == answer.coze["conversation_id"]


async def test_stream_has_the_id_before_its_end(caller, sandbox):
    sandbox.gates.release("ann")
    response = await caller.chat.completions.with_raw_response.create(
        model="conversation-gated", messages=[says("Hi")], user="ann", stream=True
    )
    assert response.headers["x-conversation-id"] in sandbox.state.conversations
    await sandbox.gates.reached("ann")
    sandbox.gates.release("ann", 2)
    chunks = [chunk async for chunk in response.parse()]
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_conversation_that_is_gone_is_a_404_that_says_so(ask):
    with pytest.raises(openai.NotFoundError, match="The conversation does not exist") as caught:
        await ask("conversation-echo", headers={"x-conversation-id": "7400000000000000000"})
    assert caught.value.code == "not_found"
    assert "(code 4002, logid " in caught.value.message


async def test_request_without_a_new_message_is_a_400(ask, chats):
    id_ = await begun(ask)
    messages = [says("One"), says("1", "assistant")]
    with pytest.raises(openai.BadRequestError) as caught:
        await ask("conversation-echo", messages=messages, headers={"x-conversation-id": id_})
    assert caught.value.param == "messages"
    assert len(chats()) == 1


async def test_output_of_a_tool_goes_into_the_conversation(ask, sandbox):
    headers = {"x-conversation-id": await begun(ask)}
    call = await ask("conversation-tools", "Rain?", headers=headers)
    assert call.finish_reason == "tool_calls"
    messages = [says("Rain?"), call.message, answered(call, "50%")]
    answer = await ask("conversation-tools", messages=messages, headers=headers)
    assert answer.text.endswith("50%")
    (submitted,) = arrived(sandbox, "/v3/chat/submit_tool_outputs")
    assert submitted.query["conversation_id"] == headers["x-conversation-id"]
    assert answer.coze["conversation_id"] == headers["x-conversation-id"]


@contextlib.asynccontextmanager
async def held(caller, sandbox, bot):
    """A conversation whose second turn stands at the gate ``ann``: its id, and that turn's task."""
    first = await ask_whole(caller, "conversation-hello")
    headers = {"x-conversation-id": first.coze["conversation_id"]}
    # Usage comes with Coze's end: who asks for it waits for that anyhow.
    fields = {"user": "ann", "stream_options": {"include_usage": False}}
    turn = asyncio.create_task(
        ask_streamed(caller, f"conversation-{bot}", headers=headers, **fields)
    )
    await sandbox.gates.reached("ann")
    yield headers, turn
    await turn


async def test_second_request_while_the_first_is_answered_is_a_409(ask, caller, sandbox):
    async with held(caller, sandbox, "gated") as (headers, turn):
        with pytest.raises(openai.ConflictError) as caught:
            await ask("conversation-echo", headers=headers)
        assert caught.value.code == "conversation_occupied"
        assert "x-should-retry" not in caught.value.response.headers
        assert not turn.done()
        sandbox.gates.release("ann", 3)


@pytest.mark.parametrize("way", ASK)
async def test_sdk_resends_by_itself_until_the_conversation_is_free(way, caller, sandbox, chats):
    patient = asker(way, caller.with_options(max_retries=2))
    async with held(caller, sandbox, "gated") as (headers, turn):
        second = asyncio.create_task(patient("conversation-memory", "And I?", headers=headers))
        await sandbox.arrived("/v3/chat", 3)
        sandbox.gates.release("ann", 3)
        assert (await turn).text == "one two three"
        assert (await second).text.endswith("Hi | one two three")
    assert len(chats()) == 4


async def test_stream_of_a_conversation_ends_when_coze_is_ready_for_the_next_turn(
    ask, caller, sandbox
):
    async with held(caller, sandbox, "gated-end") as (headers, turn):
        # All of the text is there, and Coze's mark of its end, as is the answer to another request.
        await ask("bot-hello")
        assert not turn.done()
        sandbox.gates.release("ann")
        assert (await turn).finish_reason == "stop"
        assert (await ask("conversation-hello", headers=headers)).text == "Hello"
