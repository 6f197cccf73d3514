"""``/get_jwt``, ``/refresh_jwt``, ``/clear_jwt``: what they say, and that they say it to few."""

import json

import pytest

from cozeproxy.sandbox import Sandbox
from tests.doors.access import (
    ANN,
    OTHER,
    SECRET,
    bearer,
    comparisons,
    exchanges,
    shown,
    tokens_seen,
)
from tests.service.asking import body, error_of
from tests.support.canaries import CALLER_KEY

pytestmark = pytest.mark.gen_test(timeout=15)

ADMIN = f"{SECRET}admin"
ENDPOINTS = [("GET", "/get_jwt"), ("POST", "/refresh_jwt"), ("DELETE", "/clear_jwt")]
PAGE = {"Origin": "https://app.example"}
# The stand-in gives the time of a token's end in whole seconds.
LIFE = pytest.approx(3600, abs=1)
EMPTY = {"GET": None, "DELETE": None, "POST": b""}

each_endpoint = pytest.mark.parametrize(("method", "path"), ENDPOINTS)


@pytest.fixture
def environment(oauth_app):
    return {**oauth_app, "PROXY_ADMIN_KEY": ADMIN}


@pytest.fixture
def ask_for(post):
    """A request to one of the endpoints; whatever is said must not be kept or shared."""

    async def ask_for(path, method="GET", key=ADMIN, **headers):
        shown_key = bearer(key) if key else {}
        response = await post(EMPTY.get(method), path, method, **shown_key, **headers)
        check_not_shared(response)
        return response

    return ask_for


def check_not_shared(response):
    assert response.headers["Cache-Control"] == "no-store"
    assert not [name for name in response.headers if name.startswith("Access-Control")]
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def check_shut(response, said):
    assert response.code == 403
    error = error_of(response)
    assert (error["type"], error["code"]) == ("invalid_request_error", "permission_denied")
    assert said in error["message"]
    assert b"czs_" not in response.body


async def test_get_gives_the_token_that_coze_is_shown(ask_for, post, sandbox):
    response = await ask_for("/get_jwt")
    answer = json.loads(response.body)
    token = answer.pop("token")
    assert answer == {
        "success": True,
        "info": {"hasToken": True, "isValid": True, "expiresIn": LIFE},
    }
    assert response.headers["Content-Type"] == "application/json"
    await post(body("hello"))
    assert tokens_seen(sandbox, "/v3/chat") == [shown(token)]
    assert exchanges(sandbox) == 1


async def test_get_gives_the_same_token_with_the_seconds_that_it_has_left(ask_for, sandbox, clock):
    first = json.loads((await ask_for("/get_jwt")).body)
    clock.now += 1000.5
    second = json.loads((await ask_for("/get_jwt")).body)
    left = first["info"]["expiresIn"] - 1000
    assert left - second["info"]["expiresIn"] in (0, 1)
    assert second["token"] == first["token"]
    assert second["info"]["isValid"]
    assert exchanges(sandbox) == 1


async def test_refresh_gets_a_new_token_which_is_then_used(ask_for, post, sandbox):
    old = json.loads((await ask_for("/get_jwt")).body)["token"]
    answer = json.loads((await ask_for("/refresh_jwt", "POST")).body)
    token = answer.pop("token")
    assert token != old
    assert answer == {
        "success": True,
        "info": {"hasToken": True, "isValid": True, "expiresIn": LIFE},
        "access_token": token,
        "expires_in": LIFE,
        "token_type": "Bearer",
    }
    await post(body("hello"))
    assert tokens_seen(sandbox, "/v3/chat") == [shown(token)]
    assert exchanges(sandbox) == 2


async def test_clear_forgets_the_token_and_the_next_request_gets_another(ask_for, post, sandbox):
    old = json.loads((await ask_for("/get_jwt")).body)["token"]
    answer = json.loads((await ask_for("/clear_jwt", "DELETE")).body)
    assert answer == {"success": True, "message": answer["message"]}
    assert answer["message"]
    health = json.loads((await post(None, "/health", "GET", **bearer(ADMIN))).body)
    assert health["jwt"] == {"hasToken": False, "isValid": False, "expiresIn": 0}
    assert exchanges(sandbox) == 1
    assert (await post(body("hello"))).code == 200
    assert exchanges(sandbox) == 2
    assert tokens_seen(sandbox, "/v3/chat") != [shown(old)]


async def test_clear_without_a_token_succeeds(ask_for, sandbox):
    assert (await ask_for("/clear_jwt", "DELETE")).code == 200
    assert exchanges(sandbox) == 0


async def test_health_tells_of_the_token_to_whoever_may_see_it(post, clock):
    details = bearer(ADMIN)
    await post(body("hello"))
    health = json.loads((await post(None, "/health", "GET", **details)).body)
    assert health["jwt"] == {"hasToken": True, "isValid": True, "expiresIn": LIFE}
    assert health["credentials"]["oauth_jwt"] is True
    assert "token" not in health
    clock.now += 3600
    health = json.loads((await post(None, "/health", "GET", **details)).body)
    assert health["jwt"] == {"hasToken": True, "isValid": False, "expiresIn": 0}
    for stranger in ({}, bearer(OTHER), PAGE):
        response = await post(None, "/health", "GET", **stranger)
        assert json.loads(response.body) == {"status": "ok"}


