"""What a key may be used for: the bots and workflows that it, or every key, is limited to.

A request may name a bot in many places. In each of them the limit must hold, before Coze hears of
the request.
"""

import json

import pytest

from cozeproxy.sandbox.scenarios import BOTS as PUBLISHED_BOTS
from cozeproxy.sandbox.scenarios import CHATFLOWS as PUBLISHED_CHATFLOWS
from cozeproxy.sandbox.scenarios import WORKFLOWS as PUBLISHED_WORKFLOWS
from tests.doors.access import ANN, BOB, LIMITED, bearer, digest, keys_file
from tests.service.asking import TOOLS, body, error_of, outputs, says, text_part
from tests.support.files import PNG, data_url

pytestmark = [
    pytest.mark.gen_test(timeout=15),
    # http_server asks for the app by name when it runs, too late for the parameters of a fixture.
    pytest.mark.usefixtures("environment"),
]

BOTS, WORKFLOWS = ["echo", "tools"], ["output-nodes", "question"]
MAP = {
    "good-bot": {"type": "chat", "bot_id": "echo"},
    "good-flow": {"type": "workflow", "workflow_id": "output-nodes"},
    "bad-bot": {"type": "chat", "bot_id": "hello"},
    "bad-conversation": {"type": "conversation", "bot_id": "hello"},
    "bad-flow": {"type": "workflow", "workflow_id": "end-text"},
    "bad-bot-of-a-flow": {"type": "chatflow", "workflow_id": "echo", "bot_id": "hello"},
}
CONVERSATION = {"x-model-type": "conversation"}
CHATFLOW = {"x-model-type": "chatflow"}
# What a request has beside its message: the fields of its body, and its headers.
ALLOWED = {
    "header": ({}, {"x-bot-id": "echo"}),
    "body": ({"x-bot-id": "echo"}, {}),
    "extra_headers": ({"extra_headers": {"x-bot-id": "echo"}}, {}),
    "model": ({"model": "bot-echo"}, {}),
    "conversation": ({"model": "conversation-echo"}, {}),
    "workflow": ({"model": "workflow-output-nodes"}, {}),
    "chatflow": ({"model": "chatflow-echo"}, {"x-bot-id": "echo"}),
    "chatflow of an app": ({"model": "chatflow-echo", "coze": {"app_id": "7"}}, {}),
    "map": ({"model": "good-bot"}, {}),
    "map, to a workflow": ({"model": "good-flow"}, {}),
    "header before model": ({"model": "bot-hello"}, {"x-bot-id": "echo"}),
    "header before default": ({"model": "gpt-4"}, {"x-bot-id": "echo"}),
}
FORBIDDEN = {
    "header": ({}, {"x-bot-id": "hello"}),
    "header, in a conversation": ({}, {"x-bot-id": "hello", **CONVERSATION}),
    "header, a workflow": ({}, {"x-workflow-id": "end-text"}),
    "body": ({"x-bot-id": "hello"}, {}),
    "body, a workflow": ({"x-workflow-id": "end-text"}, {}),
    "extra_headers": ({"extra_headers": {"X-Bot-Id": "hello"}}, {}),
    "model": ({"model": "bot-hello"}, {}),
    "model, a conversation": ({"model": "conversation-hello"}, {}),
    "model, a workflow": ({"model": "workflow-end-text"}, {}),
    "model, a chatflow": ({"model": "chatflow-memory"}, {"x-bot-id": "echo"}),
    "bot of a chatflow": ({"model": "chatflow-echo"}, {"x-bot-id": "hello"}),
    "bot of a workflow": ({"model": "workflow-output-nodes"}, {"x-bot-id": "hello"}),
    "map": ({"model": "bad-bot"}, {}),
    "map, a conversation": ({"model": "bad-conversation"}, {}),
    "map, a workflow": ({"model": "bad-flow"}, {}),
    "map, the bot of a chatflow": ({"model": "bad-bot-of-a-flow"}, {}),
    "default": ({"model": "gpt-4"}, {}),
    "default, in a conversation": ({"model": "gpt-4"}, CONVERSATION),
    "default, a workflow": ({"model": "gpt-4"}, {"x-model-type": "workflow"}),
    "default, a chatflow": ({"model": "gpt-4"}, {**CHATFLOW, "x-bot-id": "echo"}),
    "default, the bot of a chatflow": ({"model": "chatflow-echo"}, {}),
    "header before model": ({"model": "bot-echo"}, {"x-bot-id": "hello"}),
    "like an allowed one": ({"model": "bot-echo1"}, {}),
    "in capitals": ({"model": "bot-ECHO"}, {}),
}


