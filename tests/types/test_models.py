"""Models: names for bots and workflows, from the map and from the workspaces."""

import json

import openai
import pytest

from cozeproxy.sandbox import Sandbox
from tests.service.asking import says
from tests.support.processes import COZEPROXY, finished
from tests.types.asking import listed

pytestmark = pytest.mark.gen_test(timeout=15)

MAP = {
    "gpt-4o": {"type": "chat", "bot_id": "inspect"},
    "talk": {"type": "conversation", "bot_id": "inspect"},
    "vendor/报告:1": {
        "type": "workflow",
        "workflow_id": "inspect",
        "parameters": {"tone": "dry", "input": "nothing"},
    },
    "flow": {"type": "chatflow", "workflow_id": "inspect", "app_id": "7"},
    "default": {"type": "chat"},
}


class TestMap:
    @pytest.fixture
    def environment(self):
        return {"MODEL_MAP": json.dumps(MAP)}

    async def test_its_names_are_listed_and_openais_are_not(self, caller):
        assert list(await listed(caller)) == [*MAP, f"bot-{Sandbox.BOT_ID}"]

    @pytest.mark.parametrize("name", MAP)
    async def test_each_name_can_be_retrieved(self, caller, name):
        model = await caller.models.retrieve(name)
        assert (model.id, model.owned_by) == (name, "coze")

    @pytest.mark.parametrize(
        ("name", "path", "body"),
        [
            ("gpt-4o", "/v3/chat", {"bot_id": "inspect", "auto_save_history": False}),
            ("talk", "/v3/chat", {"bot_id": "inspect", "auto_save_history": True}),
            (
                "vendor/报告:1",
                "/v1/workflow/stream_run",
                {"workflow_id": "inspect", "parameters": {"tone": "dry", "input": "Hi"}},
            ),
            ("flow", "/v1/workflows/chat", {"workflow_id": "inspect", "app_id": "7"}),
            ("default", "/v3/chat", {"bot_id": Sandbox.BOT_ID, "auto_save_history": False}),
        ],
    )
    async def test_each_name_leads_to_what_it_stands_for(self, ask, sandbox, name, path, body):
        await ask(name)
        (request,) = sandbox.requests
        assert request.path == path
        assert body.items() <= request.body.items()
        assert "app_id" not in request.body or "bot_id" not in request.body

    async def test_headers_go_before_the_map(self, ask, sandbox):
        headers = {"x-model-type": "conversation", "x-bot-id": "hello"}
        assert (await ask("gpt-4o", headers=headers)).text == "Hello"
        assert sandbox.requests[0].body["auto_save_history"] is True

    async def test_parameters_of_the_request_go_over_those_of_the_map(self, ask, sandbox):
        await ask("vendor/报告:1", coze={"parameters": {"tone": "kind", "n": 1}})
        parameters = {"tone": "kind", "n": 1, "input": "nothing"}
        assert sandbox.requests[0].body["parameters"] == parameters


def test_bad_entry_of_the_map_stops_the_start_and_is_named(tmp_path):
    models = json.dumps({**MAP, "report": {"type": "workflow", "workflow": "7"}})
    result = finished([*COZEPROXY, "serve", "--sandbox"], tmp_path, MODEL_MAP=models)
    assert result.returncode == 2
    assert result.stdout == ""
    assert "in the entry 'report' 'workflow' is unknown" in result.stderr


async def test_openais_names_are_listed_where_there_is_nothing_else(caller):
    names = list(await listed(caller))
    assert names == ["gpt-3.5-turbo", "gpt-4", f"bot-{Sandbox.BOT_ID}"]


@pytest.mark.parametrize(
    ("model_type", "name"),
    [("chat", "workflow-hello"), ("workflow", "workflow-hello"), ("chatflow", "chatflow-hello")],
)
class TestDefaults:
    @pytest.fixture
    def environment(self, model_type):
        return {"COZE_WORKFLOW_ID": "hello", "DEFAULT_MODEL_TYPE": model_type}

    async def test_default_workflow_is_listed_as_what_it_is(self, caller, model_type, name):
        names = [id_ for id_ in await listed(caller) if "flow-" in id_]
        assert names == [name], model_type


class TestReject:
    @pytest.fixture
    def environment(self):
        return {"UNKNOWN_MODEL": "reject", "MODEL_MAP": json.dumps(MAP)}

    @pytest.mark.parametrize("name", ["gpt-4", "no-such-model", "bot-", "GPT-4O", ""])
    async def test_unknown_name_is_a_404_before_any_call(self, ask, sandbox, name):
        with pytest.raises(openai.NotFoundError) as caught:
            await ask(name)
        assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
        assert f"'{name}'" in caught.value.message
        assert sandbox.requests == []

    @pytest.mark.parametrize("name", ["gpt-4o", "bot-hello", "workflow-echo", "chatflow-echo"])
    async def test_known_name_and_name_with_an_id_are_served(self, ask, name):
        assert (await ask(name)).text

    async def test_unknown_name_beside_a_bot_is_served(self, ask):
        assert (await ask("gpt-4", headers={"x-bot-id": "hello"})).text == "Hello"

    async def test_answers_to_what_waits_are_served_under_any_name(self, ask):
        question = await ask("workflow-question", "Weather?")
        resume = {"resume": question.coze["resume"]}
        answer = await ask("gpt-4", messages=[says("Oslo")], coze=resume)
        assert answer.text == "The weather for Oslo is fine."


class TestRejectWithNothingSet:
    @pytest.fixture
    def environment(self):
        return {"UNKNOWN_MODEL": "reject"}

    async def test_listed_names_are_served_and_others_are_not(self, ask, caller):
        for name in await listed(caller):
            assert (await ask(name)).text
        with pytest.raises(openai.NotFoundError):
            await ask("gpt-5")
