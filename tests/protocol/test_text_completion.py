"""Text completions: the chat that a prompt becomes, and the form that its answer has."""

import json

import pytest

from cozeproxy.errors import RequestError, UnansweredToolError, UpstreamBrokenError
from cozeproxy.protocol.completion import Head
from cozeproxy.protocol.openai import RoutedRequest
from cozeproxy.protocol.parsing import parse_text_request
from cozeproxy.protocol.plan import Plan
from cozeproxy.protocol.response import ChatTranslator, Wanted
from cozeproxy.protocol.stream import ChatStream
from cozeproxy.protocol.text_completion import TextChunkWriter, TextCompletionWriter
from cozeproxy.protocol.workflow_response import WorkflowTranslator
from tests.support import coze
from tests.support.feeding import cuts, feed
from tests.support.streams import chunks_of

HEAD = Head("cmpl-1", 1700000000, "gpt-4")
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 17}
CALL = {"id": "call-1", "type": "function", "function": {"name": "rain", "arguments": "{}"}}
ACTION = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [CALL]}}
QUESTION = b"".join(
    b"event: %s\ndata: %s\n\n" % (name, json.dumps(data).encode())
    for name, data in [
        (b"Message", {"content": "Where?", "node_title": "Q", "node_is_finish": True}),
        (
            b"Interrupt",
            {"interrupt_data": {"event_id": "9", "type": 2, "data": ""}, "node_title": "Q"},
        ),
    ]
)


def parse(**fields):
    return parse_text_request(json.dumps({"model": "m", "prompt": "Hi", **fields}).encode())


def reader(translator, stops=()):
    return Plan(None, translator, stops=stops).read_into


def chat(stops=(), **wanted):
    return reader(lambda writer: ChatTranslator(writer, Wanted("7", **wanted)), stops)


def run():
    return reader(lambda writer: WorkflowTranslator(writer, "8"))


def streamed(make, *, include_usage=False):
    return ChatStream(TextChunkWriter(HEAD, include_usage=include_usage), make)


def whole(make):
    return ChatStream(TextCompletionWriter(HEAD), make)


def choice(text, finish_reason=None):
    return [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish_reason}]


@pytest.mark.parametrize("prompt", ["Hi", ["Hi"]])
def test_prompt_is_what_the_user_says(prompt):
    request = parse(prompt=prompt)
    (message,) = request.messages
    assert (message.role, message.content) == ("user", "Hi")


def test_all_that_both_kinds_of_request_have_is_kept():
    fields = {
        "model": "bot-7",
        "stream": True,
        "stream_options": {"include_usage": True},
        "user": "ann",
        "safety_identifier": "ann-1",
        "metadata": {"a": "b"},
        "stop": "x",
        "n": 1,
        "coze": {"conversation_id": "72"},
        "x-model-type": "chat",
        "x-bot-id": "7",
        "x-workflow-id": "8",
        "x-conversation-id": "9",
        "extra_headers": {"x-bot-id": "7"},
    }
    assert fields.keys() == set(RoutedRequest.__struct_encode_fields__)
    request = parse(**fields)
    assert request.include_usage
    assert request.options.conversation_id == "72"
    for name in fields.keys() - {"stream_options", "coze"}:
        assert getattr(request, name.replace("-", "_")) == fields[name]


@pytest.mark.parametrize(
    "fields",
    [
        {"suffix": None, "echo": None, "best_of": None, "logprobs": None, "n": None},
        {"suffix": "", "echo": False, "best_of": 1, "logprobs": False, "n": 1},
        {"temperature": 0, "max_tokens": 16, "logit_bias": {"50256": -100}, "unknown": [1]},
    ],
)
def test_fields_that_ask_for_nothing_special_pass(fields):
    assert parse(**fields).model == "m"


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"prompt": 5}, "prompt", "invalid_type"),
        ({"prompt": []}, "prompt", "unsupported_value"),
        ({"prompt": ["a", "b"]}, "prompt", "unsupported_value"),
        ({"prompt": [15496, 995]}, "prompt", "unsupported_value"),
        ({"prompt": [[15496, 995]]}, "prompt", "unsupported_value"),
        ({"suffix": "the end"}, "suffix", "unsupported_parameter"),
        ({"echo": True}, "echo", "unsupported_parameter"),
        ({"best_of": 2}, "best_of", "unsupported_value"),
        ({"n": 2}, "n", "unsupported_value"),
        ({"logprobs": 0}, "logprobs", "unsupported_parameter"),
        ({"logprobs": 5}, "logprobs", "unsupported_parameter"),
        ({"stop": ["a"] * 5}, "stop", "invalid_value"),
        ({"model": None}, "model", "invalid_type"),
        ({"coze": {"bot": "7"}}, "coze.bot", "unknown_parameter"),
    ],
)
def test_what_a_bot_cannot_do_is_refused_with_its_place(fields, param, code):
    with pytest.raises(RequestError) as caught:
        parse(**fields)
    assert (caught.value.param, caught.value.answer.code) == (param, code)


