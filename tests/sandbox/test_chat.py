"""Chats through cozepy, sync and async, and what only raw requests can show."""

import asyncio
import json

import pytest

from cozeproxy.sandbox import Sandbox
from cozeproxy.sandbox.scenarios.answers import CHINESE, REASONING
from tests.sandbox.raw import HELLO, call, chat_body, deltas, request, stream
from tests.sandbox.sdk import cozepy, in_thread, text_of

pytestmark = pytest.mark.gen_test

ChatStatus = cozepy.ChatStatus
ChatEventType = cozepy.ChatEventType
WEATHER = "It is sunny, 21C."


def question(text="Hello"):
    return [cozepy.Message.build_user_question_text(text)]


async def streamed(coze, bot_id, **more):
    """Return all events of a streamed chat, through the sync SDK in a thread."""
    return await in_thread(
        lambda: list(
            coze.chat.stream(bot_id=bot_id, user_id="u", additional_messages=question(), **more)
        )
    )


async def streamed_async(coze, bot_id, **more):
    """Return all events of a streamed chat, through the async SDK."""
    events = coze.chat.stream(bot_id=bot_id, user_id="u", additional_messages=question(), **more)
    return [event async for event in events]


async def test_sync_sdk_reads_a_stream(coze):
    events = await streamed(coze, Sandbox.BOT_ID)
    assert text_of(events) == "You said: Hello. (1 message received, 0 remembered)"
    assert events[0].event == ChatEventType.CONVERSATION_CHAT_CREATED
    assert events[-1].event == ChatEventType.CONVERSATION_CHAT_COMPLETED
    assert events[-1].chat.usage.token_count > events[-1].chat.usage.input_count > 0


async def test_async_sdk_reads_a_stream(async_coze):
    events = await streamed_async(async_coze, Sandbox.BOT_ID)
    assert text_of(events) == "You said: Hello. (1 message received, 0 remembered)"


@pytest.mark.parametrize(
    ("bot", "text"),
    [
        ("chinese", CHINESE),
        ("plugin", WEATHER),
        ("two-answers", "The first answer.The second answer."),
        ("completed-only", ""),
        pytest.param(
            "unknown-events",
            "Hello! How can I help?",
            # It names what it does not know, and goes on.
            marks=pytest.mark.filterwarnings("ignore:Unknown MessageType value"),
        ),
        ("audio", "Hello! How can I help?"),
        ("crlf", "You said: Hello. (1 message received, 0 remembered)"),
        ("spaced", "You said: Hello. (1 message received, 0 remembered)"),
        ("no-final-newline", "You said: Hello. (1 message received, 0 remembered)"),
        ("one-byte", CHINESE),
    ],
)
async def test_both_sdks_read_every_kind_of_answer(coze, async_coze, bot, text):
    assert text_of(await streamed(coze, bot)) == text
    assert text_of(await streamed_async(async_coze, bot)) == text


async def test_reasoning_comes_before_the_text_in_the_same_message(coze):
    events = await streamed(coze, "reasoning")
    deltas = [e.message for e in events if e.event == ChatEventType.CONVERSATION_MESSAGE_DELTA]
    thoughts = [delta.reasoning_content for delta in deltas if delta.reasoning_content]
    assert "".join(thoughts) == REASONING
    assert len({delta.id for delta in deltas}) == 1
    assert deltas[len(thoughts)].content


async def test_follow_ups_come_after_the_finish_marker(coze):
    events = await streamed(coze, "plugin")
    kinds = [event.message.type for event in events if event.message]
    assert kinds[-3:] == ["verbose", "follow_up", "follow_up"]


async def test_sync_sdk_polls_a_chat_to_its_end(coze):
    poll = await in_thread(
        lambda: coze.chat.create_and_poll(
            bot_id="plugin", user_id="u", additional_messages=question()
        )
    )
    assert poll.chat.status == ChatStatus.COMPLETED
    assert {message.type for message in poll.messages} == {
        "function_call",
        "tool_response",
        "answer",
        "verbose",
        "follow_up",
    }
    assert [m.content for m in poll.messages if m.type == "answer"] == [WEATHER]


async def ended(async_coze, chat):
    """Poll a chat to its end; the async SDK has no call of its own for it."""
    while chat.status == ChatStatus.IN_PROGRESS:
        chat = await async_coze.chat.retrieve(conversation_id=chat.conversation_id, chat_id=chat.id)
    return chat


async def test_async_sdk_polls_a_chat_to_its_end(async_coze, bounded):
    made = await async_coze.chat.create(bot_id="echo", user_id="u", additional_messages=question())
    assert made.status == ChatStatus.IN_PROGRESS
    chat = await bounded(ended(async_coze, made))
    assert chat.status == ChatStatus.COMPLETED
    assert chat.usage.token_count > 0


