"""Every kind of thing that an answer of Coze's can consist of, and what callers get of it."""

import json

import pytest
from pydantic import BaseModel

from cozeproxy.sandbox.scenarios.answers import HELLO, JSON_ANSWER, REASONING
from tests.service.asking import body, error_of, objects, says, text_of, to

pytestmark = pytest.mark.gen_test(timeout=15)

SUGGESTED = ["And tomorrow?", "Should I take a coat?"]


class City(BaseModel):
    city: str
    temperature: int


@pytest.fixture(params=["whole", "streamed"])
def answer(request, post):
    """Ask over plain HTTP; the text, the rest of the message, `coze`, and why it ended."""

    async def whole(bot, **fields):
        response = await post(body(bot, **fields))
        assert response.code == 200
        completion = json.loads(response.body)
        (choice,) = completion["choices"]
        message = choice["message"]
        return {**message, **completion["coze"], "finish_reason": choice["finish_reason"]}

    async def streamed(bot, **fields):
        response = await post(body(bot, **fields, stream=True))
        assert response.code == 200
        chunks = objects(response.body)
        deltas = [c["choices"][0]["delta"] for c in chunks]
        found = {"content": "".join(d.get("content", "") for d in deltas)}
        if any("reasoning_content" in d for d in deltas):
            found["reasoning_content"] = "".join(d.get("reasoning_content", "") for d in deltas)
        events = [e for c in chunks[:-1] for e in c.get("coze", {}).get("events", [])]
        if events:
            found["events"] = events
        reason = chunks[-1]["choices"][0]["finish_reason"]
        return {**found, **chunks[-1]["coze"], "finish_reason": reason}

    return whole if request.param == "whole" else streamed


@pytest.mark.parametrize(
    ("bot", "text"),
    [
        ("hello", "Hello"),
        ("two-answers", "The first answer.\n\nThe second answer."),
        ("completed-only", "An answer without deltas."),
        ("no-finish-marker", HELLO),
        ("unknown-events", HELLO),
        ("duplicates", HELLO),
        ("audio", HELLO),
        ("knowledge", "Oslo is the capital of Norway."),
        ("plugin", "It is sunny, 21C."),
        ("empty", ""),
        ("no-done", ""),
        ("question", "Which city is it about?"),
        ("studio", "You said: Hi. (1 message received, 0 remembered)"),
        ("studio-question", "Which city is it about?"),
    ],
)
async def test_text_is_given_once_and_ends_with_stop(answer, bot, text):
    got = await answer(bot)
    assert (got["content"], got["finish_reason"]) == (text, "stop")
    assert "reasoning_content" not in got
    assert "events" not in got
    assert "follow_ups" not in got


async def test_card_is_its_json(answer):
    card = json.loads((await answer("card"))["content"])
    assert card["data"] == {"title": "Oslo", "text": "21C"}


async def test_reasoning_stands_beside_the_text(answer):
    got = await answer("reasoning")
    assert (got["reasoning_content"], got["content"]) == (REASONING, HELLO)


async def test_sdk_shows_reasoning_as_an_extra_field(sdk):
    whole = await sdk.whole(**to("reasoning"))
    assert whole.choices[0].message.reasoning_content == REASONING
    chunks = await sdk.streamed(**to("reasoning"))
    deltas = [getattr(c.choices[0].delta, "reasoning_content", "") for c in chunks]
    assert "".join(deltas) == REASONING
    assert text_of(chunks) == HELLO


async def test_follow_ups_are_given_if_asked_for(answer):
    got = await answer("plugin", coze={"follow_ups": True})
    assert got["follow_ups"] == SUGGESTED


async def test_sdk_shows_follow_ups_as_an_extra_field(sdk):
    asked = to("plugin", coze={"follow_ups": True})
    assert (await sdk.whole(**asked)).coze["follow_ups"] == SUGGESTED
    assert (await sdk.streamed(**asked))[-1].coze["follow_ups"] == SUGGESTED


