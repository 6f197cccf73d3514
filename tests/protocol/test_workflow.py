"""Workflows: from the request to a run, and from a run's events to the answer."""

import json

import pytest

from cozeproxy.errors import CozeError, RequestError, UpstreamBrokenError
from cozeproxy.protocol.completion import ChunkWriter, CompletionWriter
from cozeproxy.protocol.ids import ResumeId, unpack_resume_id
from cozeproxy.protocol.plan import Rules
from cozeproxy.protocol.planning import make_plan
from cozeproxy.protocol.routing import Defaults
from cozeproxy.protocol.stream import ChatStream
from cozeproxy.protocol.workflow import Input
from cozeproxy.protocol.workflow_response import RESUME_TOOL, WorkflowTranslator
from tests.support import coze
from tests.support.feeding import cuts, feed
from tests.support.files import PDF, PNG, base64_of, data_url
from tests.support.requests import request, says
from tests.support.streams import HEAD, chunks_of, text_of


def plan_of(*messages, model="workflow-9", headers=None, made=None, **fields):
    asked = request(*(messages or [says("user", "Hi")]), model=model, user="u1", **fields)
    defaults = Defaults(bot_id="1")
    return make_plan(asked, headers or {}, Rules(defaults, workflow_input=made or Input()))


def call_of(*messages, file_ids=(), **fields):
    call = plan_of(*messages, **fields).call(iter(file_ids))
    return call.path, json.loads(call.body)


def test_workflow_gets_the_users_text_as_its_input():
    assert call_of(says("system", "x"), says("user", "old"), says("user", "你好")) == (
        "/v1/workflow/stream_run",
        {"workflow_id": "9", "ext": {"user_id": "u1"}, "parameters": {"input": "你好"}},
    )


def test_workflow_has_the_bot_that_is_named_and_never_the_default_one():
    assert "bot_id" not in call_of()[1]
    assert call_of(headers={"x-bot-id": "5"})[1]["bot_id"] == "5"


@pytest.mark.parametrize(
    ("text", "made", "fields", "parameters"),
    [
        ("Hi", Input(), {}, {"input": "Hi"}),
        ("Hi", Input("query"), {}, {"query": "Hi"}),
        ('{"a": [1]}', Input(), {}, {"input": '{"a": [1]}'}),
        ('{"a": [1]}', Input(json=True), {}, {"a": [1]}),
        ("{a}", Input(json=True), {}, {"input": "{a}"}),
        ("[1]", Input(json=True), {}, {"input": "[1]"}),
        ("", Input(), {}, {"input": ""}),
        ("Hi", Input(), {"coze": {"parameters": {"n": 1}}}, {"n": 1}),
        ("Hi", Input(), {"coze": {"parameters": {}}}, {}),
        ('{"a": 1}', Input(json=True), {"coze": {"parameters": {"n": 1}}}, {"n": 1}),
    ],
)
def test_first_source_of_parameters_wins(text, made, fields, parameters):
    assert call_of(says("user", text), made=made, **fields)[1]["parameters"] == parameters


@pytest.mark.parametrize(
    ("model", "notes"),
    [
        ("workflow-9", {"Ignored": "metadata, response_format"}),
        ("chatflow-9", {"Ignored": "metadata", "Emulated": "response_format"}),
        ("bot-9", {"Emulated": "response_format"}),
    ],
)
def test_what_is_without_effect_is_noted(model, notes):
    fields = {"metadata": {"a": "b"}, "response_format": {"type": "json_object"}}
    assert plan_of(model=model, **fields).notes == notes
    assert plan_of(model=model).notes == {}


def test_files_become_parameters_of_their_kind():
    parts = [
        {"type": "text", "text": "Compare"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "image_url", "image_url": {"url": data_url(PNG)}},
        {"type": "file", "file": {"file_data": base64_of(PDF), "filename": "a.pdf"}},
    ]
    assert len(plan_of(says("user", parts)).attachments) == 2
    assert call_of(says("user", parts), file_ids=["71", "72"])[1]["parameters"] == {
        "image": ["https://example.com/a.png", '{"file_id":"71"}'],
        "file": '{"file_id":"72"}',
        "input": "Compare",
    }


def test_coze_options_of_workflows_are_passed_on():
    options = {"app_id": "4", "workflow_version": "v1", "ext": {"a": "b"}, "connector_id": "1024"}
    body = call_of(coze=options)[1]
    assert body["app_id"] == "4"
    assert body["workflow_version"] == "v1"
    assert body["ext"] == {"user_id": "u1", "a": "b"}
    assert body["connector_id"] == "1024"


