"""The steps that try a running service: what each finds, and what it says to do."""

import json
from dataclasses import replace

import pytest

from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import Settings
from tests.support.stranger import Stranger, response
from tests.testclient.expected import API_KEY_STEPS, SERVICE_STEPS

pytestmark = pytest.mark.gen_test(timeout=30)

KEY = "the-key-of-ann"
ADMIN = "the-key-of-the-owner"


async def test_all_steps_are_well_where_all_is_set_up(check_own, sandbox):
    found = await check_own()
    assert found.outcomes == dict.fromkeys([*API_KEY_STEPS, *SERVICE_STEPS], "ok")
    assert f"{Sandbox.BOT_ID}, 'Repeats the user" in found.steps["bot"]
    assert "is published to the API" in found.steps["bot"]
    assert f"bot-{Sandbox.BOT_ID}" in found.steps["models"]
    # It only reads.
    assert {request.method for request in sandbox.requests} == {"GET"}


async def test_deep_asks_the_bot_in_both_ways(check_own, sandbox):
    found = await check_own(deep=True)
    assert found.outcomes == dict.fromkeys([*API_KEY_STEPS, *SERVICE_STEPS, "chat", "stream"], "ok")
    assert "says 'You said: Hello! Please answer in one wo...'" in found.steps["chat"]
    assert "beginning after" in found.steps["stream"]
    assert [request.path for request in sandbox.requests].count("/v3/chat") == 2
    # Nothing is left of it at Coze.
    assert not any(request.path.startswith("/v1/conversation") for request in sandbox.requests)


class TestWorkflow:
    @pytest.fixture(params=["echo", "question"])
    def environment(self, request):
        return {"COZE_WORKFLOW_ID": request.param, "DEFAULT_MODEL_TYPE": "conversation"}

    async def test_the_workflow_is_run(self, check_own, sandbox):
        found = await check_own(workflow=True)
        assert found.outcomes == dict.fromkeys([*API_KEY_STEPS, *SERVICE_STEPS, "workflow"], "ok")
        assert [request.path for request in sandbox.requests].count("/v1/workflow/stream_run") == 1


class TestStrictNames:
    @pytest.fixture
    def environment(self):
        return {"UNKNOWN_MODEL": "reject", "COZE_SPACE_ID": Sandbox.SPACE_ID}

    async def test_names_that_are_listed_are_asked(self, check_own):
        found = await check_own(deep=True, workflow=True)
        assert set(found.outcomes.values()) == {"ok"}


async def test_a_service_that_stops_is_told_of(check_of):
    stopping = response('{"status": "stopping"}', status="503 Service Unavailable")
    with Stranger(HEALTH, stopping, MODELS) as stranger:
        found = await check_of(stranger.url)
    assert "it is not ready: it is being stopped -> Start it anew" in found.steps["ready"]
    # What it says of itself does not keep the rest from being tried.
    assert found.outcomes["models"] == "ok"


class TestWrongSpace:
    @pytest.fixture
    def environment(self):
        return {"COZE_SPACE_ID": "7"}

    async def test_a_workspace_that_cannot_be_seen_is_told_of(self, check_own):
        found = await check_own()
        assert found.outcomes["models"] == "failed"
        assert "404 model_not_found: Coze: " in found.steps["models"]
        assert "-> Check COZE_SPACE_ID" in found.steps["models"]


class TestOwner:
    @pytest.fixture
    def environment(self):
        return {"PROXY_ADMIN_KEY": ADMIN}

    async def test_a_service_that_runs_with_other_settings_is_told_of(
        self, check_own, examine, settings, base_url
    ):
        found = await check_own(admin_key=ADMIN)
        assert f"at {base_url}, in front of {settings.coze_base_url}" in found.steps["service"]
        assert found.outcomes["service"] == "ok"
        # As if they had been changed since it has started.
        changed = replace(settings, coze_base_url="http://127.0.0.1:1")
        found = await examine(changed, base_url, admin_key=ADMIN)
        assert found.outcomes["service"] == "warning"
        assert "and not of http://127.0.0.1:1 as the settings say -> Start it anew" in found.text