async def test_first_answer_to_a_polled_chat_is_in_progress_at_once(sandbox):
    answer = await call(sandbox, "POST", "/v3/chat", chat_body("gated", stream=False))
    assert answer["data"]["status"] == "in_progress"
    assert "usage" not in answer["data"]


async def test_poll_of_a_chat_that_takes_too_long_cancels_it(sandbox, coze):
    poll = await in_thread(
        lambda: coze.chat.create_and_poll(
            bot_id="silent-after-created",
            user_id="u",
            additional_messages=question(),
            poll_timeout=0,
        )
    )
    assert poll.messages is None
    seen = await in_thread(
        lambda: coze.chat.retrieve(conversation_id=poll.chat.conversation_id, chat_id=poll.chat.id)
    )
    assert seen.status == ChatStatus.CANCELED
    assert sandbox.requests[-2].path == "/v3/chat/cancel"


async def test_failed_chat_can_be_told_by_last_error(coze):
    events = await streamed(coze, "failed")
    assert events[-1].chat.status == ChatStatus.FAILED
    assert (events[-1].chat.last_error.code, events[-1].chat.last_error.msg) == (
        5000,
        "event interval error",
    )


@pytest.mark.parametrize("code", [4000, 4015, 4016, 4028, 4100, 5000, 720702011])
async def test_both_sdks_raise_the_code_of_an_error_in_place_of_a_stream(coze, async_coze, code):
    with pytest.raises(cozepy.CozeAPIError) as caught:
        await streamed(coze, f"code-{code}")
    assert caught.value.code == code
    with pytest.raises(cozepy.CozeAPIError) as caught:
        await streamed_async(async_coze, f"code-{code}")
    assert caught.value.code == code
    assert caught.value.logid


async def test_sdk_raises_what_a_real_401_says(coze):
    with pytest.raises(cozepy.CozeAPIError) as caught:
        await streamed(coze, "http-401-4100")
    assert (caught.value.code, caught.value.msg) == (4100, "authentication is invalid")


@pytest.mark.parametrize("bot", ["tools", "tools-after-text"])
async def test_sync_sdk_goes_through_a_tool_call(coze, bot):
    events = await streamed(coze, bot)
    chat = events[-1].chat
    assert chat.status == ChatStatus.REQUIRES_ACTION
    (tool_call,) = chat.required_action.submit_tool_outputs.tool_calls
    assert tool_call.function.name == "get_rain_probability"
    assert json.loads(tool_call.function.arguments) == {"location": "Oslo"}
    rest = await in_thread(
        lambda: list(
            coze.chat.submit_tool_outputs(
                conversation_id=chat.conversation_id,
                chat_id=chat.id,
                tool_outputs=[
                    cozepy.ToolOutput(tool_call_id=tool_call.id, output='{"probability": 0.5}')
                ],
                stream=True,
            )
        )
    )
    assert rest[0].event == ChatEventType.CONVERSATION_CHAT_IN_PROGRESS
    assert rest[0].chat.id == chat.id
    assert text_of(rest) == "50%."


async def test_async_sdk_goes_through_two_tool_calls_one_after_the_other(async_coze):
    events = await streamed_async(async_coze, "tools-twice")
    locations = []
    for output in ("first", "second"):
        chat = events[-1].chat
        (tool_call,) = chat.required_action.submit_tool_outputs.tool_calls
        locations.append(json.loads(tool_call.function.arguments)["location"])
        rest = async_coze.chat.submit_tool_outputs_stream(
            conversation_id=chat.conversation_id,
            chat_id=chat.id,
            tool_outputs=[cozepy.ToolOutput(tool_call_id=tool_call.id, output=output)],
        )
        events = [event async for event in rest]
    assert locations == ["Oslo", "Bergen"]
    assert text_of(events) == "The tool said: second"
    assert events[-1].chat.status == ChatStatus.COMPLETED


async def test_async_sdk_polls_through_a_tool_call(async_coze, sandbox, bounded):
    made = await async_coze.chat.create(bot_id="tools", user_id="u", additional_messages=question())
    chat = await bounded(ended(async_coze, made))
    assert chat.status == ChatStatus.REQUIRES_ACTION
    seen = await call(
        sandbox,
        "GET",
        f"/v3/chat/retrieve?conversation_id={chat.conversation_id}&chat_id={chat.id}",
    )
    (tool_call,) = seen["data"]["required_action"]["submit_tool_outputs"]["tool_calls"]
    assert tool_call["require_info"] == {}
    submitted = await async_coze.chat.submit_tool_outputs(
        conversation_id=chat.conversation_id,
        chat_id=chat.id,
        tool_outputs=[cozepy.ToolOutput(tool_call_id=tool_call["id"], output="rain")],
    )
    assert submitted.status == ChatStatus.IN_PROGRESS
    assert (await bounded(ended(async_coze, submitted))).status == ChatStatus.COMPLETED
    messages = await async_coze.chat.messages.list(
        conversation_id=chat.conversation_id, chat_id=chat.id
    )
    assert "The tool said: rain" in [message.content for message in messages]


