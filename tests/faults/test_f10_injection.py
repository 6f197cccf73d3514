"""What callers name is a value wherever it goes on to: no header and no log line is made of it."""

import json
import logging

import pytest

from tests.faults.raw_caller import CHAT, request
from tests.service.asking import says
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=15)

EVIL = "x\r\nX-Evil: 1\r\n\r\nHTTP/1.1 200 OK\nfoo\u2028bar\x1b[31m\x00\x85"


def asked(**fields):
    return {"model": "bot-7", "messages": [says("Hi")], **fields}


@pytest.fixture
def logged(caplog):
    """What has been logged, which must be lines that show what they are."""
    caplog.set_level(logging.INFO)

    def logged():
        lines = [record.getMessage() for record in caplog.records]
        assert all(line.isprintable() and line.isascii() for line in lines), lines
        assert "X-Evil" not in " ".join(line.partition(" /")[0] for line in lines)
        return lines

    return logged


async def headers_and_call(dial, upstream, sent):
    """The answer, whose headers the raw caller has found well-formed, and the call."""
    caller = await dial()
    await caller.send(sent)
    call = await upstream.called()
    await call.answer(coze.answer("Fine"))
    response = await caller.response()
    assert response.status == 200
    assert not any("evil" in f"{name}: {value}".lower() for name, value in response.headers.items())
    return response, call


async def test_model_is_given_back_as_a_value(dial, upstream, logged):
    response, call = await headers_and_call(dial, upstream, request(asked(model=EVIL)))
    assert response.json["model"] == EVIL
    assert EVIL not in json.dumps(call.json)
    assert len(logged()) == 1


async def test_model_is_given_back_as_a_value_in_chunks(dial, upstream, logged):
    sent = request(asked(model=EVIL, stream=True))
    response, _ = await headers_and_call(dial, upstream, sent)
    frames = response.body.decode().split("\n\n")
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames[:-2]]
    assert {chunk["model"] for chunk in chunks} == {EVIL}
    assert len(logged()) == 1


@pytest.mark.parametrize("field", ["user", "safety_identifier"])
async def test_user_goes_to_coze_as_a_value(dial, upstream, logged, field):
    _, call = await headers_and_call(dial, upstream, request(asked(**{field: EVIL})))
    assert call.json["user_id"] == EVIL
    assert "evil" not in str(call.headers).lower()
    assert len(logged()) == 1


async def test_variables_go_to_coze_as_values(dial, upstream, logged):
    fields = {"custom_variables": {EVIL: EVIL}, "parameters": {EVIL: [EVIL]}}
    _, call = await headers_and_call(
        dial, upstream, request(asked(coze=fields, metadata={"a": EVIL}))
    )
    assert call.json["custom_variables"] == {EVIL: EVIL}
    assert call.json["meta_data"] == {"a": EVIL}
    assert call.path == "/v3/chat"
    assert len(logged()) == 1


async def test_fields_that_are_ignored_are_named_by_names_of_ours(dial, upstream, logged):
    sent = request(asked(temperature=1, **{EVIL: 1}))
    response, _ = await headers_and_call(dial, upstream, sent)
    assert response.headers["x-cozeproxy-ignored"] == "temperature"
    assert len(logged()) == 1


async def test_bytes_beyond_ascii_in_headers_do_no_harm(dial, upstream, logged):
    lines = [b"x-user-id: \xe9\xff", b"user-agent: \xa0\xff", b"x-request-id: \xe9", b"a\xa0: b"]
    _, call = await headers_and_call(dial, upstream, request(asked(), CHAT, "POST", *lines[:3]))
    assert call.json["user_id"] == "\xe9\xff"
    caller = await dial()
    await caller.send(request(asked(), CHAT, "POST", lines[3]))
    assert await caller.closed() == b"HTTP/1.1 400 Bad Request\r\n\r\n"
    assert len(logged()) == 2


@pytest.mark.parametrize(
    ("names", "given"), [(b"x-a,  x-b", "x-a,  x-b"), (b"x-a, \xe9", None), (b"x-a: b", None)]
)
async def test_only_names_of_headers_are_given_back_to_a_page(dial, logged, names, given):
    caller = await dial()
    line = b"Access-Control-Request-Headers: " + names
    await caller.send(request(b"", CHAT, "OPTIONS", line, Origin="https://app.example"))
    response = await caller.response()
    assert response.status == 204
    assert response.headers.get("access-control-allow-headers") == given
    assert len(logged()) == 1


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v1/nowhere%0d%0aX-Evil:%201", "GET"),
        ("/v1/models/x%0d%0aX-Evil:%201%1b%5b31m", "GET"),
        ("/v1/models/%e2%80%a8%c2%85", "GET"),
        ("/\x85\xe2\x80\xa8\xff", "GET"),
        ("/health?%7f", "PUT"),
        ("/", "X-EVIL!#$%&'*+.^_`|~"),
    ],
)
async def test_path_and_method_are_one_line_of_the_log(dial, logged, path, method):
    caller = await dial()
    await caller.send(request(b"", path, method).decode().encode("latin1"))
    response = await caller.response()
    assert response.status in (404, 405)
    assert response.error
    assert len(logged()) == 1


@pytest.mark.parametrize(
    "id_", [b"\xe9\xff", b"a b", b'a"b', b"a;b=c", b"x" * 10_000, b"\xe2\x80\xa8"]
)
async def test_request_id_that_cannot_stand_everywhere_is_not_taken(dial, logged, id_):
    caller = await dial()
    response = await caller.ask(b"", "/health", "GET", b"X-Request-Id: " + id_)
    assert response.headers["x-request-id"].startswith("req_")
    assert len(logged()) == 1