class TestListeningWide:
    @pytest.fixture
    def environment(self):
        return {"HOST": "0.0.0.0"}

    async def test_without_keys_is_a_warning_though_it_is_asked_from_here(self, check_own):
        found = await check_own()
        assert found.outcomes["door"] == "warning"
        assert "whoever reaches it uses the bot -> Set PROXY_API_KEYS" in found.steps["door"]


class TestNoIds:
    @pytest.fixture
    def environment(self):
        return {"COZE_BOT_ID": ""}

    async def test_what_is_not_set_is_named(self, check_own):
        found = await check_own(deep=True, workflow=True)
        assert found.outcomes["bot"] == "skipped"
        assert "missing_bot_id: " in found.steps["chat"]
        assert "-> Set COZE_BOT_ID for the service" in found.steps["chat"]
        assert "-> Set COZE_WORKFLOW_ID for the service" in found.steps["workflow"]


class TestApiKeyOfTheService:
    @pytest.fixture
    def environment(self):
        return {"PROXY_ADMIN_KEY": ADMIN}

    async def test_its_owner_is_told_of_it(self, check_of, http_server, base_url):
        del http_server
        found = await check_of(base_url, admin_key=ADMIN)
        assert "it has an API key of Coze" in found.steps["token"]


class TestKeys:
    @pytest.fixture
    def environment(self):
        return {"PROXY_API_KEYS": f"ann:{KEY}"}

    async def test_without_one_the_door_is_shut(self, check_own):
        found = await check_own()
        assert found.outcomes["door"] == "failed"
        assert "a key is asked for, and there is none -> Give as --key one" in found.steps["door"]
        assert found.outcomes["models"] == "skipped"

    async def test_a_wrong_one_does_not_open(self, check_own):
        found = await check_own(key="the-key-of-eve")
        assert found.outcomes["door"] == "failed"
        assert "They are read when it starts." in found.steps["door"]

    async def test_a_good_one_opens(self, check_own):
        found = await check_own(key=KEY, deep=True)
        assert set(found.outcomes.values()) == {"ok"}
        assert "a key is asked for, and this one is taken" in found.steps["door"]


class TestLimitedKey:
    @pytest.fixture
    def environment(self):
        return {"ALLOWED_BOT_IDS": "another"}

    async def test_a_bot_that_is_not_for_it_is_told_of(self, check_own):
        found = await check_own(deep=True)
        assert "403 permission_denied" in found.steps["chat"]
        assert "-> Take another key, or let this one use it" in found.steps["chat"]


ASKED = {
    "unpublished": ("failed", "-> Publish the bot to the API channel in Coze"),
    "code-4028": ("failed", "-> Coze's account has nothing left"),
    "code-4100": ("failed", "-> Make a new token in Coze and set it as COZE_API_KEY"),
    "no-permission": ("failed", "-> Give the token the permissions in JWT-SETUP.md"),
    "rate-limited": ("failed", "-> Try again later."),
    "tools": ("failed", "-> The bot is well: it wants a tool"),
    "empty": ("warning", "has answered with nothing -> See in Coze what it does"),
    "failed-after-text": ("failed", "-> If Coze cannot be reached, check COZE_BASE_URL"),
}


class TestDeep:
    @pytest.fixture(params=ASKED)
    def environment(self, request):
        return {"COZE_BOT_ID": request.param}

    async def test_each_end_of_a_chat_has_its_words(self, check_own, settings):
        outcome, words = ASKED[settings.coze_bot_id]
        found = await check_own(deep=True)
        for step in ("chat", "stream"):
            assert found.outcomes[step] == outcome
            assert words in found.steps[step]


RUN = {
    "unpublished": "-> Publish the workflow in Coze, and check its id",
    "error-4000": "-> Where the workflow takes other parameters than one text",
    "code-4028": "-> Coze's account has nothing left",
}


class TestBadWorkflow:
    @pytest.fixture(params=RUN)
    def environment(self, request):
        return {"COZE_WORKFLOW_ID": request.param}

    async def test_each_end_of_a_run_has_its_words(self, check_own, settings):
        found = await check_own(workflow=True)
        assert found.outcomes["workflow"] == "failed"
        assert RUN[settings.coze_workflow_id] in found.steps["workflow"]


