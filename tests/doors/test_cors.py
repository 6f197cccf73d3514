"""Who of the web may read the answers: pages of any origin, of listed ones, or none."""

import pytest

from tests.doors.access import SECRET, bearer
from tests.doors.everything import CHAT, EVERYTHING, OWN, SHARED
from tests.service.asking import TOOLS, body, says

pytestmark = pytest.mark.gen_test(timeout=15)

ADMIN = f"{SECRET}admin"
PAGE = "https://app.example"
OTHER_PAGE = "http://localhost:5173"
# What the SDKs send, and what this service reads.
ASKED_FOR = ", ".join(
    [
        "authorization",
        "content-type",
        "idempotency-key",
        "openai-organization",
        "openai-project",
        *(
            f"x-stainless-{name}"
            for name in (
                "arch",
                "async",
                "custom-poll-interval",
                "helper-method",
                "lang",
                "os",
                "package-version",
                "poll-helper",
                "read-timeout",
                "retry-count",
                "runtime",
                "runtime-version",
                "timeout",
            )
        ),
        *(f"x-{name}-id" for name in ("bot", "workflow", "conversation", "user")),
        "x-model-type",
        "api-key",
    ]
)


async def test_everything_but_tokens_can_be_read_by_any_page(answers):
    for name, response in await answers(SHARED, Origin=PAGE):
        assert response.headers.get_list("Access-Control-Allow-Origin") == ["*"], name
        assert "Access-Control-Allow-Credentials" not in response.headers
    for name, response in await answers(OWN, Origin=PAGE):
        assert not [h for h in response.headers if h.startswith("Access-Control")], name


@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/v1/models/gpt-4", "/health"])
async def test_preflight_allows_what_the_sdks_send(post, path):
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": ASKED_FOR}
    response = await post(None, path, "OPTIONS", Origin=PAGE, **asked)
    assert response.code == 204
    assert response.body == b""
    assert "Content-Type" not in response.headers
    allowed = response.headers["Access-Control-Allow-Headers"].split(", ")
    assert set(ASKED_FOR.split(", ")) <= set(allowed)
    methods = response.headers["Access-Control-Allow-Methods"].split(", ")
    assert {"GET", "POST"} <= set(methods)
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize("asked", ["x-schlüssel", "x-a\tb", "", "x" * 5000])
async def test_preflight_that_asks_for_nonsense_is_answered(post, asked):
    response = await post(None, CHAT, "OPTIONS", Access_Control_Request_Headers=asked)
    assert response.code == 204


async def test_headers_that_tell_callers_something_are_exposed_to_pages(post):
    emulated = {"response_format": {"type": "json_object"}}
    requests = [
        body("hello", seed=1, **emulated),
        body("hello", messages=[says("Hi")] * 101),
        {"model": "conversation-hello", "messages": [says("Hi")]},
        body("rate-limited"),
        body("failed", tools=TOOLS),
    ]
    telling = set()
    for asked in requests:
        response = await post(asked, Origin=PAGE)
        exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
        ours = {h for h in response.headers if h.startswith("X-")} | {"Retry-After"}
        telling |= ours - {"X-Content-Type-Options", "X-Frame-Options"}
        assert telling <= set(exposed)
    assert telling >= {
        "X-Request-Id",
        "X-Conversation-Id",
        "X-Coze-Logid",
        "X-Should-Retry",
        "X-Cozeproxy-Ignored",
        "X-Cozeproxy-Emulated",
        "X-Cozeproxy-Left-Out-Messages",
    }


class TestListedOrigins:
    @pytest.fixture
    def environment(self):
        return {"ALLOWED_ORIGINS": f"{PAGE}/, {OTHER_PAGE}", "PROXY_ADMIN_KEY": ADMIN}

    @pytest.mark.parametrize("origin", [PAGE, OTHER_PAGE])
    async def test_listed_one_is_named_in_every_answer(self, answers, origin):
        for name, response in await answers(SHARED, Origin=origin):
            headers = response.headers
            assert headers.get_list("Access-Control-Allow-Origin") == [origin], name
            # Or a cache would give one page the answer for another.
            assert "Origin" in headers["Vary"]
            assert "Access-Control-Allow-Credentials" not in headers

    @pytest.mark.parametrize(
        "origin",
        [
            "https://other.example",
            "https://app.example.evil",
            "https://evilapp.example",
            "http://app.example",
            "https://app.example:8443",
            "https://APP.EXAMPLE",
            "https://app.example/",
            f"{PAGE}, {OTHER_PAGE}",
            "null",
            "*",
            "",
        ],
    )
    async def test_unlisted_one_is_named_in_none(self, answers, origin):
        for name, response in await answers(SHARED, Origin=origin):
            assert not [h for h in response.headers if h.startswith("Access-Control")], name
            assert "Origin" in response.headers["Vary"]

    async def test_whoever_is_no_page_is_served(self, answers):
        for name, response in await answers(SHARED):
            assert not [h for h in response.headers if h.startswith("Access-Control")], name

    async def test_listed_one_gets_no_token(self, post):
        response = await post(None, "/get_jwt", "GET", Origin=PAGE, **bearer(ADMIN))
        assert not [h for h in response.headers if h.startswith("Access-Control")]


class TestCorsDisabled:
    @pytest.fixture
    def environment(self):
        return {"ENABLE_CORS": "false", "ALLOWED_ORIGINS": PAGE}

    async def test_no_page_may_read_anything(self, answers):
        for name, response in await answers(EVERYTHING, Origin=PAGE):
            assert not [h for h in response.headers if h.startswith("Access-Control")], name
