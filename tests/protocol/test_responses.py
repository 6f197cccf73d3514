"""Responses without a service: events from streams of every kind, ids, and what Coze keeps."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cozeproxy.errors import RequestError, StoppingError, UpstreamBrokenError
from cozeproxy.protocol import kept, steps
from cozeproxy.protocol.kept import Message
from cozeproxy.protocol.paging import Paging, page_of
from cozeproxy.protocol.plan import Plan
from cozeproxy.protocol.response import ChatTranslator, Wanted
from cozeproxy.protocol.responses.ids import (
    MOST_MODEL,
    FunctionCall,
    MessageId,
    ResponseId,
    unpack_function_call,
    unpack_message_id,
    unpack_response_id,
)
from cozeproxy.protocol.responses.openai import ResponsesRequest, echoed
from cozeproxy.protocol.responses.response import Head
from cozeproxy.protocol.responses.stream import response_stream
from tests.protocol.test_properties import streams
from tests.responses.asking import frames
from tests.support import coze
from tests.support.feeding import cuts, feed

ID = ResponseId("m", 1700000000, bot_id="7")


def stream(*, streaming=True, stops=(), fenced=False, id_=ID):
    """The translation of a chat to a response."""
    head = Head("m", 1700000000, echoed(ResponsesRequest()), "n", id_, lambda: 1700000001)
    wanted = Wanted("7", runs_tools=True)
    plan = Plan(None, lambda w: ChatTranslator(w, wanted), stops=stops, fenced=fenced)
    return response_stream(head, plan, streaming=streaming)


def text_in(response):
    items = [item for item in response["output"] if item["type"] == "message"]
    return "".join(part["text"] for item in items for part in item["content"])


def test_items_lead_to_the_messages_that_their_text_is_of():
    reasoning = coze.delta("", "82", reasoning_content="Hm")
    said = coze.CREATED + coze.delta("One") + reasoning + coze.delta(" two") + reasoning
    found = frames(feed(stream(), [said + coze.delta(" three") + coze.END]))
    items = [data["item"] for name, data in found if name == "response.output_item.done"]
    kinds = ["message", "reasoning", "message", "reasoning", "message"]
    assert [item["type"] for item in items] == kinds
    led = [unpack_message_id(item["id"]).message_id for item in items if item["type"] == "message"]
    assert led == ["81"] * 3


@pytest.mark.parametrize("pieces", cuts(coze.answer("你好", ", world 👋🏽")))
def test_events_are_the_same_however_the_stream_is_cut(pieces):
    found = frames(feed(stream(), pieces))
    assert found[-1] == (None, None)
    *_, (name, completed), _ = found
    assert name == "response.completed"
    assert text_in(completed["response"]) == "你好, world 👋🏽"
    deltas = [data["delta"] for name, data in found if name == "response.output_text.delta"]
    assert "".join(deltas) == "你好, world 👋🏽"
    usage = completed["response"]["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (10, 5, 17)


@pytest.mark.parametrize("streaming", [True, False])
def test_text_is_cut_and_its_fence_taken_off(streaming):
    data = coze.answer("```json\n{", "}\n``", "`")
    out = feed(stream(fenced=True, streaming=streaming), [data])
    response = frames(out)[-2][1]["response"] if streaming else json.loads(out)
    assert text_in(response) == "{}"
    out = feed(stream(stops=["lo"], streaming=streaming), [coze.answer("Hel", "lo")])
    response = frames(out)[-2][1]["response"] if streaming else json.loads(out)
    assert text_in(response) == "Hel"


def check_order(found):
    """Hold events to their order: each item is opened before anything of it, and closed once."""
    opened, closed = {}, set()
    for name, data in found:
        if name == "response.output_item.added":
            assert data["output_index"] == len(opened)
            opened[data["output_index"]] = data["item"]["id"]
        elif name == "response.output_item.done":
            assert opened[data["output_index"]] == data["item"]["id"]
            closed.add(data["output_index"])
        elif name and "item_id" in data:
            assert opened[data["output_index"]] == data["item_id"]
            assert data["output_index"] not in closed
    return opened, closed


@settings(max_examples=300)
@given(streams)
def test_any_stream_has_its_events_in_order_and_one_end(data):
    made = stream()
    out = feed(made, [data])
    if made.error and out:
        out += made.failure(made.error)
    found = frames(out)
    names = [name for name, _ in found]
    if not found:
        return
    assert names[:2] == ["response.created", "response.in_progress"]
    opened, closed = check_order(found)
    ids = {data["response"]["id"] for _, data in found if data and "response" in data}
    assert len(ids) == 1
    if made.error:
        assert names[-2:] == ["error", "response.failed"]
        assert len(found[-1][1]["response"]["output"]) == len(opened)
    elif made.ended:
        assert names[-2:] == ["response.completed", None]
        assert closed == set(opened)


def test_failure_before_anything_is_begun_and_ended():
    found = frames(stream().failure(StoppingError()))
    assert [name for name, _ in found] == [
        *("response.created", "response.in_progress", "error", "response.failed")
    ]
    # Nothing can lead to it, as Coze has not begun.
    assert found[0][1]["response"]["id"] == "resp_n"


def test_id_leads_to_the_chat_from_the_first_event_on():
    made = stream()
    made.receive_data(coze.CREATED)
    begun = frames(made.start())
    id_ = unpack_response_id(begun[0][1]["response"]["id"])
    assert (id_.conversation_id, id_.chat_id, id_.bot_id) == ("72", "71", "7")
    assert frames(made.start()) == []


@pytest.mark.parametrize("before", [b"", b": ping\n\n"])
def test_nothing_is_begun_before_coze_has(before):
    made = stream()
    made.receive_data(before)
    assert made.start() == b""


names_of_things = st.text(max_size=20)
coze_ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
counts = st.integers(0, 10**6)
response_ids = st.builds(
    ResponseId,
    model=names_of_things,
    created=counts,
    conversation_id=coze_ids,
    chat_id=coze_ids,
    bot_id=coze_ids,
    inputs=counts,
    before=counts,
    instructions=counts,
    kind=st.sampled_from(["chat", "chatflow"]),
    workflow_id=coze_ids,
    leg=st.integers(0, 3),
    replayed=counts,
    fenced=st.booleans(),
    stops=st.lists(names_of_things, max_size=4).map(tuple),
    named=st.booleans(),
)


@given(response_ids)
def test_id_of_a_response_holds_all_of_it(id_):
    assert unpack_response_id(id_.pack()) == id_
    # It is no JWT, and does not look like one.
    assert id_.pack().startswith("resp_W")


def test_longest_id_can_be_read():
    id_ = msgspec.structs.replace(
        ID,
        model="模" * MOST_MODEL,
        conversation_id="9" * 64,
        chat_id="9" * 64,
        stops=("👨" * 256,) * 4,
    )
    assert unpack_response_id(id_.pack()) == id_


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "resp_",
        "resp_n",
        "resp_W10",
        ID.pack(),
        msgspec.structs.replace(ID, conversation_id="1", chat_id="../2").pack(),
        msgspec.structs.replace(ID, conversation_id="1", chat_id="2", inputs=-1).pack(),
        msgspec.structs.replace(ID, conversation_id="1", chat_id="2", leg=-1).pack(),
        msgspec.structs.replace(ID, conversation_id="1", chat_id="2", bot_id=None).pack(),
        msgspec.structs.replace(ID, conversation_id="1", chat_id="2", kind="chatflow").pack(),
        msgspec.structs.replace(ID, conversation_id="1", chat_id="2").pack() + "A",
        msgspec.structs.replace(ID, conversation_id="1", chat_id="2").pack() + "=",
        msgspec.structs.replace(ID, conversation_id="1", chat_id="2").pack()[:-1],
    ],
)
def test_id_that_was_not_given_out_is_none(wrong):
    assert unpack_response_id(wrong) is None


@given(coze_ids, coze_ids, names_of_things, names_of_things)
def test_ids_of_items_hold_what_they_are(conversation, message, name, arguments):
    id_ = MessageId(conversation, message)
    assert unpack_message_id(id_.pack()) == id_
    call = FunctionCall("call_1", name, arguments)
    assert unpack_function_call(call.pack()) == call
    assert unpack_function_call(id_.pack()) is None


def test_id_of_a_call_leaves_out_what_it_has_no_room_for():
    call = unpack_function_call(FunctionCall("call_1", "f", "x" * 5000).pack())
    assert call == ("call_1", "f", "")


def call_of(number, plugin_type=6, **fields):
    content = {"name": "f", "arguments": {"a": 1}, "plugin_type": plugin_type}
    return said(number, "function_call", json.dumps(content), **fields)


def said(number, kind, content="", **fields):
    return Message(id=str(number), role="assistant", type=kind, content=content, **fields)


class TestSteps:
    def legs(self, *messages):
        return [[str(message.id) for message in leg] for leg in steps.legs(messages)]

    def test_chat_without_calls_is_one(self):
        assert self.legs() == [[]]
        assert self.legs(said(2, "verbose"), said(1, "answer")) == [["1", "2"]]

    def test_tools_that_coze_has_run_part_nothing(self):
        found = self.legs(call_of(1, plugin_type=1), said(2, "tool_response"), said(3, "answer"))
        assert found == [["1", "2", "3"]]

    def test_calls_of_the_caller_part_it_where_they_are_answered(self):
        messages = [
            *(said(1, "answer"), call_of(2), call_of(3), said(4, "verbose")),
            *(said(5, "tool_response"), said(6, "tool_response"), call_of(7)),
            *(said(8, "tool_response"), said(9, "answer")),
        ]
        expected = [["1", "2", "3", "4"], ["5", "6", "7"], ["8", "9"]]
        assert self.legs(*messages) == self.legs(*reversed(messages)) == expected

    def test_times_go_before_ids_where_all_have_them(self):
        early, late = {"created_at": 10}, {"created_at": "20"}
        messages = [call_of(5, **early), said(1, "answer", **late)]
        assert self.legs(*messages) == [["5"], ["1"]]
        assert self.legs(call_of(5, **early), said(1, "answer")) == [["1", "5"]]

    @pytest.mark.parametrize("content", ["", "no JSON", "[]", '{"plugin_type": "x"}', None])
    def test_call_that_cannot_be_read_is_none_of_the_callers(self, content):
        assert steps.local_call(said(1, "function_call", content)) is None


class TestPaging:
    def ids(self, **query):
        page = page_of([{"id": str(number)} for number in range(5)], Paging.of(query))
        return [item["id"] for item in page["data"]], page["has_more"]

    def test_latest_come_first_unless_told_otherwise(self):
        assert self.ids() == (["4", "3", "2", "1", "0"], False)
        assert self.ids(order="asc", limit="2") == (["0", "1"], True)
        assert self.ids(limit="2", after="3") == (["2", "1"], True)
        assert self.ids(limit="2", after="2") == (["1", "0"], False)
        assert self.ids(after="0") == ([], False)

    @pytest.mark.parametrize(
        "query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"order": "x"}, {"after": "x"}]
    )
    def test_what_cannot_be_is_refused(self, query):
        with pytest.raises(RequestError) as caught:
            self.ids(**query)
        assert caught.value.param == next(iter(query))


class TestKept:
    def test_lists_may_be_missing_or_under_another_name(self):
        assert kept.read_page(b'{"code":0}').messages == []
        assert kept.read_page(b'{"data":null}').messages == []
        (message,) = kept.read_page(b'{"Messages":[{"id":"1"}]}').messages
        assert message.id == "1"
        assert kept.read_conversation(b'{"ConversationData":{"id":"1"}}').id == "1"
        assert kept.read_chat(b'{"ChatV3ChatDetail":{"id":"1"}}').id == "1"

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"data":1}', b"\xff"])
    @pytest.mark.parametrize(
        "read",
        [
            *(kept.read_page, kept.read_message, kept.read_conversation),
            *(kept.read_conversations, kept.read_chat),
        ],
    )
    def test_answer_that_cannot_be_read_is_a_failure(self, read, body):
        with pytest.raises(UpstreamBrokenError):
            read(body)

    @pytest.mark.parametrize("read", [kept.read_message, kept.read_conversation, kept.read_chat])
    def test_answer_with_nothing_in_it_is_a_failure(self, read):
        with pytest.raises(UpstreamBrokenError):
            read(b'{"code":0,"msg":""}')