HEALTH = response('{"status": "ok"}')
READY = response('{"status": "ready"}')
MODELS = response('{"data": [{"id": "gpt-4"}]}')
LOCKED = response('{"error": {"message": "no", "code": "invalid_api_key"}}', status="401 No")
ELSEWHERE = {
    "a page": ([response("<h1>Hi</h1>", kind="text/html")], "service", "which is no answer of"),
    "other JSON": ([response("{}")], "service", "answers, and is no cozeproxy"),
    "another address": (
        [response(status="308 Moved", Location="https://coze.example/health")],
        "service",
        "sends on to https://coze.example/health -> Give that address",
    ),
    "half an answer": ([HEALTH[:-1]], "service", "the answer broke off: "),
    "silence": ([b""], "service", "cannot be reached: "),
    "a state that is none": (
        [HEALTH, response('{"status": "asleep"}', status="503 No"), MODELS],
        "ready",
        "it is not ready: it says 'asleep'",
    ),
    "a balancer without copies": (
        [HEALTH, response("<h1>No</h1>", status="503 No", kind="text/html"), MODELS],
        "ready",
        "which is no answer of cozeproxy's",
    ),
    "no list": (
        [HEALTH, READY, MODELS, response("{}")],
        "models",
        "the list of models cannot be read",
    ),
    "a list that fails": (
        [HEALTH, READY, response("{}", status="502 Bad")],
        "models",
        "which is no answer of cozeproxy's",
    ),
}


@pytest.mark.parametrize(("answers", "step", "words"), ELSEWHERE.values(), ids=ELSEWHERE)
async def test_what_is_no_service_is_told_of(check_of, answers, step, words):
    with Stranger(*answers) as stranger:
        found = await check_of(stranger.url)
    assert found.outcomes[step] == "failed"
    assert words in found.steps[step]


async def test_where_nothing_listens_it_says_what_to_do(check_of):
    with Stranger() as stranger:
        pass
    found = await check_of(stranger.url, deep=True, workflow=True)
    assert "Start the service there (scripts/run, or cozeproxy serve)" in found.steps["service"]
    outcomes = list(found.outcomes.values())
    assert outcomes == ["failed", *["skipped"] * (len(outcomes) - 1)]


class TestOpenDoor:
    """A service that others reach; how it is called is all that a stranger can go by."""

    @pytest.fixture
    def reached_as(self, check_of, monkeypatch):
        async def reached_as(url, *answers, **options):
            with Stranger(*answers) as stranger:
                # A proxy leads there from every name.
                monkeypatch.setenv("http_proxy", stranger.url)
                return await check_of(url, **options)

        return reached_as

    async def test_without_keys_at_a_public_address_is_a_failure(self, reached_as):
        found = await reached_as("http://coze.example.com", HEALTH, READY, MODELS)
        assert found.outcomes["door"] == "failed"
        assert "no key is asked for: whoever knows the address uses the bot" in found.steps["door"]
        assert "-> Set PROXY_API_KEYS for the service." in found.steps["door"]

    async def test_without_keys_inside_is_a_warning(self, reached_as):
        found = await reached_as("http://cozeproxy:3000", HEALTH, READY, MODELS)
        assert found.outcomes["door"] == "warning"

    async def test_a_key_that_goes_over_the_wire_as_it_is_is_a_warning(self, reached_as):
        found = await reached_as("http://coze.example.com", HEALTH, READY, LOCKED, MODELS, key=KEY)
        assert found.outcomes["door"] == "warning"
        assert "-> Put something that speaks TLS in front" in found.steps["door"]

    @pytest.fixture
    def environment(self):
        return {}

    async def test_an_owner_may_mean_it(self, examine, monkeypatch):
        with Stranger(HEALTH, READY, MODELS) as stranger:
            monkeypatch.setenv("http_proxy", stranger.url)
            settings = Settings.from_env({"ALLOW_ANONYMOUS": "true"})
            found = await examine(settings, "http://coze.example.com", is_ours=False)
        assert found.outcomes["door"] == "ok"


async def test_json_has_all_that_the_lines_have(check_own):
    report = json.loads((await check_own()).json)
    assert report["ok"] is True
    assert [step["name"] for step in report["checks"]] == [*API_KEY_STEPS, *SERVICE_STEPS]
    assert all(step["seconds"] >= 0 for step in report["checks"])
