"""Who may see the metrics."""

import pytest

from tests.doors.access import ANN, OTHER, SECRET, bearer
from tests.service.asking import error_of

pytestmark = pytest.mark.gen_test(timeout=20)

ADMIN = f"{SECRET}admin"
SCRAPER = f"{SECRET}scraper"
PAGE = {"Origin": "https://app.example"}
NOT_HERE = {"Host": "metrics.example.com"}


@pytest.fixture
def ask_for(post):
    """A request for the metrics; whatever is said must not be kept or shared."""

    async def ask_for(key=None, method="GET", **headers):
        shown = bearer(key) if key else {}
        response = await post(None, "/metrics", method, **shown, **headers)
        assert response.headers["Cache-Control"] == "no-store"
        assert not [name for name in response.headers if name.startswith("Access-Control")]
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        if response.code == 403:
            assert error_of(response)["code"] == "permission_denied"
            assert "METRICS_KEY" in error_of(response)["message"]
        if response.code != 200:
            assert b"cozeproxy_" not in response.body
        return response.code

    return ask_for


class TestNothingSet:
    @pytest.fixture
    def environment(self):
        return {"PROXY_API_KEYS": ANN}

    @pytest.mark.parametrize("key", [None, ANN, OTHER, ""])
    async def test_nobody_is_let_in(self, ask_for, key):
        assert await ask_for(key) == 403


class TestAdminKey:
    @pytest.fixture
    def environment(self):
        return {"PROXY_API_KEYS": ANN, "PROXY_ADMIN_KEY": ADMIN}

    async def test_owner_is_let_in_and_nobody_else(self, ask_for):
        assert await ask_for(ADMIN, **PAGE, **NOT_HERE) == 200
        for key in (None, ANN, OTHER, ADMIN[:-1]):
            assert await ask_for(key) == 403


class TestLoopback:
    @pytest.fixture
    def environment(self):
        return {"TOKEN_ENDPOINTS": "loopback", "METRICS_KEY": SCRAPER}

    async def test_this_machine_is_let_in_but_no_page_and_nobody_through_a_proxy(self, ask_for):
        assert await ask_for() == 200
        assert await ask_for(SCRAPER, **NOT_HERE) == 200
        for headers in (PAGE, NOT_HERE, {"X-Forwarded-For": "203.0.113.7"}):
            assert await ask_for(**headers) == 403


class TestMetricsKey:
    @pytest.fixture
    def environment(self, oauth_app):
        keys = {"PROXY_API_KEYS": ANN, "PROXY_ADMIN_KEY": ADMIN, "METRICS_KEY": SCRAPER}
        return {**oauth_app, **keys}

    async def test_scraper_and_owner_are_let_in_and_nobody_else(self, ask_for):
        for key in (SCRAPER, ADMIN):
            assert await ask_for(key, **NOT_HERE) == 200
        for key in (None, ANN, OTHER, SCRAPER[:-1], f"{SCRAPER}x"):
            assert await ask_for(key) == 403

    async def test_key_of_a_scraper_opens_nothing_else(self, post, sandbox):
        for path, method in (
            ("/get_jwt", "GET"),
            ("/refresh_jwt", "POST"),
            ("/clear_jwt", "DELETE"),
        ):
            data = b"" if method == "POST" else None
            assert (await post(data, path, method, **bearer(SCRAPER))).code == 403
        assert (await post(None, "/v1/models", "GET", **bearer(SCRAPER))).code == 401
        health = await post(None, "/health", "GET", **bearer(SCRAPER))
        assert health.body == b'{"status":"ok"}'
        assert sandbox.requests == []


class TestPublic:
    @pytest.fixture
    def environment(self):
        return {"METRICS_PUBLIC": "true", "PROXY_API_KEYS": ANN, "PROXY_ADMIN_KEY": ADMIN}

    @pytest.mark.parametrize("key", [None, ANN, OTHER])
    async def test_everybody_is_let_in_but_pages_cannot_read(self, ask_for, key):
        assert await ask_for(key, **PAGE, **NOT_HERE) == 200

    async def test_only_get_is_served(self, ask_for):
        assert await ask_for(method="OPTIONS", **PAGE) == 204
        for method in ("HEAD", "POST", "PUT", "DELETE", "PATCH"):
            assert await ask_for(method=method) == 405