async def test_what_coze_did_itself_is_told_if_asked_for_and_never_as_tool_calls(answer):
    got = await answer("plugin", coze={"events": True})
    call, response = got["events"]
    assert (call["type"], response["type"]) == ("function_call", "tool_response")
    assert json.loads(call["content"])["name"] == "weather-query"
    # A number beyond 53 bits, which must come through as it is.
    assert "7379227414322217010" in call["content"]
    assert "tool_calls" not in got
    assert got["content"] == "It is sunny, 21C."


async def test_recall_from_a_knowledge_base_is_such_an_event(answer):
    (event,) = (await answer("knowledge", coze={"events": True}))["events"]
    assert event["type"] == "knowledge"
    assert "Oslo is the capital" in event["content"]


@pytest.mark.parametrize(
    ("stop", "text"),
    [
        ("The second", "The first answer.\n\n"),
        # Over two deltas, and over two answers.
        ("st answ", "The fir"),
        (".\n\nThe", "The first answer"),
        (["nowhere", "answer"], "The first "),
        (["answer", "first answer"], "The "),
        ("The", ""),
        ("nowhere", "The first answer.\n\nThe second answer."),
        # The beginning of a stop that never comes is text.
        ("answer!", "The first answer.\n\nThe second answer."),
        ([], "The first answer.\n\nThe second answer."),
        ("", "The first answer.\n\nThe second answer."),
    ],
)
async def test_text_is_cut_before_the_first_stop(answer, stop, text):
    got = await answer("two-answers", stop=stop)
    assert (got["content"], got["finish_reason"]) == (text, "stop")


async def test_stop_of_chinese_and_emoji_is_found_inside_divided_text(answer):
    got = await answer("chinese", stop="鸟。👋🏽")
    assert got["content"] == "你好，世界！春眠不觉晓，处处闻啼"


@pytest.mark.parametrize("bot", ["json", "json-fenced"])
@pytest.mark.parametrize(
    "response_format",
    [
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    ],
)
async def test_json_that_was_asked_for_comes_without_a_fence(answer, bot, response_format):
    got = await answer(bot, response_format=response_format)
    assert got["content"] == JSON_ANSWER


async def test_fence_that_was_not_asked_about_is_left(answer):
    assert (await answer("json-fenced"))["content"] == f"```json\n{JSON_ANSWER}\n```"


async def test_sdks_parse_gives_an_object(caller):
    answer = await caller.chat.completions.parse(**to("json-fenced"), response_format=City)
    assert answer.choices[0].message.parsed == City(city="Oslo", temperature=21)


async def test_stop_is_looked_for_inside_the_fence(answer):
    got = await answer("json-fenced", response_format={"type": "json_object"}, stop='", "temp')
    assert got["content"] == '{"city": "Oslo'


async def test_ids_of_coze_stand_beside_every_answer(answer, sandbox):
    got = await answer("hello")
    (chat,) = sandbox.state.chats.values()
    assert got["chat_id"] == chat.id
    assert got["conversation_id"] == chat.conversation.id
    assert got["logid"]


@pytest.mark.parametrize("bot", ["question", "studio-question"])
async def test_next_message_in_the_conversation_answers_a_question(caller, bot):
    first = await caller.chat.completions.create(**to(bot, coze={"auto_save_history": True}))
    question = first.choices[0].message.content
    assert question == "Which city is it about?"
    second = await caller.chat.completions.create(
        **to(
            bot,
            messages=[says("Hi"), says(question, "assistant"), says("Oslo")],
            coze={
                "auto_save_history": True,
                "conversation_id": first.coze["conversation_id"],
            },
        )
    )
    assert second.choices[0].message.content == "Thank you. I have noted: Oslo"


async def test_studios_name_of_the_log_id_is_known(post):
    response = await post(body("studio"))
    assert response.headers["X-Coze-Logid"] == json.loads(response.body)["coze"]["logid"]


@pytest.mark.parametrize("bot", ["studio-failed", "studio-failed-after-text"])
async def test_failures_of_studio_are_failures(post, bot):
    response = await post(body(bot))
    assert response.code == 502
    assert "agent run failed (code 103200002" in error_of(response)["message"]


async def test_studios_cancelled_is_a_failure(post):
    response = await post(body("studio-canceled"))
    assert response.code == 502