async def waiting_chat(sandbox, bot, **more):
    """Start a chat that ends in requires_action; return its query and the ids of its calls."""
    body = await stream(sandbox, bot, **more)
    lines = [json.loads(line[5:]) for line in body.decode().split("\n") if line[:6] == "data:{"]
    chat = lines[-1]
    calls = chat["required_action"]["submit_tool_outputs"]["tool_calls"]
    query = f"?conversation_id={chat['conversation_id']}&chat_id={chat['id']}"
    return query, [call["id"] for call in calls]


async def test_outputs_of_parallel_calls_must_come_together(sandbox):
    query, ids = await waiting_chat(sandbox, "tools-parallel")
    assert len(ids) == 2
    path = f"/v3/chat/submit_tool_outputs{query}"
    outputs = [{"tool_call_id": call_id, "output": call_id[:19]} for call_id in ids]
    refused = await call(sandbox, "POST", path, {"stream": True, "tool_outputs": outputs[:1]})
    assert refused["code"] == 4000
    async with request(
        sandbox, "POST", path, {"stream": True, "tool_outputs": outputs[::-1]}
    ) as response:
        body = await response.body()
    assert f"The tool said: {ids[0][:19]} The tool said: {ids[1][:19]}".encode() in body


@pytest.mark.parametrize(
    "outputs", [None, [], [{"tool_call_id": "x", "output": "y"}], [{"output": 1}], ["y"]]
)
async def test_outputs_that_do_not_fit_the_calls_are_refused(sandbox, outputs):
    query, _ = await waiting_chat(sandbox, "tools")
    path = f"/v3/chat/submit_tool_outputs{query}"
    answer = await call(sandbox, "POST", path, {"stream": True, "tool_outputs": outputs})
    assert answer["code"] == 4000


async def test_outputs_for_a_chat_that_is_not_kept_are_an_internal_error(sandbox):
    query, ids = await waiting_chat(sandbox, "tools", auto_save_history=False)
    path = f"/v3/chat/submit_tool_outputs{query}"
    body = {"stream": True, "tool_outputs": [{"tool_call_id": ids[0], "output": "y"}]}
    assert (await call(sandbox, "POST", path, body))["code"] == 5000


async def test_outputs_can_be_submitted_once(sandbox):
    query, ids = await waiting_chat(sandbox, "tools")
    path = f"/v3/chat/submit_tool_outputs{query}"
    body = {"stream": True, "tool_outputs": [{"tool_call_id": ids[0], "output": "y"}]}
    async with request(sandbox, "POST", path, body) as response:
        await response.body()
    assert (await call(sandbox, "POST", path, body))["code"] == 4000


@pytest.mark.parametrize("bot", ["question", "studio-question"])
async def test_question_to_the_user_is_answered_by_the_next_message(sandbox, bot):
    made = await call(sandbox, "POST", "/v1/conversation/create", {})
    query = f"?conversation_id={made['data']['id']}"
    assert b"Which city is it about?" in await stream(sandbox, bot, query)
    assert b"Thank you. I have noted: Hello" in await stream(sandbox, bot, query)
    assert b"Which city is it about?" in await stream(sandbox, bot, query)


@pytest.mark.parametrize("stream_it", [True, False])
async def test_refused_chat_leaves_nothing_in_its_conversation(sandbox, stream_it):
    made = await call(sandbox, "POST", "/v1/conversation/create", {})
    query = f"?conversation_id={made['data']['id']}"
    body = chat_body("code-4028", stream=stream_it)
    assert (await call(sandbox, "POST", f"/v3/chat{query}", body))["code"] == 4028
    listed = await call(sandbox, "POST", f"/v1/conversation/message/list{query}", {})
    assert listed["data"] == []
    assert deltas(await stream(sandbox, "echo", query)).endswith("0 remembered)")


async def test_canceled_chat_keeps_streaming_but_is_not_remembered(sandbox, bounded):
    made = await call(sandbox, "POST", "/v1/conversation/create", {})
    conversation_id = made["data"]["id"]
    path = f"/v3/chat?conversation_id={conversation_id}"
    async with request(sandbox, "POST", path, chat_body("gated", user_id="cancel")) as response:
        sandbox.gates.release("cancel")
        await bounded(response.until("one "))
        chat_id = json.loads(response.seen.split(b"data:")[1].split(b"\n")[0])["id"]
        body = {"conversation_id": conversation_id, "chat_id": chat_id}
        canceled = await call(sandbox, "POST", "/v3/chat/cancel", body)
        assert canceled["data"]["status"] == "canceled"
        again = await call(sandbox, "POST", "/v3/chat/cancel", body)
        assert again["code"] == 4104
        sandbox.gates.release("cancel", 2)
        assert b'data:"[DONE]"' in await bounded(response.body())
    body = await stream(sandbox, "echo", f"?conversation_id={conversation_id}")
    assert deltas(body).endswith("(1 message received, 0 remembered)")


