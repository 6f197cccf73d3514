"""The targets of targets.py and service.py, on what hypothesis makes up and on what once failed."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.bad_requests import BAD, GOOD
from tests.faults.raw_caller import request as http_request
from tests.fuzz import targets
from tests.fuzz.service import FuzzedService
from tests.protocol.test_properties import bodies
from tests.support import coze

CORPUS = Path(__file__).parents[1] / "corpus"
TARGETS = ("sse", "request", "response", "ids", "http")
FAILED = [
    pytest.param(path.parent.name, path.read_bytes(), id=f"{path.parent.name}/{path.name}")
    for path in sorted(CORPUS.glob("*/*"))
]


@pytest.fixture(scope="module")
def take():
    """Give an input to a target."""
    with FuzzedService() as service:
        functions = {name: getattr(targets, name) for name in TARGETS[:-1]} | {"http": service.take}
        yield lambda target, data: functions[target](data)


@pytest.mark.parametrize(("target", "data"), FAILED)
def test_what_once_failed_does_not_any_more(take, target, data):
    take(target, data)


def test_corpus_has_only_folders_of_targets():
    assert {path.name for path in CORPUS.iterdir()} <= {*TARGETS, "README.md"}


def changed(data, changes):
    """Bytes with others in places of them."""
    for place, gone, new in changes:
        start = int(place * len(data))
        data = data[:start] + new + data[start + gone :]
    return data


@st.composite
def changed_ones(draw, seeds, words):
    """Seeds with some bytes taken out and others put in."""
    change = st.tuples(
        st.floats(0, 1), st.integers(0, 20), st.sampled_from(words) | st.binary(max_size=4)
    )
    return changed(draw(st.sampled_from(seeds)), draw(st.lists(change, max_size=4)))


STREAMS = [
    coze.answer("Fine", "你好"),
    b"event: a\r\ndata: 1\r\n\r\n",
    b"\xef\xbb\xbfdata\rdata:\r\r",
]
ENDS = [b"\n", b"\r", b"\r\n", b":", b" ", b"data", b"event", b"id: 1\n", b"\x00", b"\xef\xbb\xbf"]
BODIES = [json.dumps(GOOD).encode(), *(sent.partition(b"\r\n\r\n")[2] for sent, *_ in BAD.values())]
TOKENS = [b"null", b"[", b"]", b"{", b"}", b'"', b"1e999", b"\\ud800", b"\xff", b"-0", b',"n":1']
IDS = [
    b"call_coze_WyI3IiwiOCIsIjkiLCJhIl0",
    b"call_cozeflow_WyI3IiwiMSIsMl0",
    b"file-7-assistants",
    b"resp_WyJtIiwxLCIxIiwiMiIsIjciXQ",
    b"msg_WyIxIiwiMiJd",
    b"fc_WyJjIiwiZiIsInt9Il0",
    b"7",
]
RESPONSES = [
    json.dumps(body).encode()
    for body in (
        {"model": "bot-7", "input": "Hi", "instructions": "Be brief.", "stop": ["a"]},
        {"model": "workflow-7", "input": [{"role": "user", "content": "Hi"}]},
        {"input": "Hi", "previous_response_id": "resp_WyJtIiwxLCIxIiwiMiIsIjciXQ"},
        {
            "model": "m",
            "input": [
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": [{"type": "text"}]},
                {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
                {"id": "msg_WyIxIiwiMiJd"},
            ],
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
        },
    )
]
REQUESTS = [http_request(GOOD), http_request({**GOOD, "stream": True}), http_request(GOOD) * 3]
REQUESTS += [sent for sent, *_ in BAD.values() if len(sent) < 2000]
LINES = [
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b":",
    b"\x00",
    b"Content-Length: 5\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"0\r\n\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: close\r\n",
    b"OPTIONS ",
    b"HEAD ",
    b"HTTP/1.0",
    b"/v1/models/%ff",
]


@settings(max_examples=300)
@given(
    st.binary(max_size=60)
    | changed_ones(STREAMS, ENDS)
    | st.lists(st.sampled_from(ENDS)).map(b"".join)
)
def test_any_stream_has_the_meaning_that_the_standard_gives_it(data):
    targets.sse(data)


@settings(max_examples=500)
@given(changed_ones(BODIES, TOKENS) | bodies.map(lambda body: json.dumps(body).encode()))
def test_any_body_is_served_or_refused(data):
    targets.request(data)


@settings(max_examples=500)
@given(changed_ones(RESPONSES, TOKENS))
def test_any_body_of_a_request_for_a_response_is_served_or_refused(data):
    targets.response(data)


@settings(max_examples=500)
@given(st.binary(max_size=80) | changed_ones(IDS, [b"A", b"=", b"-", b"_", b"\xc3\xa9", b"\xff"]))
def test_any_id_is_one_that_was_given_out_or_is_refused(data):
    targets.ids(data)


@settings(max_examples=300, deadline=None)
@given(data=changed_ones(REQUESTS, LINES))
def test_any_http_is_answered_or_cut_off_and_the_next_is_served(take, data):
    take("http", data)
