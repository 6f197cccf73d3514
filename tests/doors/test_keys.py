"""Who is let in: keys of callers, and what is said to those who have none."""

import json

import openai
import pytest

from tests.doors.access import (
    ANN,
    BOB,
    OTHER,
    SECRET,
    UNNAMED,
    bearer,
    comparisons,
    digest,
    keys_file,
)
from tests.service.asking import body, error_of, last_arrived, to

pytestmark = pytest.mark.gen_test(timeout=15)


@pytest.fixture
def environment(tmp_path):
    return {
        "PROXY_API_KEYS": f"ann:{ANN}, {UNNAMED},{OTHER}",
        "PROXY_KEYS_FILE": keys_file(tmp_path, bob={"sha256": digest(BOB).upper()}),
    }


ENDPOINTS = {
    "whole": ("/v1/chat/completions", "POST", body("hello")),
    "streamed": ("/v1/chat/completions", "POST", body("hello", stream=True)),
    "no request": ("/v1/chat/completions", "POST", b"{"),
    "wrong method": ("/v1/chat/completions", "GET", None),
    "text": ("/v1/completions", "POST", {"model": "bot-hello", "prompt": "Hi"}),
    "speech": ("/v1/audio/speech", "POST", {"model": "m", "input": "Hi", "voice": "tone"}),
    "transcription": ("/v1/audio/transcriptions", "POST", b"{"),
    "file": ("/v1/files", "POST", b"{"),
    "models": ("/v1/models", "GET", None),
    "model": ("/v1/models/gpt-4", "GET", None),
}
WRONG = {
    "none": {},
    "empty": {"Authorization": ""},
    "no token": {"Authorization": "Bearer"},
    "no token but a space": {"Authorization": "Bearer "},
    "another": bearer(f"{SECRET}nobody"),
    "a part": bearer(ANN[:-1]),
    "more": bearer(f"{ANN}x"),
    "capitals": bearer(ANN.upper()),
    "two": bearer(f"{ANN},{UNNAMED}"),
    "with its name": bearer(f"ann:{ANN}"),
    "its name": bearer("ann"),
    "its digest": bearer(digest(BOB)),
    "no scheme": {"Authorization": ANN},
    "another scheme": {"Authorization": f"Basic {ANN}"},
    "not ASCII": bearer("schlüssel"),
    "api-key": {"api-key": f"{SECRET}nobody"},
    "wrong before right": {**bearer("any-string"), "api-key": ANN},
    "another header": {"x-api-key": ANN},
    "the key for Coze": bearer("pat_sandbox"),
}


@pytest.mark.parametrize("key", [ANN, BOB, UNNAMED, OTHER])
@pytest.mark.parametrize("endpoint", ["whole", "streamed", "models", "model"])
async def test_key_is_taken_as_bearer_token_and_as_api_key(post, endpoint, key):
    path, method, data = ENDPOINTS[endpoint]
    for headers in (bearer(key), {"Authorization": f"bearer  {key} "}, {"api-key": key}):
        response = await post(data, path, method, **headers)
        assert response.code == 200
        assert SECRET.encode() not in response.body


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG.keys())
async def test_wrong_key_is_a_401_that_neither_repeats_it_nor_asks_coze(post, sandbox, headers):
    for path, method, data in ENDPOINTS.values():
        response = await post(data, path, method, **headers)
        assert response.code == 401
        assert error_of(response) == {
            "message": "Incorrect API key provided.",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_api_key",
        }
        assert response.headers["X-Should-Retry"] == "false"
    assert sandbox.requests == []


@pytest.mark.parametrize("key", [ANN, BOB, UNNAMED, OTHER, ANN[:-1], "x"])
async def test_time_does_not_tell_which_key_it_was_or_how_much_of_one(post, monkeypatch, key):
    compared = comparisons(monkeypatch)
    await post(None, "/v1/models", "GET", **bearer(key))
    # Each of the four, by its digest.
    assert compared == [(32, 32)] * 4


async def test_sdk_raises_for_a_wrong_key_and_does_not_send_it_again(caller, ask, caplog):
    with pytest.raises(openai.AuthenticationError):
        await caller.with_options(max_retries=2).chat.completions.create(**to("hello"))
    with pytest.raises(openai.AuthenticationError):
        await ask("bot-hello")
    lines = [r for r in caplog.records if r.name == "cozeproxy.access"]
    assert len(lines) == 2


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models"])
async def test_browser_asks_without_a_key_whether_it_may_send_one(post, path):
    response = await post(
        None,
        path,
        "OPTIONS",
        Origin="https://app.example",
        Access_Control_Request_Headers="authorization",
    )
    assert response.code == 204
    assert response.headers["Access-Control-Allow-Headers"] == "authorization"


async def test_health_needs_no_key(post):
    assert json.loads((await post(None, "/health", "GET")).body) == {"status": "ok"}


@pytest.mark.parametrize(
    ("key", "named"),
    [(ANN, ["key=ann"]), (BOB, ["key=bob"]), (UNNAMED, []), ("any-string", [])],
)
async def test_line_of_a_request_has_the_name_of_the_key(post, caplog, key, named):
    await post(body("hello"), **bearer(key))
    (line,) = [r.getMessage() for r in caplog.records if r.name == "cozeproxy.access"]
    assert [part for part in line.split() if part.startswith("key=")] == named


@pytest.mark.parametrize(("key", "user"), [(ANN, "ann:eve"), (BOB, "bob:eve"), (UNNAMED, "eve")])
async def test_name_of_the_key_stands_in_front_of_the_user(post, sandbox, key, user):
    for fields, headers in (({"user": "eve"}, {}), ({}, {"x-user-id": "eve"})):
        assert (await post(body("hello", **fields), **headers, **bearer(key))).code == 200
        assert last_arrived(sandbox).body["user_id"] == user


async def test_callers_that_name_no_user_are_told_apart_by_their_keys(post, sandbox):
    users = []
    for key in (ANN, BOB, UNNAMED, OTHER):
        for headers in (bearer(key), {"api-key": key}):
            await post(body("hello"), **headers)
            users.append(last_arrived(sandbox).body["user_id"])
    assert users[::2] == users[1::2]
    assert len(set(users)) == 4
    assert users[0].startswith("ann:key-")
    assert SECRET not in "".join(users)


class TestWithoutKeys:
    @pytest.fixture
    def environment(self):
        return {"PROXY_API_KEYS": ""}

    async def test_any_key_or_none_is_taken(self, post):
        for headers in WRONG.values():
            assert (await post(body("hello"), **headers)).code == 200