async def test_chat_that_waits_for_tools_cannot_be_canceled(sandbox):
    query, _ = await waiting_chat(sandbox, "tools")
    ids = dict(part.split("=") for part in query[1:].split("&"))
    assert (await call(sandbox, "POST", "/v3/chat/cancel", ids))["code"] == 4104


async def test_conversation_is_busy_while_a_chat_runs_in_it(sandbox, bounded):
    made = await call(sandbox, "POST", "/v1/conversation/create", {})
    path = f"/v3/chat?conversation_id={made['data']['id']}"
    async with request(sandbox, "POST", path, chat_body("gated", user_id="busy")) as response:
        await bounded(sandbox.gates.reached("busy"))
        assert (await call(sandbox, "POST", path, chat_body("echo")))["code"] == 4016
        sandbox.gates.release("busy", 3)
        await bounded(response.body())
    body = await stream(sandbox, "echo", path.removeprefix("/v3/chat"))
    assert deltas(body).endswith("(1 message received, 2 remembered)")


async def test_run_goes_on_when_its_caller_leaves(sandbox, bounded):
    made = await call(sandbox, "POST", "/v1/conversation/create", {})
    query = f"?conversation_id={made['data']['id']}"
    async with request(
        sandbox, "POST", f"/v3/chat{query}", chat_body("gated", user_id="leaves")
    ) as response:
        await bounded(response.until("in_progress"))
        await bounded(sandbox.gates.reached("leaves"))
    assert (await call(sandbox, "POST", f"/v3/chat{query}", chat_body("echo")))["code"] == 4016
    sandbox.gates.release("leaves", 3)

    (play,) = sandbox._plays
    await bounded(play)
    listed = await call(sandbox, "POST", f"/v1/conversation/message/list{query}", {})
    assert [message["content"] for message in listed["data"]] == ["one two three", "Hello"]


@pytest.mark.parametrize("bot", ["forever", "silent-after-created", "silent-mid-stream", "flood"])
async def test_endless_stream_notices_that_its_caller_has_left(sandbox, bounded, bot):
    async with request(sandbox, "POST", "/v3/chat", chat_body(bot)) as response:
        await bounded(response.until("in_progress"))
        (play,) = sandbox._plays
    await bounded(play)


async def test_silent_bot_notices_a_caller_that_leaves_before_any_head(sandbox, bounded):
    asking = asyncio.ensure_future(stream(sandbox, "silent"))
    await bounded(sandbox.arrived("/v3/chat"))
    (play,) = sandbox._plays
    asking.cancel()
    await bounded(play)


async def test_history_is_neither_kept_nor_remembered_without_auto_save(sandbox):
    made = await call(sandbox, "POST", "/v1/conversation/create", {})
    query = f"?conversation_id={made['data']['id']}"
    await stream(sandbox, "echo", query, auto_save_history=False)
    body = await stream(sandbox, "echo", query, auto_save_history=True)
    assert deltas(body).endswith("(1 message received, 0 remembered)")
    body = await stream(sandbox, "echo", query, additional_messages=HELLO * 3)
    assert deltas(body).endswith("(3 messages received, 2 remembered)")


async def test_inspect_shows_the_request_as_it_arrived(sandbox):
    more = {"meta_data": {"k": "v"}, "custom_variables": {"name": "é 你"}}
    body = await stream(sandbox, "inspect", "?conversation_id=", **more)
    assert json.loads(deltas(body)) == {
        "query": {"conversation_id": ""},
        "body": chat_body("inspect", **more),
    }


async def test_meta_data_comes_back_with_retrieve(coze):
    events = await streamed(coze, "echo", meta_data={"uuid": "42"})
    chat = events[0].chat
    seen = await in_thread(
        lambda: coze.chat.retrieve(conversation_id=chat.conversation_id, chat_id=chat.id)
    )
    assert seen.meta_data == {"uuid": "42"}


async def test_list_of_a_failed_chat_has_no_data(sandbox):
    body = await stream(sandbox, "failed")
    chat = json.loads(body.split(b"data:")[1].split(b"\n")[0])
    query = f"?conversation_id={chat['conversation_id']}&chat_id={chat['id']}"
    listed = await call(sandbox, "GET", f"/v3/chat/message/list{query}")
    assert listed["code"] == 0
    assert "data" not in listed
