"""What clients ask before they chat: models, health, and whether a browser may."""

import json
from urllib.parse import quote

import openai
import pytest

from cozeproxy import __version__
from cozeproxy.sandbox import Sandbox
from tests.service.asking import body

pytestmark = pytest.mark.gen_test(timeout=15)

KNOWN = ["gpt-3.5-turbo", "gpt-4", f"bot-{Sandbox.BOT_ID}"]


async def test_models_are_listed_as_openai_lists_them(post):
    response = await post(None, "/v1/models", "GET")
    listed = json.loads(response.body)
    assert listed.keys() == {"object", "data"}
    assert listed["object"] == "list"
    assert {model["id"] for model in listed["data"]} >= set(KNOWN)
    for model in listed["data"]:
        assert isinstance(model.pop("created"), int)
        assert model == {"id": model["id"], "object": "model", "owned_by": "coze"}


async def test_sdks_list_and_retrieve_the_same_models(caller, sync_caller, in_thread):
    listed = [model async for model in caller.models.list()]
    assert [model.id for model in listed] == [
        model.id for model in await in_thread(lambda: list(sync_caller.models.list()))
    ]
    for model in listed:
        assert await caller.models.retrieve(model.id) == model


@pytest.mark.parametrize("name", ["gpt-5", "bot-", "vendor/model:1", "模型", "a b?c#d"])
async def test_unknown_model_is_not_found_under_its_own_name(caller, name):
    with pytest.raises(openai.NotFoundError) as caught:
        await caller.models.retrieve(name)
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"
    assert f"'{name}'" in caught.value.message


@pytest.mark.parametrize("name", KNOWN)
async def test_percent_encoded_model_is_found(post, name):
    encoded = "".join(f"%{byte:02X}" for byte in name.encode())
    response = await post(None, f"/v1/models/{encoded}", "GET")
    assert json.loads(response.body)["id"] == name


async def test_model_that_is_no_utf8_is_a_400(post):
    response = await post(None, "/v1/models/%ff%00%0d%0a", "GET")
    assert response.code == 400
    assert json.loads(response.body)["error"]["type"] == "invalid_request_error"


async def test_model_that_is_listed_answers(caller):
    answer = await caller.chat.completions.create(**(body("echo") | {"model": KNOWN[-1]}))
    assert "You said: Hi." in answer.choices[0].message.content


class TestNamesWithSigns:
    @pytest.fixture
    def environment(self):
        return {"MODEL_MAP": '{"100%41/b:c": {"type": "chat"}}'}

    async def test_name_is_decoded_once(self, caller):
        assert (await caller.models.retrieve("100%41/b:c")).id == "100%41/b:c"


class TestWithoutDefaultBot:
    @pytest.fixture
    def environment(self):
        return {"COZE_BOT_ID": ""}

    async def test_list_has_no_bot(self, caller):
        names = [model.id async for model in caller.models.list()]
        assert names == ["gpt-3.5-turbo", "gpt-4"]


async def test_health_tells_strangers_only_that_it_is_up(post, sandbox):
    response = await post(None, "/health", "GET")
    assert json.loads(response.body) == {"status": "ok"}
    assert sandbox.requests == []


class TestOnAMachineOfOnesOwn:
    @pytest.fixture
    def environment(self):
        return {"TOKEN_ENDPOINTS": "loopback"}

    async def test_health_tells_how_it_is_set_up_and_never_a_credential(self, post, sandbox):
        response = await post(None, "/health", "GET")
        health = json.loads(response.body)
        assert health["status"] == "ok"
        assert health["version"] == __version__
        assert health["uptime"] >= 0
        assert health["upstream"] == sandbox.base_url
        assert health["credentials"] == {
            "api_key": True,
            "oauth_jwt": False,
            "passthrough": False,
        }
        assert Sandbox.API_KEY.encode() not in response.body
        assert sandbox.requests == []


@pytest.mark.parametrize(
    ("path", "status"), [("/health", 200), ("/v1/models", 405), ("/v1/nowhere", 404)]
)
async def test_head_is_answered_without_a_body(post, path, status):
    response = await post(None, path, "HEAD")
    assert response.code == status
    assert response.body == b""


PREFLIGHT = {
    "Origin": "https://app.example",
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang",
}


async def test_browser_of_any_origin_may_ask(post):
    response = await post(None, "/v1/chat/completions", "OPTIONS", **PREFLIGHT)
    headers = response.headers
    assert response.code == 204
    assert response.body == b""
    assert headers["Access-Control-Allow-Origin"] == "*"
    # "*" would not cover Authorization.
    assert headers["Access-Control-Allow-Headers"] == PREFLIGHT["Access-Control-Request-Headers"]
    assert "POST" in headers["Access-Control-Allow-Methods"]
    assert int(headers["Access-Control-Max-Age"]) > 0


@pytest.mark.parametrize(
    ("path", "method", "data", "status"),
    [
        ("/v1/chat/completions", "POST", body("hello"), 200),
        ("/v1/chat/completions", "POST", body("hello", stream=True), 200),
        ("/v1/chat/completions", "POST", body("code-4028"), 429),
        ("/v1/chat/completions", "POST", {}, 400),
        ("/v1/chat/completions", "GET", None, 405),
        ("/v1/models", "GET", None, 200),
        ("/v1/nowhere", "GET", None, 404),
    ],
)
async def test_every_answer_can_be_read_by_pages(post, path, method, data, status):
    response = await post(data, path, method, Origin="https://app.example")
    assert response.code == status
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    exposed = response.headers["Access-Control-Expose-Headers"].lower().split(", ")
    assert {"x-request-id", "retry-after", "x-should-retry", "x-conversation-id"} <= set(exposed)


class TestListedOrigins:
    @pytest.fixture
    def environment(self):
        return {"ALLOWED_ORIGINS": "https://app.example,http://localhost:5173"}

    @pytest.mark.parametrize("origin", ["https://app.example", "http://localhost:5173"])
    async def test_listed_one_may_ask(self, post, origin):
        response = await post(body("hello"), Origin=origin)
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert response.headers["Vary"] == "Origin"

    @pytest.mark.parametrize(
        "origin", ["https://app.example.evil", "http://app.example", "https://x.example", "null"]
    )
    async def test_other_one_may_not(self, post, origin):
        for method in ("OPTIONS", "POST"):
            response = await post(body("hello"), method=method, Origin=origin)
            assert "Access-Control-Allow-Origin" not in response.headers
            assert "Access-Control-Allow-Headers" not in response.headers
            assert response.headers["Vary"] == "Origin"

    async def test_request_without_origin_is_answered(self, post):
        assert (await post(body("hello"))).code == 200


class TestCorsDisabled:
    @pytest.fixture
    def environment(self):
        return {"ENABLE_CORS": "false"}

    async def test_no_answer_can_be_read_by_pages(self, post):
        for method in ("OPTIONS", "POST"):
            response = await post(body("hello"), method=method, Origin="https://app.example")
            assert response.code in (200, 204)
            assert not [name for name in response.headers if name.startswith("Access-Control")]


async def test_path_in_a_log_line_is_one_line(post, caplog):
    await post(None, "/v1/" + quote("a\nb\x1b[31m"), "GET")
    (line,) = [r.getMessage() for r in caplog.records if r.name == "cozeproxy.access"]
    assert line.isprintable()
