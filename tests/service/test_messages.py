"""What arrives at Coze for what callers send."""

import pytest

from tests.service.asking import (
    body,
    last_arrived,
    messages_arrived,
    says,
    text_part,
    to,
)

pytestmark = pytest.mark.gen_test(timeout=15)


def question(text):
    return {"role": "user", "type": "question", "content_type": "text", "content": text}


def answer(text):
    return {"role": "assistant", "type": "answer", "content_type": "text", "content": text}


CALL = {
    "id": "call_of_another_provider",
    "type": "function",
    "function": {"name": "rain", "arguments": '{"city":"Oslo"}'},
}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param([says("Hi")], [question("Hi")], id="user"),
        pytest.param(
            [says("Be kind.", "system"), says("Be brief.", "developer"), says("Hi")],
            [question("Be kind.\n\nBe brief.\n\nHi")],
            id="system_and_developer_before_the_first_question",
        ),
        pytest.param(
            [says("a"), says("b", "assistant", refusal=None, reasoning_content="x"), says("c")],
            [question("a"), answer("b"), question("c")],
            id="history",
        ),
        pytest.param(
            [says("a"), says(None, "assistant", refusal="I won't."), says("c")],
            [question("a"), answer("I won't."), question("c")],
            id="refusal",
        ),
        pytest.param(
            [
                says([text_part("a"), text_part("b")]),
                says([text_part("c"), text_part("d")], "assistant"),
                says("e"),
            ],
            [question("a\nb"), answer("c\nd"), question("e")],
            id="text_parts",
        ),
        pytest.param(
            [
                says("Rain?"),
                says(None, "assistant", tool_calls=[CALL]),
                says("50%", "tool", tool_call_id=CALL["id"]),
                says("Half.", "assistant"),
                says("Thanks"),
            ],
            [
                question("Rain?"),
                answer('[Call of rain] {"city":"Oslo"}'),
                question("[Result of rain] 50%"),
                answer("Half."),
                question("Thanks"),
            ],
            id="tools_of_the_past",
        ),
        pytest.param(
            [
                says("Rain?"),
                says(None, "assistant", tool_calls=[CALL]),
                says("50%", "tool", tool_call_id=CALL["id"]),
            ],
            [
                question("Rain?"),
                answer('[Call of rain] {"city":"Oslo"}'),
                question("[Result of rain] 50%"),
            ],
            id="tool_output_of_another_provider",
        ),
        pytest.param(
            [
                says("Rain?"),
                says(None, "assistant", function_call=CALL["function"]),
                says("50%", "function", name="rain"),
            ],
            [
                question("Rain?"),
                answer('[Call of rain] {"city":"Oslo"}'),
                question("[Result of rain] 50%"),
            ],
            id="functions",
        ),
    ],
)
async def test_messages_become_cozes(post, sandbox, messages, expected):
    response = await post(body("hello", messages=messages))
    assert response.code == 200
    assert messages_arrived(sandbox) == expected


async def test_in_a_conversation_only_what_is_new_is_sent(caller, sandbox):
    first = await caller.chat.completions.create(
        **to("memory", "I am Ann.", coze={"auto_save_history": True})
    )
    messages = [says("Be kind.", "system"), says("I am Ann."), says("Hello Ann", "assistant")]
    answered = await caller.chat.completions.create(
        **to(
            "memory",
            messages=[*messages, says("Who am I?")],
            coze={
                "conversation_id": first.coze["conversation_id"],
                "auto_save_history": True,
            },
        )
    )
    assert messages_arrived(sandbox) == [question("Who am I?")]
    assert last_arrived(sandbox).query == {"conversation_id": first.coze["conversation_id"]}
    assert "Before that: I am Ann." in answered.choices[0].message.content


async def test_more_than_100_messages_lose_the_oldest_and_say_so(post, sandbox):
    history = [says(str(i), "assistant" if i % 2 else "user") for i in range(150)]
    messages = [says("Be kind.", "system"), *history, says("The last")]
    response = await post(body("hello", messages=messages))
    arrived = messages_arrived(sandbox)
    assert response.code == 200
    assert response.headers["X-Cozeproxy-Left-Out-Messages"] == "51"
    assert len(arrived) == 100
    assert arrived[0] == answer("51")
    assert arrived[1] == question("Be kind.\n\n52")
    assert arrived[-1] == question("The last")


async def test_what_clients_send_beyond_the_reference_passes(post, sandbox):
    marked = {"type": "text", "text": "Hi", "prompt_cache_breakpoint": {"type": "x"}}
    messages = [
        says("One.", "system", name="prompt"),
        says("I am Ann.", name="Ann"),
        says("And I am Bo.", name="Bo"),
        says(
            "Hello", "assistant", audio={"id": "a"}, annotations=[], reasoning="hm", tool_calls=[]
        ),
        says("Two.", "system"),
        says([marked, {"type": "image_url", "image_url": "https://x.example/1.png"}]),
    ]
    response = await post(body("hello", messages=messages))
    assert response.code == 200
    sent = [(message["role"], message["content_type"]) for message in messages_arrived(sandbox)]
    assert sent == [
        ("user", "text"),
        ("user", "text"),
        ("assistant", "text"),
        ("user", "object_string"),
    ]
    assert messages_arrived(sandbox)[0]["content"] == "One.\n\nTwo.\n\nI am Ann."
