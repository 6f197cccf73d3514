"""Chat completions: what callers get for an answer, whole and in chunks."""

import asyncio
import json

import pytest

from cozeproxy.sandbox import Sandbox
from cozeproxy.sandbox.scenarios import variants
from cozeproxy.sandbox.scenarios.answers import CHINESE, LONG_PARAGRAPH, LONG_TIMES
from tests.service.asking import body, chunks_of, last_arrived, objects, says, text_of, to
from tests.support import sdk

pytestmark = pytest.mark.gen_test(timeout=15)

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def choice(delta, finish_reason=None):
    return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]


async def test_whole_answer_has_openais_keys_and_coze_beside_them(post):
    response = await post(body("hello"))
    answer = json.loads(response.body)
    assert answer.pop("id").startswith("chatcmpl-")
    assert isinstance(answer.pop("created"), int)
    assert answer.pop("coze").keys() == {"conversation_id", "chat_id", "logid"}
    assert answer == {
        "object": "chat.completion",
        "model": "bot-hello",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }


@pytest.mark.parametrize("include_usage", [False, True])
async def test_stream_is_role_then_text_then_end_then_usage_if_asked_for(post, include_usage):
    options = {"stream_options": {"include_usage": True}} if include_usage else {}
    response = await post(body("hello", stream=True, **options))
    chunks = objects(response.body)
    assert chunks[0]["id"].startswith("chatcmpl-")
    assert isinstance(chunks[0]["created"], int)
    for key, value in [("object", "chat.completion.chunk"), ("model", "bot-hello")]:
        assert {chunk[key] for chunk in chunks} == {value}
    assert len({(chunk["id"], chunk["created"]) for chunk in chunks}) == 1
    if include_usage:
        last = chunks.pop()
        assert last["choices"] == []
        assert last["usage"] == USAGE
    assert [chunk["choices"] for chunk in chunks] == [
        choice({"role": "assistant", "content": "", "refusal": None}),
        choice({"content": "Hel"}),
        choice({"content": "lo"}),
        choice({}, "stop"),
    ]
    assert chunks[-1]["coze"].keys() == {"conversation_id", "chat_id", "logid"}
    for chunk in chunks:
        assert ("usage" in chunk) is include_usage
        assert chunk.get("usage") is None


async def test_stock_sdk_gets_chinese_and_emoji_whole_and_streamed(sdk):
    answer = await sdk.whole(**to("chinese"))
    assert answer.choices[0].message.content == CHINESE
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    chunks = await sdk.streamed(**to("chinese", stream_options={"include_usage": True}))
    assert text_of(chunks) == CHINESE
    assert chunks[-1].usage == answer.usage
    assert [c.choices[0].finish_reason for c in chunks[:-1]] == [None] * (len(chunks) - 2) + [
        "stop"
    ]


async def test_chinese_and_emoji_arrive_at_coze_as_they_are(caller, sandbox):
    answer = await caller.chat.completions.create(**to("echo", "你好，世界 👨‍👩‍👧‍👦"))
    assert answer.choices[0].message.content.startswith("You said: 你好，世界 👨‍👩‍👧‍👦")
    (message,) = last_arrived(sandbox).body["additional_messages"]
    assert message["content"] == "你好，世界 👨‍👩‍👧‍👦"


@pytest.mark.gen_test(timeout=30)
async def test_long_answer_arrives_whole(caller):
    stream = await caller.chat.completions.create(**to("long-text", stream=True))
    assert text_of(await chunks_of(stream)) == LONG_PARAGRAPH * LONG_TIMES


@pytest.mark.parametrize(
    ("bot", "size"),
    [("big-event-64k", 2**16), ("big-event-1m", 2**20), ("big-event-10m", 10 * 2**20)],
)
async def test_large_event_arrives_whole(caller, bot, size):
    answer = await caller.chat.completions.create(**to(bot))
    assert answer.choices[0].message.content == "x" * size


@pytest.mark.parametrize("name", ["gpt-4", "claude-x", "模型/名:1", "bot-hello", "a b\n<c>"])
async def test_any_model_name_is_given_back(sdk, name):
    asked = {"model": name, "messages": [says("Hi")]}
    answer = await sdk.whole(**asked)
    assert answer.model == name
    assert {chunk.model for chunk in await sdk.streamed(**asked)} == {name}


@pytest.mark.parametrize(
    ("model", "fields", "headers", "expected"),
    [
        ("gpt-4", {}, {}, Sandbox.BOT_ID),
        ("bot-hello", {}, {}, "hello"),
        ("bot-hello", {"x-bot-id": "memory"}, {}, "memory"),
        ("bot-hello", {"x-bot-id": "memory"}, {"x_bot_id": "inspect"}, "inspect"),
        ("bot-hello", {"x-bot-id": ""}, {"x_bot_id": ""}, "hello"),
    ],
)
async def test_first_place_that_names_a_bot_wins(post, sandbox, model, fields, headers, expected):
    await post({"model": model, "messages": [says("Hi")], **fields}, **headers)
    assert last_arrived(sandbox).body["bot_id"] == expected


