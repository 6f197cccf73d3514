"""The service with OAuth: the tokens that Coze is shown, and what happens when there are none."""

import asyncio
import json

import pytest

from tests.doors.access import EXCHANGE, bearer, exchanges, shown, tokens_seen
from tests.service.asking import TOOLS, body, error_of, outputs, says, text_part
from tests.support.files import PNG, data_url
from tests.types.asking import answered, arrived

pytestmark = pytest.mark.gen_test(timeout=15)

ADMIN = "sk-door-admin"
PICTURE = {"type": "image_url", "image_url": {"url": data_url(PNG)}}


@pytest.fixture
def environment(oauth_app, sandbox):
    return {
        **oauth_app,
        "PROXY_ADMIN_KEY": ADMIN,
        "COZE_SPACE_ID": sandbox.SPACE_ID,
        "MAX_CONCURRENT_REQUESTS": "200",
    }


@pytest.fixture
def current(post):
    """The service's token, as the stand-in remembers it."""

    async def current():
        response = await post(None, "/get_jwt", "GET", **bearer(ADMIN))
        return shown(json.loads(response.body)["token"])

    return current


async def test_every_call_to_coze_is_made_with_the_one_token(ask, post, sandbox, current):
    await ask("bot-echo", messages=[says([text_part(), PICTURE])])
    question = await ask("workflow-question", messages=[says("Weather?")])
    await ask("workflow-question", messages=[question.message, answered(question, "Oslo")])
    await ask("chatflow-echo")
    await ask("conversation-echo")
    call = await ask("bot-tools", messages=[says("Rain?")], tools=TOOLS)
    said = outputs(call.message, "0.5")
    await ask("bot-tools", messages=[says("Rain?"), call.message, *said], tools=TOOLS)
    assert (await post(None, "/v1/models", "GET")).code == 200
    calls = {r.path: r.headers["authorization"] for r in sandbox.requests if r.path != EXCHANGE}
    assert set(calls) == {
        "/v1/files/upload",
        "/v3/chat",
        "/v3/chat/submit_tool_outputs",
        "/v1/workflow/stream_run",
        "/v1/workflow/stream_resume",
        "/v1/workflows/chat",
        "/v1/bots",
        "/v1/workflows",
    }
    assert set(calls.values()) == {await current()}
    assert exchanges(sandbox) == 1


async def test_200_cold_requests_make_one_exchange(caller, sandbox):
    create = caller.chat.completions.create
    answers = await asyncio.gather(
        *(create(model="bot-hello", messages=[says("Hi")]) for _ in range(200))
    )
    assert {answer.choices[0].message.content for answer in answers} == {"Hello"}
    assert exchanges(sandbox) == 1
    assert len(set(tokens_seen(sandbox, "/v3/chat"))) == 1


async def test_first_token_is_fetched_at_the_start(service, sandbox):
    service.start()
    await sandbox.arrived(EXCHANGE)
    assert [r.path for r in sandbox.requests] == [EXCHANGE]


class TestWrongApp:
    @pytest.fixture
    def environment(self, oauth_app):
        return {**oauth_app, "COZE_JWT_KEY_ID": "no such key"}

    async def test_refused_exchange_is_a_502_that_names_the_settings(self, post, sandbox):
        response = await post(body("hello"))
        assert response.code == 502
        assert "COZE_JWT_KEY_ID" in error_of(response)["message"]
        assert response.headers["X-Should-Retry"] == "false"
        assert arrived(sandbox, "/v3/chat") == []