@pytest.fixture(params=["every key", "this key"])
def environment(request, tmp_path):
    """The same limit, by each of the settings that can hold it; then what is not allowed."""
    entry = {"sha256": digest(LIMITED)}
    limit = {}
    if request.param == "every key":
        limit = {"ALLOWED_BOT_IDS": ",".join([*BOTS, *WORKFLOWS])}
    else:
        entry |= {"bot_ids": BOTS, "workflow_ids": WORKFLOWS}
    return {
        "PROXY_KEYS_FILE": keys_file(tmp_path, limited=entry),
        "MODEL_MAP": json.dumps(MAP),
        "COZE_BOT_ID": "hello",
        "COZE_WORKFLOW_ID": "end-text",
        **limit,
    }


def check_forbidden(response):
    assert response.code == 403
    error = error_of(response)
    assert (error["type"], error["code"]) == ("invalid_request_error", "permission_denied")
    assert response.headers["X-Should-Retry"] == "false"
    # Which there are, is nobody's business.
    assert not any(id_ in error["message"] for id_ in ("hello", "end-text", "echo"))


@pytest.mark.parametrize(("fields", "headers"), ALLOWED.values(), ids=ALLOWED.keys())
async def test_request_for_what_the_key_may_use_is_served(post, sandbox, fields, headers):
    response = await post(body("echo", **fields), **headers, **bearer(LIMITED))
    assert response.code == 200
    (call,) = sandbox.requests
    assert call.body.get("bot_id", "echo") in BOTS
    assert call.body.get("workflow_id", "echo") in (*WORKFLOWS, "echo")


@pytest.mark.parametrize(("fields", "headers"), FORBIDDEN.values(), ids=FORBIDDEN.keys())
async def test_request_for_anything_else_is_a_403_before_any_call(post, sandbox, fields, headers):
    for stream in (False, True):
        asked = {"model": "gpt-4", "messages": [says("Hi")], "stream": stream, **fields}
        check_forbidden(await post(asked, **headers, **bearer(LIMITED)))
    assert sandbox.requests == []


async def test_files_for_a_bot_that_is_not_allowed_are_not_uploaded(post, sandbox):
    picture = {"type": "image_url", "image_url": {"url": data_url(PNG)}}
    asked = body("hello", [text_part(), picture])
    check_forbidden(await post(asked, **bearer(LIMITED)))
    assert sandbox.requests == []


@pytest.fixture
def send_back(post, sandbox):
    """Send what goes back to Coze, with the limited key, and look for the one call, or for none."""

    async def send_back(asked, path):
        sandbox.records.clear()
        response = await post(asked, **bearer(LIMITED))
        if path:
            assert response.code == 200
        else:
            check_forbidden(response)
        assert [r.path for r in sandbox.requests] == ([path] if path else [])

    return send_back


@pytest.mark.parametrize(
    ("bot", "path"), [("tools", "/v3/chat/submit_tool_outputs"), ("tools-parallel", None)]
)
@pytest.mark.parametrize("model", ["bot-echo", "good-flow"])
async def test_output_of_a_tool_is_for_the_bot_that_is_in_its_id(
    elsewhere, send_back, bot, path, model
):
    question = says("Rain?")
    answer = await elsewhere.chat.completions.create(
        model=f"bot-{bot}", messages=[question], tools=TOOLS
    )
    called = answer.choices[0].message.model_dump(exclude_none=True)
    said = outputs(called, *["0.5"] * len(called["tool_calls"]))
    asked = {"model": model, "messages": [question, called, *said], "tools": TOOLS}
    await send_back(asked, path)


@pytest.mark.parametrize(
    ("workflow", "path"), [("question", "/v1/workflow/stream_resume"), ("question-twice", None)]
)
@pytest.mark.parametrize("by_tool", [False, True])
async def test_answer_to_a_workflow_is_for_the_one_that_is_in_its_id(
    elsewhere, send_back, workflow, path, by_tool
):
    answer = await elsewhere.chat.completions.create(
        model=f"workflow-{workflow}", messages=[says("Weather?")]
    )
    called = answer.choices[0].message.model_dump(exclude_none=True)
    if by_tool:
        messages = [says("Weather?"), called, *outputs(called, "Oslo")]
        await send_back({"model": "bot-echo", "messages": messages}, path)
    else:
        resume = {"resume": answer.model_extra["coze"]["resume"]}
        await send_back({"model": "bot-echo", "messages": [says("Oslo")], "coze": resume}, path)


