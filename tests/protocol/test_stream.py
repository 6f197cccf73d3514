"""One answer from Coze's bytes to the caller's, streamed and not, cut at every byte."""

import json

import pytest

from cozeproxy.errors import CozeError, UpstreamBrokenError
from tests.support import coze
from tests.support.feeding import cuts, feed
from tests.support.streams import chunks_of, streamed, text_of, whole


def failure_of(data):
    """How both modes fail on a stream; no chunk of it may look like an end."""
    errors = []
    for stream in (streamed(), whole()):
        out = feed(stream, [data])
        assert b"[DONE]" not in out
        assert b'"finish_reason":"' not in out
        assert not stream.ended
        errors.append(stream.error)
    assert type(errors[0]) is type(errors[1])
    assert str(errors[0]) == str(errors[1])
    return errors[0]


def test_streamed_answer_has_the_shape_that_sdks_need():
    chunks = chunks_of(feed(streamed(), [coze.answer("Hel", "lo")]))
    assert [chunk["choices"][0] for chunk in chunks] == [
        {
            "index": 0,
            "delta": {"role": "assistant", "content": "", "refusal": None},
            "logprobs": None,
            "finish_reason": None,
        },
        {"index": 0, "delta": {"content": "Hel"}, "logprobs": None, "finish_reason": None},
        {"index": 0, "delta": {"content": "lo"}, "logprobs": None, "finish_reason": None},
        {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"},
    ]
    for chunk in chunks:
        assert chunk["id"] == "chatcmpl-1"
        assert chunk["object"] == "chat.completion.chunk"
        assert chunk["created"] == 1700000000
        assert chunk["model"] == "gpt-4"
        assert "usage" not in chunk
    assert chunks[-1]["coze"] == {"chat_id": "71", "conversation_id": "72"}


def test_streamed_answer_with_usage_ends_with_a_chunk_without_choices():
    chunks = chunks_of(feed(streamed(include_usage=True), [coze.answer("Hi")]))
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None, None, None]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 17,
    }
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"


def test_whole_answer_has_the_shape_that_sdks_need():
    assert json.loads(feed(whole(), [coze.answer("Hel", "lo")])) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "gpt-4",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 17},
        "coze": {"chat_id": "71", "conversation_id": "72"},
    }


def test_answer_cut_inside_characters_is_given_once_and_whole():
    data = coze.answer("你好", "，世界🙂", 'a "b" \\ \u2028\n')
    for pieces in cuts(data):
        assert text_of(feed(streamed(), pieces)) == '你好，世界🙂a "b" \\ \u2028\n'
    for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
        content = json.loads(feed(whole(), pieces))["choices"][0]["message"]["content"]
        assert content == '你好，世界🙂a "b" \\ \u2028\n'


def test_delta_is_given_as_soon_as_its_event_is_complete():
    stream = streamed()
    assert stream.receive_data(coze.CREATED) == b""
    first = stream.receive_data(coze.delta("Hel") + coze.delta("lo")[:-1])
    assert b'"Hel"' in first
    assert b'"lo"' not in first
    assert b'"lo"' in stream.receive_data(b"\n")