@pytest.mark.parametrize("bot", ["hello", "reasoning", "plugin", "tools", "empty", "two-answers"])
@pytest.mark.usefixtures("http_server")
async def test_answer_passes_the_sdks_strict_validation(base_url, api_key, bot):
    asked = to(bot, coze={"events": True, "follow_ups": True, "auto_save_history": True})
    async with sdk.asynchronous(
        base_url=f"{base_url}/v1", api_key=api_key, _strict_response_validation=True
    ) as strict:
        answer = await strict.chat.completions.create(**asked)
        stream = await strict.chat.completions.create(
            **asked, stream=True, stream_options={"include_usage": True}
        )
        chunks = await chunks_of(stream)
    assert text_of(chunks) == (answer.choices[0].message.content or "")


async def test_stream_helper_puts_the_answer_together(caller):
    options = {"include_usage": True}
    async with caller.chat.completions.stream(**to("hello", stream_options=options)) as stream:
        deltas = [event.delta async for event in stream if event.type == "content.delta"]
        answer = await stream.get_final_completion()
    assert "".join(deltas) == answer.choices[0].message.content == "Hello"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == 3


async def test_each_chunk_goes_out_before_the_next_one_exists(caller, sandbox):
    sandbox.gates.release("held")
    stream = await caller.chat.completions.create(**to("gated", stream=True, user="held"))
    texts = (c.choices[0].delta.content async for c in stream if c.choices[0].delta.content)
    assert await anext(texts) == "one "
    for text in ("two ", "three"):
        await sandbox.gates.reached("held")
        sandbox.gates.release("held")
        assert await anext(texts) == text
    assert [text async for text in texts] == []


async def test_head_of_a_stream_waits_for_the_first_text(connect, sandbox):
    exchange = await connect(body("gated", stream=True, user="held"))
    await sandbox.gates.reached("held")
    head = asyncio.create_task(exchange.head())
    other = await connect(body("hello"))
    await other.rest()
    assert not head.done()
    sandbox.gates.release("held", 3)
    await head
    assert exchange.status == 200


@pytest.mark.parametrize("scenario", variants.SCENARIOS, ids=lambda scenario: scenario.name)
async def test_odd_but_valid_streams_give_the_same_answer(caller, scenario):
    said = "Hi 你好 👋🏽"
    chinese = scenario.name in ("one-byte", "halves", "escapes")
    expected = CHINESE if chinese else f"You said: {said} (1 message received, 0 remembered)"
    answer = await caller.chat.completions.create(**to(scenario.name, said))
    assert answer.choices[0].message.content == expected
    stream = await caller.chat.completions.create(**to(scenario.name, said, stream=True))
    assert text_of(await chunks_of(stream)) == expected


async def test_headers_of_a_stream_keep_buffers_away_and_tell_ids(post):
    response = await post(body("hello", stream=True))
    headers = response.headers
    assert response.code == 200
    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert headers["Cache-Control"] == "no-cache"
    assert headers["X-Accel-Buffering"] == "no"
    assert "Content-Encoding" not in headers
    _assert_ids(headers, objects(response.body)[-1]["coze"])


async def test_headers_of_a_whole_answer_tell_ids(post):
    response = await post(body("hello"))
    assert response.headers["Content-Type"] == "application/json"
    _assert_ids(response.headers, json.loads(response.body)["coze"])


def _assert_ids(headers, coze):
    assert headers["X-Conversation-Id"] == coze["conversation_id"]
    assert headers["X-Coze-Logid"] == coze["logid"]
    assert headers["X-Request-Id"].startswith("req_")
    assert "Server" not in headers


async def test_every_request_has_an_id_of_its_own(caller):
    answers = [await caller.chat.completions.create(**to("hello")) for _ in range(2)]
    assert answers[0]._request_id != answers[1]._request_id
    assert answers[0].id != answers[1].id


async def test_requests_one_after_the_other_share_one_upstream_connection(caller, sandbox):
    for number in range(10):
        if number % 2:
            await chunks_of(await caller.chat.completions.create(**to("hello", stream=True)))
        else:
            await caller.chat.completions.create(**to("hello"))
    assert len(sandbox.requests) == 10
    assert len({request.connection for request in sandbox.requests}) == 1


async def test_requests_at_the_same_time_do_not_mix(caller):
    asked = [f"number {number}" for number in range(20)]
    answers = await asyncio.gather(
        *(caller.chat.completions.create(**to("echo", text)) for text in asked)
    )
    for text, answer in zip(asked, answers, strict=True):
        assert f"You said: {text}." in answer.choices[0].message.content


async def test_upstream_is_asked_with_the_key_and_without_the_callers(caller, sandbox, api_key):
    await caller.chat.completions.create(**to("hello"))
    headers = last_arrived(sandbox).headers
    assert api_key not in str(headers)
    assert headers["authorization"].startswith("Bearer sha256:")
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("cozeproxy/")
