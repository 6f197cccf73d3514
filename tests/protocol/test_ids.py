"""Ids of tool calls: everything inside, one spelling, nothing else accepted."""

import base64
import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cozeproxy.errors import RequestError
from cozeproxy.protocol.ids import (
    CallId,
    ResumeId,
    is_call_id,
    is_resume_id,
    unpack_call_id,
    unpack_resume_id,
)

ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@given(ids, ids, ids, st.text(max_size=100))
def test_id_holds_all_of_a_call_and_is_safe_in_urls(bot, conversation, chat, call):
    known = CallId(bot, conversation, chat, call)
    packed = known.pack()
    assert re.fullmatch(r"[A-Za-z0-9_-]+", packed)
    assert is_call_id(packed)
    assert not is_resume_id(packed)
    assert unpack_call_id(packed, "p") == known


@pytest.mark.parametrize("foreign", ["call_abc", "toolu_01", "", "callcoze", "call_COZE_x"])
def test_id_of_another_provider_is_not_ours(foreign):
    assert not is_call_id(foreign)
    assert not is_resume_id(foreign)


def packed(text):
    return "call_coze_" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "changed",
    [
        "call_coze_",
        "call_coze_!!!",
        "call_coze_" + "A" * 2000,
        packed("not json"),
        packed("{}"),
        packed('["1","2","3"]'),
        packed('["1","2","3","4","5"]'),
        packed('["1","2","3",4]'),
        packed('["1","2","3", "4"]'),
        packed('["../x","2","3","4"]'),
        packed('["","2","3","4"]'),
        CallId("1", "2", "3", "abc=").pack() + "A",
        CallId("1", "2", "3", "abc=").pack()[:-1],
        CallId("1", "2", "3", "abc=").pack() + "=",
    ],
)
def test_id_that_was_changed_is_refused(changed):
    with pytest.raises(RequestError) as caught:
        unpack_call_id(changed, "messages[2].tool_call_id")
    assert caught.value.param == "messages[2].tool_call_id"
    assert caught.value.answer.status == 400


@given(st.text(alphabet="ABCabc012_-=.", max_size=60))
def test_any_text_behind_the_prefix_is_an_id_or_refused(text):
    with contextlib.suppress(RequestError):
        assert unpack_call_id("call_coze_" + text, "p").pack() == "call_coze_" + text


@given(ids, st.text(max_size=60), st.integers(0, 9))
def test_id_of_a_question_holds_all_of_it(workflow, event, kind):
    known = ResumeId(workflow, event, kind)
    packed = known.pack()
    assert re.fullmatch(r"[A-Za-z0-9_-]+", packed)
    assert is_resume_id(packed)
    assert not is_call_id(packed)
    assert unpack_resume_id(packed, "p") == known


@pytest.mark.parametrize(
    "changed",
    [
        "call_cozeflow_",
        "call_cozeflow_x",
        ResumeId("1", "2/3", 2).pack() + "A",
        ResumeId("../1", "2/3", 2).pack(),
        CallId("1", "2", "3", "4").pack().replace("call_coze_", "call_cozeflow_"),
    ],
)
def test_id_of_a_question_that_was_changed_is_refused(changed):
    with pytest.raises(RequestError) as caught:
        unpack_resume_id(changed, "coze.resume")
    assert caught.value.param == "coze.resume"
