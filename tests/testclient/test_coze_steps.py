"""The steps at Coze that come before those at the service: the credentials, the bot."""

import pytest

from cozeproxy import __version__
from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import Settings
from tests.testclient.expected import SERVICE_STEPS, STEPS
from tests.upstream.keys import APP_ID, OAUTH

pytestmark = pytest.mark.gen_test(timeout=30)

ADMIN = "the-key-of-the-owner"


REFUSED = {
    "a draft": ({"COZE_BOT_ID": "unpublished"}, "bot", "-> Publish the bot to the API channel"),
    "no bot": ({"COZE_BOT_ID": "7"}, "bot", "Then check the bot's id, and that the token may use"),
    "a wrong key": (
        {"COZE_API_KEY": "pat_of_the_other_site"},
        "access",
        "-> Keys end after some time: make a new one in Coze, and set COZE_API_KEY to it.",
    ),
}


class TestRefused:
    @pytest.fixture(params=REFUSED)
    def case(self, request):
        return REFUSED[request.param]

    @pytest.fixture
    def environment(self, case):
        return case[0]

    async def test_what_coze_refuses_is_told_with_what_to_do(self, check_own, case):
        _, step, words = case
        found = await check_own()
        assert found.outcomes[step] == "failed"
        assert words in found.steps[step]
        # The service is there, whatever it may get.
        assert {found.outcomes[step] for step in SERVICE_STEPS} == {"ok"}


async def test_a_key_of_the_other_site_is_told_where_it_is_good(examine, http_proxy):
    http_proxy.user_answer = 401, {"code": 700012006, "msg": "access token invalid"}
    for site, other in (("coze.com", "coze.cn"), ("coze.cn", "coze.com")):
        given = {"COZE_API_KEY": "pat_1", "COZE_BASE_URL": f"http://api.{site}"}
        found = await examine(Settings.from_env(given), http_proxy.base_url)
        assert f"One of {other} is not known here" in found.steps["access"]
        assert f"set COZE_BASE_URL=https://api.{other}." in found.steps["access"]


async def test_a_console_is_no_address_of_the_api(examine, http_proxy):
    given = {"COZE_API_KEY": "pat_1", "COZE_BASE_URL": "http://www.coze.com"}
    found = await examine(Settings.from_env(given), http_proxy.base_url)
    assert found.outcomes["site"] == "warning"
    assert "-> Set it to https://api.coze.com." in found.steps["site"]


BOT_ANSWERS = {
    "a permission that lacks": (
        (200, {"code": 4101, "msg": "no permission"}),
        "warning",
        "the token may not look at bots. Coze: no permission (code 4101)",
    ),
    "a token that is refused": (
        (200, {"code": 700012006, "msg": "bad token"}),
        "failed",
        "A bot of coze.cn, and a token of it, are not known to coze.com",
    ),
    "a path that is not there": ((404, "<html>"), "warning", "cannot be looked at. Coze answered"),
    "a name that is none": ((200, {"code": 0, "data": []}), "ok", "7, '', is published"),
}


@pytest.mark.parametrize(("answer", "outcome", "words"), BOT_ANSWERS.values(), ids=BOT_ANSWERS)
async def test_each_answer_about_the_bot_has_its_words(
    examine, foreign_coze, answer, outcome, words
):
    # Whose the key is, another server than Coze's own may not tell.
    foreign_coze.user_answer = 404, "<html>no such page</html>"
    foreign_coze.bot_answer = answer
    given = {"COZE_API_KEY": "pat_1", "COZE_BASE_URL": foreign_coze.base_url, "COZE_BOT_ID": "7"}
    found = await examine(Settings.from_env(given), foreign_coze.base_url)
    assert found.outcomes["access"] == "warning"
    assert found.outcomes["bot"] == outcome
    assert words in found.steps["bot"]


class TestNoCredentials:
    async def test_what_needs_them_is_left_out(self, examine, http_server, base_url):  # noqa: ARG002
        found = await examine(Settings.from_env({}), base_url, deep=True)
        assert found.outcomes == {
            "credentials": "warning",
            **dict.fromkeys([*SERVICE_STEPS, "chat", "stream"], "ok"),
        }
        assert "set COZE_API_KEY and COZE_BOT_ID in .env" in found.steps["credentials"]


class TestPassthrough:
    @pytest.fixture
    def environment(self):
        return {"COZE_TOKEN_PASSTHROUGH": "true", "PROXY_ADMIN_KEY": ADMIN}

    async def test_the_callers_token_is_the_key(self, check_own, check_of, base_url):
        found = await check_own(key=Sandbox.API_KEY, deep=True)
        assert found.outcomes == dict.fromkeys(
            ["credentials", *SERVICE_STEPS, "chat", "stream"], "ok"
        )
        found = await check_of(base_url, key=Sandbox.API_KEY, admin_key=ADMIN)
        assert "it sends the tokens of its callers" in found.steps["token"]


class TestOAuth:
    @pytest.fixture
    def environment(self):
        return {**OAUTH, "PROXY_ADMIN_KEY": ADMIN}

    @pytest.fixture
    def has_token(self, http_server, base_url, http_client):  # noqa: ARG002 - it is what is asked
        """Have the service get its token, as it does by itself when it starts."""

        async def has_token():
            headers = {"Authorization": f"Bearer {ADMIN}"}
            await http_client.fetch(f"{base_url}/get_jwt", headers=headers)

        return has_token

    async def test_its_steps_are_a_part_of_the_check(self, check_own, has_token):
        await has_token()
        found = await check_own(admin_key=ADMIN)
        assert found.outcomes == dict.fromkeys([*STEPS, "bot", *SERVICE_STEPS], "ok")

    async def test_the_owner_of_another_service_is_told_of_its_token(
        self, check_of, base_url, has_token
    ):
        found = await check_of(base_url, admin_key=ADMIN)
        assert found.outcomes["token"] == "failed"
        assert "it has no token of OAuth that is good" in found.steps["token"]
        assert f"cozeproxy {__version__} at {base_url}, in front of http" in found.steps["service"]

        await has_token()
        found = await check_of(base_url, admin_key=ADMIN)
        assert "it has a token of OAuth, good for " in found.steps["token"]

    async def test_a_service_without_its_first_one_is_not_ready(
        self, check_of, http_server, base_url
    ):
        del http_server
        found = await check_of(base_url)
        assert found.outcomes["ready"] == "failed"
        assert "it is not ready: it has had no token of OAuth since" in found.steps["ready"]
        assert "-> Right after its start try again." in found.steps["ready"]

    async def test_a_stranger_is_told_nothing_of_it(self, check_of, base_url, has_token):
        await has_token()
        found = await check_of(base_url)
        assert found.outcomes == {"token": "skipped", **dict.fromkeys(SERVICE_STEPS, "ok")}
        assert "only the service's owner is told" in found.steps["token"]

    async def test_what_lacks_of_it_is_named(self, examine, sandbox, http_server, base_url):
        del http_server
        given = {"COZE_JWT_APP_ID": APP_ID, "COZE_BASE_URL": sandbox.base_url}
        found = await examine(Settings.from_env(given), base_url)
        assert "missing: COZE_JWT_KEY_ID" in found.steps["settings"]
        assert found.outcomes["bot"] == "skipped"
        assert {found.outcomes[step] for step in SERVICE_STEPS if step != "ready"} == {"ok"}
