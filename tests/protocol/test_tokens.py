"""The tokens of an answer, as far as Coze has told of them: also after the end."""

import pytest

from tests.support import coze
from tests.support.feeding import cuts
from tests.support.streams import streamed, whole

EARLY = coze.CREATED + coze.delta("Hi") + coze.FINISH_MARKER


@pytest.mark.parametrize("make", [streamed, whole])
def test_tokens_are_known_with_the_end_and_not_before(make):
    stream = make()
    stream.receive_data(EARLY)
    # What Coze says of a chat that has just begun is zero.
    assert stream.tokens is None
    stream.receive_data(coze.END)
    assert stream.tokens == (10, 5)


def test_tokens_that_come_after_an_early_end_are_known_and_change_nothing():
    late = coze.completed("What else?", "83", "follow_up") + coze.END
    for pieces in cuts(EARLY + late):
        stream = streamed(early_end=True)
        out = b"".join(map(stream.receive_data, pieces))
        assert stream.tokens == (10, 5)
        assert out.endswith(b"data: [DONE]\n\n")
        assert out.count(b"[DONE]") == 1
        assert b"else" not in out
        assert stream.receive_eof() == b""
        assert stream.error is None


@pytest.mark.parametrize(
    "late",
    [
        coze.event("conversation.chat.completed", "{"),
        coze.event("conversation.chat.completed", {"usage": "many"}),
        coze.chat("failed", usage=coze.USAGE),
        coze.event("conversation.chat.completed", {}),
        coze.delta("late") + coze.DONE,
        b"\xff\x00",
    ],
)
def test_what_comes_after_an_early_end_cannot_break_it(late):
    stream = streamed(early_end=True)
    stream.receive_data(EARLY)
    assert stream.receive_data(late + b"\n\n") == b""
    assert stream.receive_eof() == b""
    assert (stream.ended, stream.error, stream.tokens) == (True, None, None)


def test_failed_chat_has_the_tokens_that_it_tells():
    stream = streamed()
    stream.receive_data(coze.CREATED + coze.delta("Hi") + coze.chat("failed", usage=coze.USAGE))
    assert stream.error is not None
    assert stream.tokens == (10, 5)


def test_other_names_of_the_counts_are_known():
    stream = streamed()
    usage = {"token_count": 3, "input_tokens": "1", "output_tokens": 2}
    stream.receive_data(coze.CREATED + coze.chat("completed", usage=usage))
    assert stream.tokens == (1, 2)
