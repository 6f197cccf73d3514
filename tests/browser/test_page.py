"""A page of another origin in a real browser: the stock SDK works there, and tokens stay here."""

import asyncio
import json

import pytest

from cozeproxy.sandbox import Sandbox
from tests.doors.access import EXCHANGE
from tests.types.asking import arrived

pytestmark = [pytest.mark.browser, pytest.mark.gen_test(timeout=60)]

# The page is at 127.0.0.1: of another origin than both, and of another site than the second.
each_host = pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])


@each_host
async def test_sdk_streams_an_answer_as_it_is_written(visit, site, sandbox, host):
    visiting = asyncio.create_task(visit("streaming", host))
    for piece in ("one ", "two ", "three"):
        await sandbox.gates.reached("browser")
        # What came before has been read by the page, or it would have been held back somewhere.
        sandbox.gates.release("browser")
        assert (await site.seen.get()).strip() == piece.strip()
    report = await visiting
    assert report["text"] == "one two three"
    assert report["headers"]["content-type"].startswith("text/event-stream")
    assert report["headers"]["x-request-id"].startswith("req_")
    assert report["headers"]["x-coze-logid"]


async def test_sdk_gets_whole_answers_models_and_request_ids(visit):
    report = await visit("answers")
    assert report["text"] == "Hello"
    assert report["requestID"].startswith("req_")
    assert report["conversation"].isdecimal()
    assert f"bot-{Sandbox.BOT_ID}" in report["models"]


async def test_sdk_raises_its_errors_with_all_that_it_needs(visit):
    report = await visit("errors")
    for name in ("wrongKey", "wrongKeyForModels"):
        error = report[name]
        assert error["isAuthenticationError"] is True
        assert (error["class"], error["status"]) == ("AuthenticationError", 401)
        assert error["code"] == "invalid_api_key"
    assert report["limited"]["class"] == "RateLimitError"
    assert report["limited"]["retryAfter"] == "7"
    assert report["missing"]["class"] == "NotFoundError"
    assert report["failed"]["class"] == "InternalServerError"
    assert report["failed"]["shouldRetry"] == "false"
    assert all(error["requestID"].startswith("req_") for error in report.values())


@each_host
async def test_page_gets_no_token_in_any_way(visit, sandbox, host):
    await sandbox.arrived(EXCHANGE)
    report = await visit("tokens", host)
    assert len(report["found"]) == 12
    for way, result in report["found"].items():
        assert result in ("refused", {"refused": "TypeError"}), way
    # The frame shows the browser's own page, which is out of reach as well.
    assert report["inside"] == "SecurityError"
    assert "czs_" not in json.dumps(report)
    # The first token is from the start; nobody has made the service get another.
    assert len(arrived(sandbox, EXCHANGE)) == 1


async def test_page_learns_from_health_that_the_service_is_up_and_no_more(visit):
    report = await visit("health")
    assert (report["status"], json.loads(report["text"])) == (200, {"status": "ok"})


async def test_example_shows_an_answer_as_it_is_written_and_can_be_stopped(visit, site, sandbox):
    visiting = asyncio.create_task(visit("example"))
    # Nobody names a user in it: the key's digest does.
    await sandbox.arrived("/v3/chat")
    user = arrived(sandbox, "/v3/chat")[0].body["user_id"]
    for piece in ("one ", "two "):
        sandbox.gates.release(user)
        assert await site.seen.get() == piece
    # It is stopped after the second one, and says something else.
    report = await visiting
    assert report["said"] == [
        ["user", "First"],
        ["assistant", "one two "],
        ["user", "<b>Second</b>"],
        ["assistant", "You said: <b>Second</b> (3 messages received, 0 remembered)"],
        ["user", "Third"],
        ["assistant", ""],
        ["error", report["said"][-1][1]],
    ]
    assert "has not been published" in report["said"][-1][1]
    assert report["bold"] == 0
    assert report["ready"] is True


class TestUnlistedOrigin:
    @pytest.fixture
    def environment(self):
        return {"ALLOWED_ORIGINS": "https://app.example", "PORT": "0"}

    async def test_sdk_cannot_call_and_says_so(self, visit, sandbox):
        report = await visit("errors")
        assert {error["class"] for error in report.values()} == {"APIConnectionError"}
        assert sandbox.requests == []
