"""The models of workspaces: listed under Coze's names, kept for a while, and asked for once."""

import asyncio
import json
import logging

import openai
import pytest

from cozeproxy.sandbox import Sandbox
from cozeproxy.sandbox.scenarios import BOTS, CHATFLOWS, WORKFLOWS
from tests.types.asking import listed
from tests.types.workspaces import BOTS as BOTS_PATH
from tests.types.workspaces import WORKFLOWS as WORKFLOWS_PATH
from tests.types.workspaces import Workspaces

pytestmark = pytest.mark.gen_test(timeout=30)

TTL = 60.0
TOOLS = [{"type": "function", "function": {"name": "get_rain_probability"}}]
# Bots, workflows and chatflows are a list each.
LISTS = 3
PUBLISHED = {
    f"{kind}-{scenario.name}": scenario.about.rstrip(".")
    for kind, catalogue in [("bot", BOTS), ("workflow", WORKFLOWS), ("chatflow", CHATFLOWS)]
    for scenario in catalogue.published()
}


class Clock:
    """A time that passes when the test says so."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def environment():
    return {"COZE_SPACE_ID": Sandbox.SPACE_ID, "MODELS_TTL": str(TTL)}


@pytest.fixture
def clock(app):
    """The time by which the service keeps the list."""
    clock = Clock()
    app.settings["default_handler_args"]["context"].catalog._clock = clock
    return clock


async def test_everything_published_is_listed_under_its_name(caller):
    models = await listed(caller)
    assert {id_: model.model_extra.get("name") for id_, model in models.items()} == PUBLISHED
    assert {model.owned_by for model in models.values()} == {"coze"}
    assert len(PUBLISHED) > 6


async def test_everything_listed_answers_as_it_stands(ask, caller):
    for name in await listed(caller):
        # One of the bots calls a tool of the caller's.
        answer = await ask(name, tools=TOOLS)
        assert answer.text or answer.tool_calls, name


async def test_created_stays_the_same(caller, clock):
    before = await listed(caller)
    clock.now += TTL
    after = await listed(caller)
    assert {id_: model.created for id_, model in before.items()} == {
        id_: model.created for id_, model in after.items()
    }


async def test_name_of_the_workspace_can_be_retrieved(caller):
    model = await caller.models.retrieve("bot-plugin")
    assert model.model_extra["name"] == PUBLISHED["bot-plugin"]
    with pytest.raises(openai.NotFoundError):
        await caller.models.retrieve("bot-unpublished")


class TestWithMap:
    @pytest.fixture
    def environment(self):
        models = {"mine": {"type": "chat", "bot_id": "hello"}, "bot-plugin": {"type": "chat"}}
        return {"COZE_SPACE_ID": Sandbox.SPACE_ID, "MODEL_MAP": json.dumps(models)}

    async def test_its_names_come_first_and_each_once(self, caller):
        names = [model.id async for model in caller.models.list()]
        assert names[:2] == ["mine", "bot-plugin"]
        assert sorted(names) == sorted({"mine", *PUBLISHED})


async def test_list_is_fetched_when_it_is_first_asked_for_and_kept(caller, clock, sandbox):
    await caller.chat.completions.create(
        model="bot-hello", messages=[{"role": "user", "content": "Hi"}]
    )
    assert len(sandbox.requests) == 1
    await listed(caller)
    assert len(sandbox.requests) == 1 + LISTS
    clock.now += TTL - 1
    await listed(caller)
    await caller.models.retrieve("bot-plugin")
    assert len(sandbox.requests) == 1 + LISTS
    clock.now += 1
    await listed(caller)
    assert len(sandbox.requests) == 1 + 2 * LISTS


async def test_callers_at_once_are_answered_by_one_fetch(caller, sandbox):
    lists = await asyncio.gather(*(listed(caller) for _ in range(20)))
    assert len(sandbox.requests) == LISTS
    assert all(models == lists[0] for models in lists)


async def test_old_list_is_given_while_coze_fails(caller, clock, sandbox, caplog):
    before = await listed(caller)
    port = int(sandbox.base_url.rpartition(":")[2])
    await sandbox.stop()
    clock.now += TTL
    for _ in range(3):
        assert await listed(caller) == before
    # What is broken is not asked again by every request.
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert warnings == ["the list of models cannot be renewed: Coze cannot be reached."]
    sandbox.listen(port)
    clock.now += TTL
    asked = len(sandbox.requests)
    assert await listed(caller) == before
    assert len(sandbox.requests) == asked + LISTS


async def test_failure_before_the_first_list_is_an_error_and_the_next_request_asks_again(
    caller, sandbox
):
    port = int(sandbox.base_url.rpartition(":")[2])
    await sandbox.stop()
    for ask in (listed(caller), caller.models.retrieve("bot-plugin")):
        with pytest.raises(openai.InternalServerError, match="cannot be reached"):
            await ask
    sandbox.listen(port)
    assert (await listed(caller)).keys() == PUBLISHED.keys()


class TestUnknownWorkspace:
    @pytest.fixture
    def environment(self):
        return {"COZE_SPACE_ID": "7400000000000000999"}

    async def test_listing_it_is_an_error_with_cozes_words(self, caller):
        with pytest.raises(openai.NotFoundError, match="workspace_id=7400000000000000999"):
            await listed(caller)


class TestLargeWorkspaces:
    @pytest.fixture
    def coze(self, io_loop):
        coze = Workspaces()

        async def listen():
            coze.listen()

        io_loop.run_sync(listen)
        yield coze
        io_loop.run_sync(coze.stop)

    @pytest.fixture
    def environment(self, coze):
        return {"COZE_BASE_URL": coze.base_url, "COZE_SPACE_ID": "1, 2", "COZE_BOT_ID": "7"}

    async def test_all_pages_of_all_workspaces_are_listed(self, caller, coze):
        coze.sizes = {
            "1": {"bot": 101, "workflow": 60, "chatflow": 31},
            "2": {"bot": 50, "workflow": 1},
        }
        expected = {
            f"{kind}-{space}-{kind}-{number}"
            for space, kinds in coze.sizes.items()
            for kind, count in kinds.items()
            for number in range(count)
        }
        assert (await listed(caller)).keys() == {"bot-7", *expected}
        assert {query["publish_status"] for _, query in coze.asked} == {"published_online"}
        paths = [path for path, _ in coze.asked]
        # As many pages as it takes, and none more.
        assert (paths.count(BOTS_PATH), paths.count(WORKFLOWS_PATH)) == (6 + 3, 6 + 4 + 1 + 1)

    async def test_workspaces_with_nothing_in_them_are_an_empty_list(self, caller, coze):
        coze.sizes = {"1": {}, "2": {}}
        assert (await listed(caller)).keys() == {"bot-7"}


class TestChatflowsWithoutABot(TestLargeWorkspaces):
    @pytest.fixture
    def environment(self, coze):
        return {"COZE_BASE_URL": coze.base_url, "COZE_SPACE_ID": "1", "COZE_BOT_ID": ""}

    async def test_all_pages_of_all_workspaces_are_listed(self, caller, coze):
        """A chatflow that has no bot could not be asked."""
        coze.sizes = {"1": {"bot": 1, "chatflow": 1}}
        assert (await listed(caller)).keys() == {"bot-1-bot-0"}

    async def test_workspaces_with_nothing_in_them_are_an_empty_list(self, caller, coze):
        coze.sizes = {"1": {}}
        assert await listed(caller) == {}


class TestUnknownWorkspaceAndAKnownModel:
    @pytest.fixture
    def environment(self):
        return {"COZE_SPACE_ID": "1", "MODEL_MAP": '{"known": {"type": "chat"}}'}

    async def test_model_of_the_map_is_known_without_asking(self, caller, sandbox):
        assert (await caller.models.retrieve("known")).id == "known"
        assert sandbox.requests == []


class TestTokensOfTheCallers:
    @pytest.fixture
    def environment(self, environment):
        return {**environment, "COZE_API_KEY": "", "COZE_TOKEN_PASSTHROUGH": "true"}

    async def test_list_is_for_those_with_the_same_token(self, caller, sandbox):
        owner = caller.with_options(api_key=Sandbox.API_KEY)
        for _ in range(2):
            assert (await listed(owner)).keys() >= PUBLISHED.keys()
        assert len(sandbox.requests) == LISTS
        with pytest.raises(openai.AuthenticationError):
            await listed(caller.with_options(api_key="another"))
        assert len(sandbox.requests) == LISTS + 1