def test_data_after_the_end_is_ignored():
    late = coze.delta("late") + coze.chat("failed") + coze.event("error", {"code": 1}) + b"{"
    for pieces in ([coze.answer("Hi") + late], [coze.answer("Hi"), late]):
        stream = streamed()
        assert text_of(feed(stream, pieces)) == "Hi"
        assert stream.ended
        assert stream.error is None


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(
            coze.CREATED + coze.completed("Hello") + coze.END, "Hello", id="without_deltas"
        ),
        pytest.param(
            coze.CREATED + coze.delta("Hi") + coze.completed("Hi") * 2 + coze.END,
            "Hi",
            id="completed_twice",
        ),
        pytest.param(
            coze.CREATED
            + coze.delta("one", "1")
            + coze.completed("one", "1")
            + coze.delta("two", "2")
            + coze.completed("two", "2")
            + coze.completed("three", "3")
            + coze.END,
            "one\n\ntwo\n\nthree",
            id="several_answers",
        ),
        pytest.param(
            coze.CREATED
            + b"".join(coze.delta(text, text[0]) for text in ("a1", "b1", "a2", "a3", "b2"))
            + coze.completed("a1a2a3", "a")
            + coze.END,
            "a1\n\nb1\n\na2a3\n\nb2",
            id="answers_that_take_turns",
        ),
        pytest.param(
            coze.CREATED
            + coze.completed('{"name":"x"}', "2", "function_call")
            + coze.completed("sunny", "3", "tool_response")
            + coze.delta("Sunny.")
            + coze.completed("And tomorrow?", "4", "follow_up")
            + coze.completed("recalled", "5", "knowledge")
            + coze.END,
            "Sunny.",
            id="among_other_messages",
        ),
        pytest.param(
            coze.event("conversation.new.kind", "not even JSON")
            + coze.CREATED
            + coze.event("conversation.audio.delta", {"content": "UklGRg=="})
            + coze.delta("Hi")
            + coze.END,
            "Hi",
            id="among_unknown_events",
        ),
        pytest.param(
            coze.CREATED + coze.delta("") + coze.delta(None) + coze.delta("x") + coze.END,
            "x",
            id="with_empty_deltas",
        ),
        pytest.param(coze.CREATED + coze.END, "", id="empty"),
        pytest.param(coze.CREATED + coze.delta("x") + coze.DONE, "x", id="ended_by_done_alone"),
        pytest.param(
            coze.CREATED + coze.delta("x") + b"event: conversation.stream.done\ndata:\n\n",
            "x",
            id="ended_as_coze_studio_does",
        ),
    ],
)
def test_answer_is_given_once_and_whole(data, text):
    assert text_of(feed(streamed(), [data])) == text
    message = json.loads(feed(whole(), [data]))["choices"][0]["message"]
    assert message["content"] == text


def test_reasoning_goes_beside_the_answer():
    data = (
        coze.CREATED
        + coze.delta("", reasoning_content="Let me ")
        + coze.delta("", reasoning_content="think.")
        + coze.delta("42")
        + coze.END
    )
    deltas = [c["choices"][0]["delta"] for c in chunks_of(feed(streamed(), [data]))]
    assert deltas[1:4] == [
        {"reasoning_content": "Let me "},
        {"reasoning_content": "think."},
        {"content": "42"},
    ]
    message = json.loads(feed(whole(), [data]))["choices"][0]["message"]
    assert message["reasoning_content"] == "Let me think."
    assert message["content"] == "42"


FAILED = {
    "last_error": (
        coze.chat("failed", last_error={"code": 5000, "msg": "event interval error"}),
        5000,
        "event interval error",
    ),
    "code_and_msg": (
        coze.event("conversation.chat.failed", {"code": 701231, "msg": "boom"}),
        701231,
        "boom",
    ),
    "code_as_a_string": (
        coze.event("conversation.chat.failed", {"code": "720702204", "msg": "gone"}),
        720702204,
        "gone",
    ),
    "error_event": (coze.event("error", {"code": 4028, "msg": "quota"}), 4028, "quota"),
    "error_event_without_anything": (coze.event("error", {}), None, ""),
    "error_event_with_a_bare_text": (coze.event("error", "internal failure"), None, "internal f"),
    "bare_error": (b'data: {"code":4101,"msg":"no"}\n\n', 4101, "no"),
}


@pytest.mark.parametrize("text", [b"", coze.delta("some text")], ids=["at_once", "after_text"])
@pytest.mark.parametrize(("data", "code", "msg"), FAILED.values(), ids=FAILED.keys())
def test_failure_that_coze_reports_keeps_its_code_and_text(data, code, msg, text):
    error = failure_of(coze.CREATED + text + data + coze.DONE)
    assert isinstance(error, CozeError)
    assert error.code == code
    assert error.msg.startswith(msg)
    assert error.accepted


