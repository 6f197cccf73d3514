"""Tools that the caller must run: from Coze's waiting chat to the outputs that continue it."""

import json

import pytest

from cozeproxy.errors import RequestError, UnansweredToolError, UpstreamBrokenError
from cozeproxy.protocol.ids import CallId, unpack_call_id
from cozeproxy.protocol.request import submit_call, tool_outputs
from tests.support import coze
from tests.support.feeding import cuts, feed
from tests.support.requests import request, says
from tests.support.streams import chunks_of, streamed, whole

INTERRUPTED = coze.completed(
    '{"msg_type":"interrupt","data":""}', "91", "verbose"
) + coze.completed(
    '{"msg_type":"generate_answer_finish","data":"{\\"finish_reason\\":1}"}', "92", "verbose"
)


def calls(*ids):
    return [
        {
            "id": id_,
            "type": "function",
            "function": {"name": f"tool_{i}", "arguments": '{"at":"Oslo"}'},
            "require_info": None,
        }
        for i, id_ in enumerate(ids)
    ]


def waiting(*tool_calls, state="requires_action"):
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": tool_calls}}
    return coze.chat(state, required_action=action)


def ours(call="a=", bot="7", conversation="72", chat="71"):
    return CallId(bot, conversation, chat, call).pack()


def asked(*ids):
    """An assistant message that has called tools."""
    function = {"name": "rain", "arguments": "{}"}
    return says(
        "assistant",
        None,
        tool_calls=[{"id": i, "type": "function", "function": function} for i in ids],
    )


def output(id_, text="50%"):
    return says("tool", text, tool_call_id=id_)


@pytest.mark.parametrize("state", ["requires_action", "required_action"])
def test_waiting_chat_becomes_tool_calls_in_a_stream(state):
    data = coze.CREATED + INTERRUPTED + waiting(*calls("a=", "b="), state=state) + coze.DONE
    for pieces in cuts(data):
        chunks = chunks_of(feed(streamed(runs_tools=True, early_end=True), pieces))
        choices = [chunk["choices"][0] for chunk in chunks]
        assert [choice["finish_reason"] for choice in choices] == [None, None, "tool_calls"]
        told = choices[1]["delta"]["tool_calls"]
        assert [call["index"] for call in told] == [0, 1]
        assert [call["type"] for call in told] == ["function", "function"]
        assert told[1]["function"] == {"name": "tool_1", "arguments": '{"at":"Oslo"}'}
        assert unpack_call_id(told[1]["id"], "") == CallId("7", "72", "71", "b=")


def test_waiting_chat_becomes_tool_calls_of_a_whole_answer():
    data = coze.CREATED + INTERRUPTED + waiting(*calls("a=")) + coze.DONE
    choice = json.loads(feed(whole(runs_tools=True), [data]))["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "tool_0"


def test_text_before_tool_calls_is_kept():
    data = coze.CREATED + coze.delta("Let me look.") + waiting(*calls("a="))
    message = json.loads(feed(whole(runs_tools=True), [data]))["choices"][0]["message"]
    assert message["content"] == "Let me look."
    assert len(message["tool_calls"]) == 1


def test_waiting_chat_that_nobody_can_answer_is_an_error_that_says_what_to_set():
    for stream in (streamed(), whole()):
        out = feed(stream, [coze.CREATED + waiting(*calls("a=")) + coze.DONE])
        assert b"tool_calls" not in out
        assert isinstance(stream.error, UnansweredToolError)
        assert "coze.auto_save_history" in str(stream.error)
        assert stream.error.should_retry is False


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            waiting({"id": "", "type": "reply_message", "function": None, "require_info": None}),
            id="hosted",
        ),
        pytest.param(coze.chat("required_action"), id="coze_studio"),
    ],
)
def test_question_of_a_workflow_ends_the_answer_with_its_text(data):
    stream = streamed(early_end=True)
    question = coze.delta("Which city?") + coze.completed("Which city?")
    chunks = chunks_of(feed(stream, [coze.CREATED + question + INTERRUPTED + data + coze.DONE]))
    assert chunks[1]["choices"][0]["delta"] == {"content": "Which city?"}
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("created", "call"),
    [
        pytest.param(b"", {"id": "a="}, id="no_chat"),
        pytest.param(coze.CREATED, {"id": None}, id="no_id"),
        pytest.param(coze.CREATED, {"id": ""}, id="empty_id"),
    ],
)
def test_call_that_nobody_could_answer_is_a_failure(created, call):
    data = waiting({"type": "function", "function": {"name": "rain", "arguments": None}, **call})
    if not created:
        data = data.replace(b'"71"', b"null").replace(b'"72"', b"null")
    stream = streamed(runs_tools=True)
    feed(stream, [created + data])
    assert isinstance(stream.error, UpstreamBrokenError)


