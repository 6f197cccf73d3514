"""Stop sequences and code fences: the same text comes out however it is split."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cozeproxy.protocol.cutting import FenceCutter, StopCutter
from tests.support import coze
from tests.support.feeding import cuts, feed
from tests.support.streams import streamed, text_of, whole


def run(cutter, pieces):
    return "".join(cutter.feed(piece) for piece in pieces) + cutter.flush()


@pytest.mark.parametrize(
    ("stops", "text", "left"),
    [
        (["END"], "one END two", "one "),
        (["END"], "one EN", "one EN"),
        (["END"], "one ENEND two", "one EN"),
        (["aab"], "aaab", "a"),
        (["x", "END"], "one END x", "one "),
        (["abc", "b"], "abc", "a"),
        (["。"], "你好。再见", "你好"),
        (["\n"], "\nfirst", ""),
        (["END"], "", ""),
    ],
)
def test_text_ends_before_the_stop_that_is_complete_first(stops, text, left):
    for pieces in cuts(text):
        assert run(StopCutter(stops), pieces) == left


@given(
    st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=4),
    st.text("abc", max_size=20),
)
def test_stop_is_found_however_the_text_is_split(stops, text):
    expected = run(StopCutter(stops), [text])
    assert not any(stop in expected for stop in stops)
    assert text.startswith(expected)
    for pieces in cuts(text):
        assert run(StopCutter(stops), pieces) == expected


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ('```\n{"a": 1}\n```\n', '{"a": 1}'),
        ('  \n```JSON \r\n{"a": 1}\r\n``` ', '{"a": 1}'),
        ('{"a": 1}', '{"a": 1}'),
        ('{"a": "```"}', '{"a": "```"}'),
        ('```json\n{"a": "```"}\n```', '{"a": "```"}'),
        ('```json\n{"a": 1}', '{"a": 1}'),
        ("``", "``"),
        ("```", "```"),
        ("``x```", "``x```"),
        (" \n", " \n"),
        ("", ""),
        ("Here it is:\n```json\n{}\n```", "Here it is:\n```json\n{}\n```"),
    ],
)
def test_fence_around_the_whole_text_is_taken_off(text, left):
    for pieces in cuts(text):
        assert run(FenceCutter(), pieces) == left


@given(st.text("`\n j{", max_size=14))
def test_fence_is_found_however_the_text_is_split(text):
    expected = run(FenceCutter(), [text])
    assert expected in text
    for pieces in cuts(text):
        assert run(FenceCutter(), pieces) == expected


def test_answer_is_cut_streamed_and_not():
    data = coze.answer("one E", "N", "D two", " three")
    assert text_of(feed(streamed(stops=["END"]), [data])) == "one "
    completion = json.loads(feed(whole(stops=["END"]), [data]))
    assert completion["choices"][0]["message"]["content"] == "one "
    assert completion["choices"][0]["finish_reason"] == "stop"


def test_text_that_is_no_stop_after_all_comes_before_the_end():
    out = feed(streamed(stops=["END"]), [coze.answer("one", " EN")])
    assert text_of(out) == "one EN"


def test_fence_and_stop_work_together():
    data = coze.answer("```js", 'on\n{"a": 1} END', "\n```")
    assert text_of(feed(streamed(fenced=True, stops=["END"]), [data])) == '{"a": 1} '


def test_long_run_of_spaces_is_passed_in_no_time():
    """A pattern that tries every start would need some 10^12 steps here."""
    spaces = " " * 1_000_000
    assert run(FenceCutter(), [f"```json\n{spaces}x\n```"]) == f"{spaces}x"