def test_chatflow_gets_the_messages_and_the_conversation_in_its_body():
    path, body = call_of(
        says("system", "Be kind."),
        says("user", "One"),
        says("assistant", "1"),
        says("user", "Two"),
        model="chatflow-9",
    )
    assert path == "/v1/workflows/chat"
    assert body["bot_id"] == "1"
    assert [m["content"] for m in body["additional_messages"]] == ["Be kind.\n\nOne", "1", "Two"]
    assert "conversation_id" not in body
    _, body = call_of(
        says("user", "One"),
        says("assistant", "1"),
        says("user", "Two"),
        model="chatflow-9",
        headers={"x-conversation-id": "8"},
    )
    assert [m["content"] for m in body["additional_messages"]] == ["Two"]
    assert body["conversation_id"] == "8"


@pytest.mark.parametrize(
    ("messages", "fields", "param"),
    [
        ([says("assistant", "x")], {}, "messages"),
        ([], {"coze": {"custom_variables": {"a": "b"}}}, "coze.custom_variables"),
        ([], {"coze": {"enable_card": True}}, "coze.enable_card"),
        ([], {"coze": {"app_id": "4"}, "headers": {"x-bot-id": "5"}}, "coze.app_id"),
        ([says("user", "x"), says("assistant", "y")], {"model": "chatflow-9"}, "messages"),
        (
            [says("user", "x"), says("assistant", "y")],
            {"model": "chatflow-9", "response_format": {"type": "json_object"}},
            "messages",
        ),
        ([says("system", "x")], {"model": "chatflow-9"}, "messages"),
        ([says("user", str(i)) for i in range(51)], {"model": "chatflow-9"}, "messages"),
        ([says("user", str(i)) for i in range(151)], {"model": "chatflow-9"}, "messages"),
        (
            [
                says(
                    "user",
                    [
                        {"type": "text", "text": "x"},
                        {"type": "image_url", "image_url": "https://example.com/a"},
                    ],
                )
            ],
            {"model": "chatflow-9"},
            "messages",
        ),
    ],
)
def test_what_coze_would_refuse_is_refused_here(messages, fields, param):
    with pytest.raises(RequestError) as caught:
        call_of(*messages, **fields)
    assert caught.value.param == param


QUESTION = ResumeId("9", "73/74", 2).pack()
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


@pytest.mark.parametrize(
    ("messages", "fields"),
    [
        ([says("user", "Weather?"), says("tool", "Oslo", tool_call_id=QUESTION)], {}),
        ([says("assistant", "Which?"), says("user", "Oslo")], {"coze": {"resume": QUESTION}}),
    ],
)
def test_answer_to_a_question_resumes_the_workflow_whatever_the_model(messages, fields):
    assert call_of(*messages, model="gpt-4", **fields) == (
        "/v1/workflow/stream_resume",
        {"workflow_id": "9", "event_id": "73/74", "interrupt_type": 2, "resume_data": "Oslo"},
    )


@pytest.mark.parametrize(
    ("messages", "fields", "param"),
    [
        ([says("tool", "", tool_call_id=QUESTION)], {}, "messages[0].content"),
        ([says("tool", " \n", tool_call_id=QUESTION)], {}, "messages[0].content"),
        ([says("tool", "x", tool_call_id=QUESTION + "A")], {}, "messages[0].tool_call_id"),
        ([says("tool", "x", tool_call_id=QUESTION), says("user", "y")], {}, "messages[1]"),
        ([says("user", "")], {"coze": {"resume": QUESTION}}, "messages[0].content"),
        ([says("user", [IMAGE])], {"coze": {"resume": QUESTION}}, "messages[0].content"),
        ([says("user", "x"), says("assistant", "y")], {"coze": {"resume": QUESTION}}, "messages"),
        ([says("user", "x")], {"coze": {"resume": "x"}}, "coze.resume"),
    ],
)
def test_answer_that_is_none_or_has_a_changed_id_is_refused(messages, fields, param):
    with pytest.raises(RequestError) as caught:
        call_of(*messages, **fields)
    assert caught.value.param == param