@pytest.mark.parametrize("text", [b"", coze.delta("some text")], ids=["at_once", "after_text"])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="no_end"),
        pytest.param(coze.COMPLETED[:-1], id="end_cut_by_one_byte"),
        pytest.param(coze.chat("canceled") + coze.DONE, id="canceled"),
        pytest.param(coze.chat("cancelled") + coze.DONE, id="cancelled"),
        pytest.param(coze.event("conversation.message.delta", "{") + coze.END, id="undecodable"),
        pytest.param(coze.event("conversation.chat.completed", "[]"), id="end_undecodable"),
        pytest.param(coze.delta(5) + coze.END, id="text_is_a_number"),
        pytest.param(coze.delta("x").replace(b'"x"', b'"\xff"') + coze.END, id="text_is_not_utf8"),
        pytest.param(coze.delta("x" * 17 * 2**20) + coze.END, id="event_too_long"),
    ],
)
def test_stream_that_breaks_is_a_failure(data, text):
    error = failure_of(coze.CREATED + text + data)
    assert isinstance(error, UpstreamBrokenError)
    assert error.answer.status == 502
    assert error.accepted


@pytest.mark.parametrize("data", [b"", b"event: x\ndata: {}\n\n", b"\x1f\x8b\x08garbage\n\n"])
def test_stream_without_any_event_of_the_chat_may_be_one_that_has_begun(data):
    error = failure_of(data)
    assert isinstance(error, UpstreamBrokenError)
    assert error.should_retry is False


def test_refusal_in_so_many_words_has_begun_nothing():
    assert failure_of(coze.event("error", {"code": 4009, "msg": "busy"})).should_retry is None


def test_text_before_a_failure_in_one_piece_is_still_given():
    stream = streamed()
    out = stream.receive_data(coze.CREATED + coze.delta("Hi") + coze.event("error", {"code": 1}))
    assert b'"Hi"' in out
    assert stream.error is not None
    assert stream.receive_data(coze.delta("more")) == b""
    assert stream.receive_eof() == b""


@pytest.mark.parametrize("mode", [streamed, whole])
def test_answer_that_is_too_long_is_a_failure_that_may_have_begun(mode):
    answer = coze.CREATED + coze.delta("Hi") + coze.delta("more")
    stream = mode(max_bytes=len(answer) - 1)
    out = feed(stream, [answer, coze.FINISH_MARKER + coze.END])
    assert isinstance(stream.error, UpstreamBrokenError)
    assert "too long" in str(stream.error)
    assert stream.error.accepted
    assert not stream.ended
    assert b"[DONE]" not in out


@pytest.mark.parametrize("mode", [streamed, whole])
def test_answer_may_be_as_long_as_its_bound_and_what_comes_after_its_end_does_not_count(mode):
    answer = coze.answer("Hi")
    stream = mode(max_bytes=len(answer))
    assert b'"Hi"' in feed(stream, [answer, coze.END])
    assert stream.error is None


def test_first_failure_is_kept():
    stream = streamed()
    stream.receive_data(coze.event("error", {"code": 4028, "msg": "first"}))
    stream.fail(UpstreamBrokenError("second"))
    assert isinstance(stream.error, CozeError)


def test_failed_chat_carries_the_log_id():
    stream = streamed()
    stream.info["logid"] = "2024abc"
    stream.receive_data(coze.event("error", {"code": 4028, "msg": "quota"}))
    assert "2024abc" in str(stream.error)


FOLLOW_UPS = coze.completed("And then?", "91", "follow_up") + coze.completed(
    "Why?", "92", "follow_up"
)


def test_early_end_is_at_the_finish_marker():
    stream = streamed(early_end=True)
    out = stream.receive_data(coze.CREATED + coze.delta("Hi") + coze.FINISH_MARKER)
    assert text_of(out) == "Hi"
    assert stream.ended


def test_without_early_end_the_finish_marker_is_not_the_end():
    stream = streamed()
    out = stream.receive_data(coze.CREATED + coze.delta("Hi") + coze.FINISH_MARKER)
    assert b'finish_reason":"' not in out
    assert not stream.ended