@pytest.mark.parametrize(("method", "path"), ENDPOINTS[:2])
async def test_outage_is_a_502_and_the_old_token_stays(ask_for, sandbox, method, path):
    sandbox.tokens.outage = True
    response = await ask_for(path, method)
    assert response.code == 502
    assert "No access token could be had" in error_of(response)["message"]
    sandbox.tokens.outage = False
    old = json.loads((await ask_for("/get_jwt")).body)["token"]
    sandbox.tokens.outage = True
    assert (await ask_for("/refresh_jwt", "POST")).code == 502
    assert json.loads((await ask_for("/get_jwt")).body)["token"] == old


@each_endpoint
async def test_admin_key_opens_from_wherever_it_comes(ask_for, method, path):
    headers = {"Host": "api.example.com", "X-Forwarded-For": "203.0.113.7", "Via": "1.1 x", **PAGE}
    assert (await ask_for(path, method, **headers)).code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer(OTHER),
        bearer(ADMIN[:-1]),
        bearer(ADMIN + "x"),
        bearer(""),
        bearer(Sandbox.API_KEY),
        {"Authorization": f"Basic {ADMIN}"},
        {"api-key": ADMIN},
    ],
)
async def test_without_the_admin_key_it_is_a_403_that_asks_for_it(ask_for, sandbox, headers):
    for method, path in ENDPOINTS:
        response = await ask_for(path, method, key=None, **headers)
        check_shut(response, "PROXY_ADMIN_KEY")
        assert SECRET.encode() not in response.body
    assert sandbox.requests == []


@pytest.mark.parametrize("key", [ADMIN, ADMIN[:-1], "x", None])
async def test_time_does_not_tell_how_much_of_the_admin_key_was_right(ask_for, monkeypatch, key):
    compared = comparisons(monkeypatch)
    await ask_for("/clear_jwt", "DELETE", key=key)
    assert compared == [(32, 32)]


@each_endpoint
async def test_page_of_another_origin_may_not_even_ask(ask_for, method, path):
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "x-a"}
    for key in (None, ADMIN):
        await ask_for(path, "OPTIONS", key=key, **PAGE, **asked)


@each_endpoint
async def test_wrong_method_is_refused_without_a_token(ask_for, sandbox, method, path):
    for other in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} - {method}:
        response = await ask_for(path, other)
        assert response.code == 405
        assert set(response.headers["Allow"].split(", ")) == {method, "OPTIONS"}
    assert sandbox.requests == []


class TestKeysOfCallers:
    @pytest.fixture
    def environment(self, oauth_app):
        return {**oauth_app, "PROXY_ADMIN_KEY": ADMIN, "PROXY_API_KEYS": f"ann:{ANN}"}

    @each_endpoint
    async def test_caller_is_no_admin(self, ask_for, method, path):
        check_shut(await ask_for(path, method, key=ANN), "PROXY_ADMIN_KEY")

    async def test_admin_is_no_caller(self, post, ask_for, sandbox):
        assert (await ask_for("/get_jwt")).code == 200
        assert (await post(body("hello"), **bearer(ADMIN))).code == 401
        assert tokens_seen(sandbox, "/v3/chat") == []


class TestShut:
    @pytest.fixture
    def environment(self, oauth_app):
        return {**oauth_app, "PROXY_ADMIN_KEY": ""}

    @each_endpoint
    async def test_nobody_is_let_in_and_told_how_to_open(self, ask_for, sandbox, method, path):
        for key in (None, CALLER_KEY, ADMIN):
            response = await ask_for(path, method, key=key)
            check_shut(response, "Set PROXY_ADMIN_KEY")
            check_shut(response, "TOKEN_ENDPOINTS=loopback")
        assert sandbox.requests == []

    async def test_health_is_up_and_no_more(self, post):
        response = await post(None, "/health", "GET", **bearer(ADMIN))
        assert json.loads(response.body) == {"status": "ok"}


class TestWithoutOAuth:
    @pytest.fixture
    def environment(self):
        return {"PROXY_ADMIN_KEY": ADMIN}

    @each_endpoint
    async def test_api_key_is_never_given_out(self, ask_for, method, path):
        response = await ask_for(path, method)
        assert response.code == 400
        assert error_of(response)["code"] == "jwt_not_configured"
        assert Sandbox.API_KEY.encode() not in response.body

    @each_endpoint
    async def test_another_method_is_no_matter_of_oauth(self, ask_for, method, path):
        other = "DELETE" if method == "GET" else "GET"
        response = await ask_for(path, other)
        assert (response.code, error_of(response)["code"]) == (405, "method_not_supported")
        assert response.headers["Allow"] == f"{method}, OPTIONS"

    @each_endpoint
    async def test_strangers_do_not_learn_that_there_is_no_oauth(self, ask_for, method, path):
        check_shut(await ask_for(path, method, key=None), "PROXY_ADMIN_KEY")


class TestPassthrough(TestWithoutOAuth):
    @pytest.fixture
    def environment(self, oauth_app):
        return {**oauth_app, "PROXY_ADMIN_KEY": ADMIN, "COZE_TOKEN_PASSTHROUGH": "true"}