def test_whole_answer_has_the_shape_that_sdks_need():
    assert json.loads(feed(whole(chat()), [coze.answer("Hel", "lo")])) == {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1700000000,
        "model": "gpt-4",
        "choices": choice("Hello", "stop"),
        "usage": USAGE,
        "coze": {"chat_id": "71", "conversation_id": "72"},
    }


def test_streamed_answer_is_text_then_the_end():
    chunks = chunks_of(feed(streamed(chat()), [coze.answer("Hel", "lo")]))
    assert [chunk["choices"] for chunk in chunks] == [
        choice("Hel"),
        choice("lo"),
        choice("", "stop"),
    ]
    for chunk in chunks:
        assert chunk["id"] == "cmpl-1"
        assert chunk["object"] == "text_completion"
        assert chunk["created"] == 1700000000
        assert chunk["model"] == "gpt-4"
        assert "usage" not in chunk
    assert chunks[-1]["coze"] == {"chat_id": "71", "conversation_id": "72"}


def test_streamed_answer_with_usage_ends_with_a_chunk_without_choices():
    chunks = chunks_of(feed(streamed(chat(), include_usage=True), [coze.answer("Hi")]))
    assert [chunk["usage"] for chunk in chunks] == [None, None, USAGE]
    assert chunks[-1]["choices"] == []


def test_answer_cut_inside_characters_is_given_once_and_whole():
    data = coze.answer("你好", "，世界🙂", 'a "b" \\ \u2028\n')
    for pieces in cuts(data):
        chunks = chunks_of(feed(streamed(chat()), pieces))
        text = "".join(chunk["choices"][0]["text"] for chunk in chunks)
        assert text == '你好，世界🙂a "b" \\ \u2028\n'


def test_answer_ends_before_a_stop_sequence():
    answer = json.loads(feed(whole(chat(["two"])), [coze.answer("one t", "wo three")]))
    assert answer["choices"] == choice("one ", "stop")


def test_reasoning_is_left_out():
    thinking = coze.CREATED + coze.delta("", reasoning_content="Hm.") + coze.delta("Hi") + coze.END
    chunks = chunks_of(feed(streamed(chat()), [thinking]))
    assert [chunk["choices"] for chunk in chunks] == [choice("Hi"), choice("", "stop")]
    assert json.loads(feed(whole(chat()), [thinking]))["choices"] == choice("Hi", "stop")


def test_steps_stand_beside_the_text():
    ran = coze.CREATED + coze.completed("{}", kind="function_call") + coze.delta("Hi") + coze.END
    events = [{"type": "function_call", "content": "{}"}]
    first, *_ = chunks_of(feed(streamed(chat(steps=True)), [ran]))
    assert (first["choices"], first["coze"]) == (choice(""), {"events": events})
    assert json.loads(feed(whole(chat(steps=True)), [ran]))["coze"]["events"] == events


@pytest.mark.parametrize("make", [streamed, whole])
def test_tool_that_the_caller_must_run_is_a_failure(make):
    stream = make(chat(runs_tools=True))
    out = feed(stream, [coze.CREATED + coze.chat("requires_action", required_action=ACTION)])
    assert isinstance(stream.error, UnansweredToolError)
    assert stream.error.names == ["rain"]
    assert "/v1/chat/completions" in str(stream.error)
    assert out == b""


def test_question_of_a_workflow_is_the_text_and_its_id_beside_it():
    answer = json.loads(feed(whole(run()), [QUESTION]))
    assert answer["choices"] == choice("Where?", "stop")
    assert answer["coze"]["resume"].startswith("call_cozeflow_")
    chunks = chunks_of(feed(streamed(run()), [QUESTION]))
    assert [chunk["choices"] for chunk in chunks] == [choice("Where?"), choice("", "stop")]
    assert chunks[-1]["coze"] == answer["coze"]


def test_stream_that_is_begun_before_there_is_text_begins_with_none():
    stream = streamed(chat())
    assert b'"text":""' in stream.start()
    assert stream.start() == b""
    assert whole(chat()).start() == b""


def test_failure_after_the_beginning_ends_without_an_end():
    stream = streamed(chat())
    stream.receive_data(coze.CREATED + coze.delta("Hi"))
    out = stream.failure(UpstreamBrokenError("It broke off."))
    assert json.loads(out.removeprefix(b"data: "))["error"]["message"] == "It broke off."