@pytest.mark.parametrize(
    ("content", "ends"),
    [
        ('{"msg_type":"generate_answer_finish","data":""}', True),
        ('{"msg_type":"generate_answer_finish"}', True),
        ('{"msg_type":"generate_answer_finish","data":"{\\"finish_reason\\":0}"}', True),
        ('{"msg_type":"generate_answer_finish","data":"{\\"fin_data\\":\\"\\"}"}', True),
        ('{"msg_type":"generate_answer_finish","data":"{\\"finish_reason\\":1}"}', False),
        ('{"msg_type":"generate_answer_finish","data":"{"}', False),
        ('{"msg_type":"knowledge_recall","data":"{}"}', False),
        ('{"msg_type":"empty result","data":"empty result"}', False),
        ("no JSON", False),
        ("", False),
    ],
)
def test_only_a_normal_finish_marker_is_an_early_end(content, ends):
    stream = streamed(early_end=True)
    stream.receive_data(coze.CREATED + coze.completed(content, "9", "verbose"))
    assert stream.ended is ends
    assert stream.error is None


def test_finish_marker_after_an_interrupt_is_no_early_end():
    interrupt = coze.completed('{"msg_type":"interrupt","data":""}', "91", "verbose")
    stream = streamed(early_end=True)
    stream.receive_data(coze.CREATED + interrupt + coze.FINISH_MARKER)
    assert not stream.ended


def test_follow_ups_are_given_where_they_are_wanted():
    data = coze.CREATED + coze.delta("Hi") + coze.FINISH_MARKER + FOLLOW_UPS + coze.END
    last = chunks_of(feed(streamed(follow_ups=True), [data]))[-1]
    assert last["coze"]["follow_ups"] == ["And then?", "Why?"]
    completion = json.loads(feed(whole(follow_ups=True), [data]))
    assert completion["coze"]["follow_ups"] == ["And then?", "Why?"]
    assert "follow_ups" not in json.loads(feed(whole(), [data]))["coze"]


def test_steps_of_coze_are_given_where_they_are_wanted():
    call = '{"name":"rain","plugin_id":7379227414322217010}'
    data = (
        coze.CREATED
        + coze.completed(call, "91", "function_call")
        + coze.completed("50%", "92", "tool_response")
        + coze.delta("Maybe.")
        + coze.END
    )
    expected = [
        {"type": "function_call", "content": call},
        {"type": "tool_response", "content": "50%"},
    ]
    chunks = chunks_of(feed(streamed(steps=True), [data]))
    told = [chunk["coze"]["events"] for chunk in chunks if "events" in chunk.get("coze", {})]
    assert told == [[expected[0]], [expected[1]]]
    assert json.loads(feed(whole(steps=True), [data]))["coze"]["events"] == expected
    assert "events" not in json.loads(feed(whole(), [data]))["coze"]


def test_card_is_given_as_its_json_text():
    card = '{"type":"card","elements":[]}'
    data = coze.CREATED + coze.message("completed", "answer", card, content_type="card") + coze.END
    assert text_of(feed(streamed(), [data])) == card


@pytest.mark.parametrize(
    ("usage", "total"),
    [
        ({"token_count": None, "input_count": None}, 0),
        ({"token_count": "12", "input_count": "7", "output_count": "5"}, 12),
        ({"token_count": 9, "input_tokens": 4, "output_tokens": 5}, 9),
        ({"input_count": 4, "output_count": 5}, 9),
    ],
)
def test_counts_in_other_shapes_do_not_fail_an_answer(usage, total):
    data = coze.CREATED + coze.delta("Hi") + coze.chat("completed", usage=usage)
    assert json.loads(feed(whole(), [data]))["usage"]["total_tokens"] == total


def test_failure_after_text_alone_must_not_be_sent_again():
    error = failure_of(coze.delta("Hi") + coze.event("error", {"code": 5000, "msg": "x"}))
    assert error.should_retry is False
    assert "bot id" not in str(error)


def test_last_error_goes_before_the_code_beside_it():
    data = coze.chat("failed", last_error={"code": 4028, "msg": "quota"}, code=5000, msg="x")
    assert failure_of(data).code == 4028


def test_where_coze_shows_the_run_is_told():
    data = coze.CREATED + coze.delta("Hi") + coze.event("done", {"debug_url": "https://x"})
    assert json.loads(feed(whole(), [data]))["coze"]["debug_url"] == "https://x"