@pytest.mark.parametrize("arguments", [None, ""])
def test_call_without_arguments_has_an_empty_object(arguments):
    call = {"id": "a=", "type": "function", "function": {"name": "rain", "arguments": arguments}}
    choice = json.loads(feed(whole(runs_tools=True), [coze.CREATED + waiting(call)]))["choices"][0]
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "rain", "arguments": "{}"}


def test_empty_required_action_of_a_running_chat_means_nothing():
    action = {"type": "", "submit_tool_outputs": {"tool_calls": []}}
    data = coze.chat("in_progress", required_action=action) + coze.delta("Hi") + coze.END
    assert len(chunks_of(feed(streamed(), [data]))) == 3


def test_outputs_after_the_last_answer_continue_the_chat_that_waits():
    found = tool_outputs(
        request(
            says("user", "Rain?"),
            asked(ours("a="), ours("b=")),
            output(ours("a="), "50%"),
            output(ours("b="), [{"type": "text", "text": "windy"}]),
        )
    )
    assert found[:3] == ("7", "72", "71")
    call = submit_call(found)
    assert call.path == "/v3/chat/submit_tool_outputs"
    assert call.query == {"conversation_id": "72", "chat_id": "71"}
    assert json.loads(call.body) == {
        "stream": True,
        "tool_outputs": [
            {"tool_call_id": "a=", "output": "50%"},
            {"tool_call_id": "b=", "output": "windy"},
        ],
    }


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([says("user", "Hi")], id="no_tools"),
        pytest.param([asked("call_x"), output("call_x")], id="foreign_ids"),
        pytest.param(
            [asked(ours()), output(ours()), says("assistant", "50%"), says("user", "Thanks")],
            id="outputs_before_the_last_answer",
        ),
        pytest.param([says("function", "50%", name="rain")], id="legacy_function"),
        pytest.param(
            [asked(ours()), output(ours()), says("user", "Never mind")],
            id="outputs_before_what_the_user_says_now",
        ),
    ],
)
def test_other_tool_messages_are_history(messages):
    assert tool_outputs(request(*messages)) is None


def test_system_text_after_outputs_is_no_hindrance():
    assert tool_outputs(request(output(ours()), says("system", "Be kind.")))[3] == {"a=": "50%"}


def test_outputs_pass_without_the_message_that_called_for_them():
    assert tool_outputs(request(output(ours())))[3] == {"a=": "50%"}


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        pytest.param(
            [asked(ours("a="), ours("b=")), output(ours("a="))], "messages", id="output_missing"
        ),
        pytest.param(
            [output(ours("a=")), output(ours("b=", chat="73"))], "messages", id="different_chats"
        ),
        pytest.param(
            [asked(ours()), output(ours()), output("call_x")], "messages[2]", id="another_step"
        ),
        pytest.param(
            [asked(ours()), output(ours()), output(ours())],
            "messages[2].tool_call_id",
            id="two_outputs_of_a_call",
        ),
        pytest.param(
            [
                output(
                    ours(), [{"type": "image_url", "image_url": {"url": "https://example.com/a"}}]
                )
            ],
            "messages[0].content[0].type",
            id="output_that_is_no_text",
        ),
        pytest.param(
            [asked(ours()), output(ours()[:-1])], "messages[1].tool_call_id", id="changed_id"
        ),
    ],
)
def test_outputs_that_cannot_continue_a_chat_are_refused(messages, param):
    with pytest.raises(RequestError) as caught:
        tool_outputs(request(*messages))
    assert caught.value.param == param
    assert caught.value.answer.status == 400
