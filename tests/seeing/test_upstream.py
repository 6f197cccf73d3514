"""What the metrics tell of the way to Coze: failures, calls made once more, tokens."""

import pytest

from cozeproxy.errors import COZE_ANSWERS
from tests.doors.access import SECRET, bearer
from tests.service.asking import TOOLS, body

pytestmark = pytest.mark.gen_test(timeout=20)

ADMIN = f"{SECRET}admin"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (body("code-4028"), "4028"),
        (body("failed-quota", stream=True), "4028"),
        (body("failed-quota-after-text", stream=True), "4028"),
        (body("failed-quota-after-text"), "4028"),
        (body("hello") | {"model": "workflow-error-6023"}, "6023"),
        (body("code-98765432"), "other"),
        (body("code-503"), "other"),
        (body("html-502"), "status"),
        (body("reset"), "broken"),
        (body("eof-after-text", stream=True), "broken"),
        (body("tools"), "tool"),
    ],
)
async def test_failure_is_counted_by_its_code(post, scraped, asked, code):
    await post(asked)
    counted = await scraped()
    assert counted("upstream_errors_total", code=code) == 1
    assert counted("upstream_errors_total") == 1


@pytest.mark.parametrize(
    "asked", [body("hello", n=2), body("hello"), b"{", body("tools", tools=TOOLS)]
)
async def test_what_is_no_failure_of_coze_is_not_counted(post, scraped, asked):
    await post(asked)
    assert (await scraped())("upstream_errors_total") is None


async def test_codes_are_as_many_as_the_table_has(post, scraped):
    made_up = [10**9 + n for n in range(20)]
    for code in (4028, 4100, *made_up):
        await post(body(f"code-{code}"))
    codes = (await scraped()).labels("upstream_errors_total", "code")
    assert codes == {"4028", "4100", "other"}
    assert {4028, 4100} <= COZE_ANSWERS.keys()


class TestUnreachable:
    @pytest.fixture
    def environment(self):
        address = {"COZE_BASE_URL": "http://127.0.0.1:1", "MAX_RETRIES": "2"}
        return {"METRICS_PUBLIC": "true", **address}

    async def test_each_attempt_at_coze_that_is_not_there_is_counted(self, post, scraped):
        assert (await post(body("hello"))).code == 502
        counted = await scraped()
        assert counted("upstream_retries_total", code="unreachable") == 2
        assert counted("upstream_errors_total", code="unreachable") == 3


class TestTokens:
    @pytest.fixture
    def environment(self, oauth_app):
        return {**oauth_app, "METRICS_PUBLIC": "true", "PROXY_ADMIN_KEY": ADMIN}

    async def test_renewals_and_age_are_told(self, post, scraped, clock, sandbox):
        counted = await scraped()
        assert counted("token_renewals_total", result="ok") == 0
        assert counted("token_age_seconds") is None
        await post(None, "/get_jwt", "GET", **bearer(ADMIN))
        clock.now += 100
        counted = await scraped()
        assert counted("token_renewals_total", result="ok") == 1
        assert counted("token_age_seconds") == 100
        await post(b"", "/refresh_jwt", "POST", **bearer(ADMIN))
        sandbox.tokens.outage = True
        await post(b"", "/refresh_jwt", "POST", **bearer(ADMIN))
        counted = await scraped()
        assert counted("token_renewals_total", result="ok") == 2
        assert counted("token_renewals_total", result="failed") == 1
        assert counted("token_age_seconds") == 0
        assert counted("upstream_errors_total", code="token") == 1

    async def test_call_that_is_made_once_more_is_counted_with_what_failed(
        self, post, scraped, grown_old
    ):
        await grown_old()
        assert (await scraped())("upstream_retries_total") is None
        assert (await post(body("auth-once", stream=True))).code == 200
        counted = await scraped()
        assert counted("upstream_retries_total", code="4100") == 1
        assert counted("upstream_errors_total", code="4100") == 1
        assert counted("requests_total", status="200", ended="complete", type="chat") == 2
        assert counted("streams_open") == 0


async def test_without_oauth_there_is_nothing_about_tokens(scraped):
    assert not {name for name in (await scraped()).families if "token_re" in name}