class TestModels:
    @pytest.fixture
    def environment(self, environment, sandbox):
        return {**environment, "COZE_SPACE_ID": sandbox.SPACE_ID}

    async def test_what_a_key_may_use_is_listed_to_it_and_nothing_else(self, post):
        response = await post(None, "/v1/models", "GET", **bearer(LIMITED))
        listed = {model["id"] for model in json.loads(response.body)["data"]}
        assert {"good-bot", "good-flow", "bot-tools", "workflow-question"} <= listed
        kinds = [("bot", PUBLISHED_BOTS), ("workflow", PUBLISHED_WORKFLOWS)]
        kinds += [("chatflow", PUBLISHED_CHATFLOWS)]
        published = [f"{kind}-{s.name}" for kind, found in kinds for s in found.published()]
        for name in {*published, *MAP, "bot-hello", "workflow-end-text"}:
            asked = {"model": name, "messages": [says("Hi")]}
            refused = (await post(asked, **bearer(LIMITED))).code == 403
            assert refused is (name not in listed), name
            retrieved = await post(None, f"/v1/models/{name}", "GET", **bearer(LIMITED))
            assert retrieved.code == (404 if refused else 200), name


class TestModelsThatLeadNowhere:
    """The default is another's bot, or there is none; what is asked must be named."""

    @pytest.fixture(params=["", "hello"])
    def environment(self, tmp_path, request):
        entry = {"sha256": digest(LIMITED), "bot_ids": BOTS}
        keys = keys_file(tmp_path, ann={"sha256": digest(ANN)}, limited=entry)
        return {"PROXY_KEYS_FILE": keys, "COZE_BOT_ID": request.param}

    @pytest.mark.parametrize(("key", "is_listed"), [(ANN, True), (LIMITED, False)])
    async def test_by_their_names_alone_they_are_not_listed_to_a_limited_key(
        self, post, key, is_listed
    ):
        response = await post(None, "/v1/models", "GET", **bearer(key))
        assert bool(json.loads(response.body)["data"]) is is_listed
        retrieved = await post(None, "/v1/models/gpt-4", "GET", **bearer(key))
        assert retrieved.code == (200 if is_listed else 404)
        asked = {"model": "bot-echo", "messages": [says("Hi")]}
        assert (await post(asked, **bearer(key))).code == 200


class TestSeveralKeys:
    @pytest.fixture
    def environment(self, tmp_path):
        path = keys_file(
            tmp_path,
            bob={"sha256": digest(BOB), "workflow_ids": []},
            limited={"sha256": digest(LIMITED), "bot_ids": ["hello", "echo"]},
        )
        return {
            "PROXY_API_KEYS": f"ann:{ANN}",
            "PROXY_KEYS_FILE": path,
            "ALLOWED_BOT_IDS": "hello,memory,output-nodes",
        }

    @pytest.mark.parametrize(
        ("key", "model", "status"),
        [
            (ANN, "bot-hello", 200),
            (ANN, "workflow-output-nodes", 200),
            # What is for no key is not for one that has no limit of its own, either,
            (ANN, "bot-echo", 403),
            # and not for one that has it in its own.
            (LIMITED, "bot-echo", 403),
            (LIMITED, "bot-hello", 200),
            (LIMITED, "bot-memory", 403),
            # A key with bots has no workflows,
            (LIMITED, "workflow-output-nodes", 403),
            # and one with empty lists has nothing.
            (BOB, "bot-hello", 403),
            (BOB, "workflow-output-nodes", 403),
        ],
    )
    async def test_key_may_use_what_is_for_every_key_and_for_it(self, post, key, model, status):
        asked = {"model": model, "messages": [says("Hi")]}
        assert (await post(asked, **bearer(key))).code == status


class TestWithoutKeys:
    @pytest.fixture
    def environment(self):
        return {"ALLOWED_BOT_IDS": "hello"}

    @pytest.mark.parametrize(("bot", "status"), [("hello", 200), ("echo", 403)])
    async def test_what_is_allowed_binds_everybody(self, post, bot, status):
        assert (await post(body(bot))).code == status
