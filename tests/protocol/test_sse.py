"""The event stream parser against the WHATWG's rules, for every way a stream may be cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cozeproxy.protocol.sse import EventParser, encode
from tests.support.feeding import cuts

CASES = {
    "no_space_after_the_colon": (b"event:a\ndata:1\n\n", [(b"a", b"1")]),
    "one_space_is_dropped_more_are_data": (b"data:  x \n\n", [(b"", b" x ")]),
    "id_and_retry_lines_are_skipped": (b"id: 0\nevent: M\nretry: 5\ndata: {}\n\n", [(b"M", b"{}")]),
    "comments_are_skipped": (b": ping\n\n:\ndata:1\n: x\n\n", [(b"", b"1")]),
    "crlf": (b"event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", [(b"a", b"1"), (b"", b"2")]),
    "cr": (b"event: a\rdata: 1\r\rdata: 2\r\r", [(b"a", b"1"), (b"", b"2")]),
    "mixed_line_ends": (b"data: 1\r\ndata: 2\rdata: 3\n\r\n", [(b"", b"1\n2\n3")]),
    "data_lines_are_joined": (b"data: [\ndata: 1\ndata: ]\n\n", [(b"", b"[\n1\n]")]),
    "data_without_a_colon_is_an_empty_line": (b"data\ndata\n\n", [(b"", b"\n")]),
    "empty_data_is_an_event": (b"event: done\ndata:\n\n", [(b"done", b"")]),
    "a_name_without_data_is_no_event": (b"event: a\n\ndata: 1\n\n", [(b"", b"1")]),
    "the_last_name_wins": (b"event: a\nevent: b\ndata: 1\n\n", [(b"b", b"1")]),
    "an_event_without_its_blank_line_is_dropped": (b"data: 1\n\ndata: 2\n", [(b"", b"1")]),
    "a_bom_is_dropped_at_the_start_only": (
        b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n",
        [(b"", b"1")],
    ),
    "other_unicode_line_breaks_are_text": (
        "data: a\u2028b\u2029c\x85d\x0be\x0cf\n\n".encode(),
        [(b"", "a\u2028b\u2029c\x85d\x0be\x0cf".encode())],
    ),
    "characters_of_several_bytes": ("data: 你好🙂\n\n".encode(), [(b"", "你好🙂".encode())]),
}


@pytest.mark.parametrize(("data", "events"), CASES.values(), ids=CASES.keys())
def test_stream_cut_anywhere_gives_the_same_events(data, events):
    for pieces in cuts(data):
        parser = EventParser()
        assert [e for piece in pieces for e in parser.receive_data(piece)] == events


FIELDS = [b"data", b"event", b":", b" ", b"\r", b"\n", b"x", b"\xe4\xbd"]
EVENTS = [
    b"id: 1\nevent:a\ndata:1\n\n",
    b"event:a\ndata:1\n\n",
    b"event: b\ndata: 2",
    b"\ndata:",
    b"\n\n",
]


@given(st.lists(st.sampled_from([*FIELDS, *EVENTS])))
def test_any_bytes_cut_anywhere_give_the_same_events(tokens):
    whole = b"".join(tokens)
    expected = EventParser().receive_data(whole)
    for pieces in cuts(whole):
        parser = EventParser()
        assert [e for piece in pieces for e in parser.receive_data(piece)] == expected


def test_trailing_data_is_kept_for_the_next_piece():
    parser = EventParser()
    assert parser.receive_data(b"data: 1\n\nda") == [(b"", b"1")]
    assert parser.receive_data(b"ta: 2\n\n") == [(b"", b"2")]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"data: " + b"x" * 101 + b"\n\n", id="a_long_line"),
        pytest.param(b"x" * 101, id="a_line_that_never_ends"),
        pytest.param(b"data: 123456789\n" * 11 + b"\n", id="many_lines"),
        pytest.param(b"data\n" * 101 + b"\n", id="many_empty_lines"),
    ],
)
def test_event_over_the_bound_overflows_however_it_is_cut(data):
    for pieces in cuts(b"data: first\n\n" + data):
        parser = EventParser(max_event_bytes=100)
        events = [e for piece in pieces for e in parser.receive_data(piece)]
        assert events == [(b"", b"first")]
        assert parser.overflowed
        assert parser.receive_data(b"data: more\n\n") == []


def test_event_at_the_bound_passes():
    for pieces in cuts(b"data: " + b"x" * 94 + b"\n\n"):
        parser = EventParser(max_event_bytes=100)
        assert [e for p in pieces for e in parser.receive_data(p)] == [(b"", b"x" * 94)]


def test_long_line_in_small_pieces_costs_no_more_than_its_length():
    """Joining the line at every piece would copy some 500 GB here."""
    parser = EventParser()
    for _ in range(100_000):
        parser.receive_data(b"x" * 100)
    assert not parser.overflowed


def test_encoded_data_is_one_event_with_the_same_data():
    assert EventParser().receive_data(encode(b'{"a":1}')) == [(b"", b'{"a":1}')]