def event(name, data, number=0):
    """An event in the line format of workflows: id, and a space after each colon."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"id: {number}\nevent: {name}\ndata: {text}\n\n".encode()


def node(*pieces, title="Message", **fields):
    """What one node says, in its pieces."""
    return b"".join(
        event(
            "Message",
            {
                "content": piece,
                "node_is_finish": i == len(pieces) - 1,
                "node_seq_id": str(i),
                "node_title": title,
                **fields,
            },
        )
        for i, piece in enumerate(pieces)
    )


def end(outputs, **fields):
    text = outputs if isinstance(outputs, str) else json.dumps(outputs, ensure_ascii=False)
    return node(text, title="", **fields)


DONE = event("Done", {"debug_url": "https://www.coze.cn/work_flow?execute_id=1"})


def streamed(*, raw=False, include_usage=False):
    return ChatStream(
        ChunkWriter(HEAD, include_usage=include_usage),
        lambda writer: WorkflowTranslator(writer, "9", raw=raw),
    )


def whole(*, raw=False):
    return ChatStream(
        CompletionWriter(HEAD), lambda writer: WorkflowTranslator(writer, "9", raw=raw)
    )


@pytest.mark.parametrize(
    ("data", "text", "raw"),
    [
        pytest.param(end({"output": "你好"}), "你好", '{"output": "你好"}', id="one_text"),
        pytest.param(
            end({"a": 1, "b": "x"}), '{"a": 1, "b": "x"}', '{"a": 1, "b": "x"}', id="several"
        ),
        pytest.param(end({"n": 42}), '{"n": 42}', '{"n": 42}', id="one_that_is_no_text"),
        pytest.param(end("plain"), "plain", "plain", id="no_json"),
        pytest.param(end("42"), "42", "42", id="json_that_is_no_object"),
        pytest.param(end("{}"), "{}", "{}", id="nothing_in_it"),
        pytest.param(end(""), "", "", id="empty"),
        pytest.param(
            node("Hel", "lo") + end({"output": "Hello"}),
            "Hello",
            'Hello\n\n{"output": "Hello"}',
            id="end_that_repeats",
        ),
        pytest.param(
            node("One. ") + node("Two. ") + end({"output": "One. Two. "}),
            "One. \n\nTwo. ",
            'One. \n\nTwo. \n\n{"output": "One. Two. "}',
            id="end_that_repeats_several",
        ),
        pytest.param(
            node("One") + node("Two") + end({"a": "One", "b": "Two"}),
            "One\n\nTwo",
            'One\n\nTwo\n\n{"a": "One", "b": "Two"}',
            id="end_that_repeats_each",
        ),
        pytest.param(
            node("42") + end({"n": 42}), "42", '42\n\n{"n": 42}', id="end_that_repeats_a_number"
        ),
        pytest.param(
            node("One") + node("Two") + end({"output": "One\nTwo"}),
            "One\n\nTwo",
            'One\n\nTwo\n\n{"output": "One\\nTwo"}',
            id="end_that_joins_with_line_breaks",
        ),
        pytest.param(
            node("Hel", "lo").replace(b'"node_is_finish": true', b'"node_is_finish": false')
            + end({"output": "Hello"}),
            "Hello",
            'Hello\n\n{"output": "Hello"}',
            id="node_that_does_not_say_that_it_is_done",
        ),
        pytest.param(
            node("Hello") + end({"output": "Bye"}),
            "Hello\n\nBye",
            'Hello\n\n{"output": "Bye"}',
            id="end_with_something_new",
        ),
        pytest.param(
            node("You ", "said ", title="End"), "You said ", "You said ", id="end_that_streams"
        ),
        pytest.param(
            node("Text", title="", node_type="Message"), "Text", "Text", id="untitled_node"
        ),
        pytest.param(
            node('{"output": "x"}', title="Fin", node_type="End"),
            "x",
            '{"output": "x"}',
            id="end_by_its_type",
        ),
        pytest.param(
            event("PING", {}) + node("po", "ng") + event("PING", {"content": "{}"}),
            "pong",
            "pong",
            id="pings",
        ),
        pytest.param(event("Novelty", "not JSON") + node("x"), "x", "x", id="unknown_event"),
    ],
)
def test_output_is_given_once_and_in_order(data, text, raw):
    for pieces in cuts(data + DONE):
        assert text_of(feed(streamed(), pieces)) == text
    assert text_of(feed(streamed(raw=True), [data + DONE])) == raw
    completion = json.loads(feed(whole(), [data + DONE]))
    assert completion["choices"][0]["message"]["content"] == text
    assert completion["choices"][0]["finish_reason"] == "stop"
    assert completion["coze"]["debug_url"].startswith("https://www.coze.cn/")


def test_usage_is_given_where_coze_sends_it():
    usage = {"token_count": 150, "input_count": 50, "output_count": 100}
    data = end({"output": "42"}, usage=usage) + DONE
    expected = {"prompt_tokens": 50, "completion_tokens": 100, "total_tokens": 150}
    assert json.loads(feed(whole(), [data]))["usage"] == expected
    assert chunks_of(feed(streamed(include_usage=True), [data]))[-1]["usage"] == expected
    assert "usage" not in json.loads(feed(whole(), [end({"output": "42"}) + DONE]))


def interrupt(**fields):
    data = {"event_id": "73/74", "type": 2, "data": "", "required_parameters": {}}
    return event("Interrupt", {"interrupt_data": data, **fields})


@pytest.mark.parametrize("fields", [{"node_title": "City"}, {}], ids=["hosted", "coze_studio"])
def test_question_is_the_answer_and_a_tool_call_that_carries_the_place(fields):
    data = node("Which ", "city?", title="City") + interrupt(**fields)
    choice = json.loads(feed(whole(), [data]))["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "Which city?"
    (call,) = choice["message"]["tool_calls"]
    assert call["function"]["name"] == RESUME_TOOL
    assert json.loads(call["function"]["arguments"]) == {
        "question": "Which city?",
        "node": fields.get("node_title", ""),
        "interrupt_type": 2,
        "required_parameters": {},
    }
    assert unpack_resume_id(call["id"], "") == ("9", "73/74", 2)
    chunks = chunks_of(feed(streamed(), [data]))
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert chunks[-1]["coze"]["resume"] == call["id"]


def arguments_of(data):
    choice = json.loads(feed(whole(), [data]))["choices"][0]
    return json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"])


def test_question_is_what_the_waiting_node_said_and_not_another():
    report = node("Progress report", title="Report")
    city = node("Which city?", title="City")
    assert arguments_of(report + city + interrupt(node_title="City"))["question"] == "Which city?"
    assert arguments_of(report + interrupt(node_title="Form"))["question"] == ""


def test_form_that_an_input_node_asks_for_is_told():
    form = '{"content_type":"form_schema","content":"[]"}'
    data = {"event_id": "73/74", "type": "5", "data": form, "required_parameters": []}
    told = arguments_of(event("Interrupt", {"interrupt_data": data}))
    assert told["data"] == form
    assert told["interrupt_type"] == 5


TOOL = {"type": "function", "function": {"name": RESUME_TOOL}}


def test_answer_of_a_runner_that_does_not_know_the_tool_is_refused():
    answer = says("tool", "Model tried to call unavailable tool", tool_call_id=QUESTION)
    other = {"type": "function", "function": {"name": "rain"}}
    with pytest.raises(RequestError) as caught:
        call_of(answer, tools=[other])
    assert caught.value.param == "messages[0]"
    assert call_of(answer, tools=[other, TOOL])[0] == "/v1/workflow/stream_resume"
    assert call_of(answer, functions=[{"name": RESUME_TOOL}])[0] == "/v1/workflow/stream_resume"


@pytest.mark.parametrize("text", [b"", node("some", "text")], ids=["at_once", "after_text"])
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (event("Error", {"error_code": 4000, "error_message": "bad"}), 4000),
        (event("Error", {"error_code": "720701013", "error_message": "bad"}), 720701013),
        (event("error", "it broke"), None),
        (b'data: {"code": 4028, "msg": "quota"}\n\n', 4028),
    ],
)
def test_failure_keeps_its_code(data, code, text):
    for stream in (streamed(), whole()):
        out = feed(stream, [text + data])
        assert b"[DONE]" not in out
        assert isinstance(stream.error, CozeError)
        assert stream.error.code == code
        assert stream.error.accepted


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(node("some", "text"), id="no_end"),
        pytest.param(DONE[:-1], id="end_cut"),
        pytest.param(event("Message", "{"), id="undecodable"),
        pytest.param(event("Interrupt", "{}"), id="interrupt_without_a_place"),
        pytest.param(event("Message", {"content": 5}), id="text_is_a_number"),
    ],
)
def test_run_that_breaks_off_is_a_failure(data):
    for stream in (streamed(), whole()):
        assert b"[DONE]" not in feed(stream, [data])
        assert isinstance(stream.error, UpstreamBrokenError)


def chatflow(data, **fields):
    """The answer of a chatflow to a request, given whole."""
    plan = plan_of(model="chatflow-9", **fields)
    stream = ChatStream(CompletionWriter(HEAD), plan.read_into)
    return stream, feed(stream, [data])


def test_chatflow_takes_a_fence_off_where_json_is_wanted():
    data = coze.answer('```json\n{"a": 1}\n```')
    _, out = chatflow(data, response_format={"type": "json_object"})
    assert json.loads(out)["choices"][0]["message"]["content"] == '{"a": 1}'


def test_chatflow_gives_follow_ups_and_steps_where_they_are_wanted():
    data = (
        coze.CREATED
        + coze.completed("sunny", "91", "tool_response")
        + coze.delta("Hi")
        + coze.completed("Why?", "92", "follow_up")
        + coze.END
    )
    _, out = chatflow(data, coze={"follow_ups": True, "events": True})
    told = json.loads(out)["coze"]
    assert told["follow_ups"] == ["Why?"]
    assert told["events"] == [{"type": "tool_response", "content": "sunny"}]


def test_tool_that_a_chatflow_waits_for_is_an_error_that_promises_nothing():
    call = {"id": "a=", "type": "function", "function": {"name": "rain", "arguments": "{}"}}
    action = {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": [call]}}
    waiting = coze.CREATED + coze.chat("requires_action", required_action=action)
    stream, out = chatflow(waiting, tools=[{"type": "function"}])
    assert out == b""
    assert "cannot take its output in a chatflow" in str(stream.error)
    assert "auto_save_history" not in str(stream.error)
