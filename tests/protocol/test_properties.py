"""Whatever comes in: requests are served or refused, streams end one way however they are cut."""

import contextlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from cozeproxy.errors import RequestError, ServiceError
from cozeproxy.protocol.parsing import ignored_fields, parse_chat_request
from cozeproxy.protocol.plan import Rules
from cozeproxy.protocol.planning import make_plan
from tests.support import coze
from tests.support.feeding import feed
from tests.support.files import PNG, data_url
from tests.support.streams import chunks_of, streamed, whole

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
texts = st.text(max_size=8)
urls = st.sampled_from(["https://example.com/a", data_url(PNG), "data:,", "file:///x", ""])
call_ids = st.sampled_from(["call_1", "call_coze_x", "call_coze_WyI3IiwiNyIsIjciLCJhIl0", ""])
parts = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": texts}),
    st.fixed_dictionaries({"type": st.just("image_url"), "image_url": urls}),
    st.fixed_dictionaries({"type": st.just("file"), "file": json_values}),
    st.fixed_dictionaries({"type": texts}),
)
calls = st.lists(
    st.fixed_dictionaries({"id": call_ids, "function": st.fixed_dictionaries({"name": texts})}),
    max_size=2,
)
messages = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "developer", "user", "assistant", "tool", "function"]),
        "content": texts | st.lists(parts, max_size=3) | st.none(),
    },
    optional={"tool_call_id": call_ids, "tool_calls": calls, "name": texts, "extra": json_values},
)
FIELDS = [
    "n",
    "stop",
    "user",
    "metadata",
    "coze",
    "response_format",
    "tools",
    "tool_choice",
    "stream",
]
bodies = st.builds(
    lambda model, chosen, fields: {"model": model, "messages": chosen, **fields},
    st.sampled_from(["bot-7", "workflow-7", "chatflow-7", "conversation-7", "gpt-4"]),
    st.lists(messages, max_size=5),
    st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=2),
)


def call_for(body):
    """All that happens to a request before it goes to Coze."""
    request = parse_chat_request(body)
    ignored_fields(body)
    plan = make_plan(request, {}, Rules())
    return plan.call(iter(str(i) for i, _ in enumerate(plan.attachments)))


@settings(max_examples=400)
@given(bodies)
def test_request_becomes_a_call_that_coze_can_take_or_is_refused(body):
    with contextlib.suppress(RequestError):
        sent = json.loads(call_for(json.dumps(body).encode()).body)
        assert sent.get("stream", True) is True
        for message in sent.get("additional_messages", ()):
            assert message["role"] in ("user", "assistant")
            assert isinstance(message["content"], str)
            if message["content_type"] == "object_string":
                kinds = [item["type"] for item in json.loads(message["content"])]
                assert kinds.count("text") <= 1
                assert kinds != ["text"]


@settings(max_examples=200)
@given(json_values)
def test_any_json_is_served_or_refused(value):
    with contextlib.suppress(RequestError):
        call_for(json.dumps(value).encode())


@given(st.binary(max_size=40))
def test_any_bytes_are_served_or_refused(body):
    with contextlib.suppress(RequestError):
        call_for(body)


answers = st.text(st.characters(codec="utf-8"), max_size=6)
ids = st.sampled_from(["81", "82"])
events = st.one_of(
    st.builds(coze.delta, answers, ids),
    st.builds(lambda text, id_: coze.delta("", id_, reasoning_content=text), answers, ids),
    st.builds(
        coze.completed,
        answers,
        ids,
        st.sampled_from(["answer", "verbose", "follow_up", "function_call", "tool_response"]),
    ),
    st.sampled_from(
        [
            coze.CREATED,
            coze.FINISH_MARKER,
            coze.COMPLETED,
            coze.DONE,
            coze.chat("failed", last_error={"code": 5000, "msg": "x"}),
            coze.chat("requires_action"),
            coze.chat("canceled"),
            coze.event("error", {"code": "4028", "msg": "x"}),
            b"data:[DONE]\n\n",
            b": ping\r\n\r\n",
        ]
    ),
    st.builds(lambda value: coze.event("error", value), json_values),
    st.builds(lambda value: coze.event("conversation.chat.completed", value), json_values),
    st.builds(lambda value: coze.event("conversation.message.delta", value), json_values),
    st.binary(max_size=6),
)
streams = st.lists(events, max_size=6).map(b"".join)


def outcome(stream, pieces):
    """What a caller has in the end: all bytes, and how it failed."""
    out = feed(stream, pieces)
    return out, type(stream.error), str(stream.error)


@settings(max_examples=200)
@given(streams)
def test_stream_ends_one_way_however_it_is_cut(data):
    for make in (streamed, whole):
        expected = outcome(make(steps=True, follow_ups=True), [data])
        cut = [[data[i : i + 1] for i in range(len(data))]]
        cut += [[data[:i], data[i:]] for i in range(1, len(data))]
        for pieces in cut:
            assert outcome(make(steps=True, follow_ups=True), pieces) == expected


@settings(max_examples=300)
@given(streams)
def test_stream_is_whole_or_has_failed_and_never_both(data):
    stream, collected = streamed(), whole()
    out, completion = feed(stream, [data]), feed(collected, [data])
    assert stream.ended == collected.ended
    if stream.ended:
        assert stream.error is None
        reasons = [c["choices"][0]["finish_reason"] for c in chunks_of(out)]
        assert reasons[-1] == "stop"
        assert reasons[:-1] == [None] * (len(reasons) - 1)
        told = [c["choices"][0]["delta"].get("content") or "" for c in chunks_of(out)]
        assert json.loads(completion)["choices"][0]["message"]["content"] == "".join(told)
    else:
        assert isinstance(stream.error, ServiceError)
        assert 400 <= stream.error.answer.status < 600
        assert b"[DONE]" not in out
        assert completion == b""
