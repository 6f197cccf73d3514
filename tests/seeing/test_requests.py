"""What the metrics tell of requests: how many, how they ended, how long they took, their tokens."""

import asyncio
import json
import time

import pytest

from cozeproxy.observability.metrics import MOST_PENDING, Metrics
from tests.doors.access import ANN, BOB, OTHER, SECRET, bearer
from tests.doors.everything import CHAT
from tests.service.asking import body, says
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=20)

LEAST = {"route": CHAT, "type": "chat", "key": ""}


async def test_request_is_counted_by_route_type_status_and_ending(post, scraped):
    await post(body("hello"))
    await post(body("hello", stream=True))
    await post({"model": "workflow-echo", "messages": [says("Hi")]})
    await post(body("failed"))
    await post(body("code-4028"))
    await post(b"{")
    counted = await scraped()
    assert counted("requests_total", **LEAST, status="200", ended="complete") == 2
    assert counted("requests_total", route=CHAT, type="workflow", status="200") == 1
    assert counted("requests_total", **LEAST, status="502", ended="error") == 1
    assert counted("requests_total", **LEAST, status="429", ended="error") == 1
    assert counted("requests_total", route=CHAT, type="", status="400", ended="error") == 1
    assert counted("requests_total") == 6


async def test_answer_that_breaks_off_is_no_success(post, scraped):
    await post(body("eof-after-text", stream=True))
    counted = await scraped()
    assert counted("requests_total", **LEAST, status="200", ended="broken") == 1
    assert counted("requests_total", ended="complete") is None


async def test_routes_are_those_of_the_table_and_one_for_all_other_paths(post, scraped):
    for path in ("/v1/models", "/v1/models/a", "/v1/models/b/c", "/nowhere", "/v1/x", "/health"):
        await post(None, path, "GET")
    await post(None, CHAT, "OPTIONS")
    counted = await scraped()
    expected = {"/v1/models": 1, "/v1/models/{id}": 2, "other": 2, "/health": 1, CHAT: 1}
    assert counted.labels("requests_total", "route") == expected.keys()
    assert {route: counted("requests_total", route=route) for route in expected} == expected


class TestKeysAndModels:
    @pytest.fixture
    def environment(self):
        return {
            "METRICS_PUBLIC": "true",
            "PROXY_API_KEYS": f"ann:{ANN},{BOB}",
            "MODEL_MAP": json.dumps(
                {
                    "gpt-4o": {"type": "chat", "bot_id": "hello"},
                    "天气": {"type": "workflow", "workflow_id": "usage"},
                }
            ),
        }

    async def test_labels_are_names_of_the_settings_and_else_empty(self, post, scraped):
        for model in ("gpt-4o", "天气", "bot-hello", "made-up-by-a-caller"):
            for key in (ANN, BOB):
                asked = {"model": model, "messages": [says("Hi")], "x_bot_id": "hello"}
                await post(asked, **bearer(key))
        await post(body("hello"), **bearer(OTHER))
        counted = await scraped()
        assert counted("requests_total", key="ann") == 4
        assert counted("requests_total", key="") == 5
        assert counted("requests_total", status="401", type="") == 1
        assert counted.labels("answer_seconds_count", "model") == {"gpt-4o", "天气", ""}
        assert counted("answer_seconds_count", type="chat", model="gpt-4o") == 2
        assert counted("answer_seconds_count", type="workflow", model="天气") == 2
        assert counted("answer_seconds_count", type="chat", model="") == 4
        assert counted("tokens_total", key="ann", model="gpt-4o", direction="in") == 1
        assert SECRET not in str(counted.families)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (body("hello"), (1, 2)),
        (body("hello", stream=True, stream_options={"include_usage": True}), (1, 2)),
        # Coze tells them after the end that the caller sees.
        (body("hello", stream=True), (1, 2)),
        (body("hello") | {"model": "conversation-hello", "stream": True}, (1, 2)),
        (body("hello") | {"model": "chatflow-echo"}, (1, 12)),
        (body("hello") | {"model": "workflow-usage"}, (50, 100)),
    ],
)
async def test_tokens_are_those_that_coze_counts(post, until, asked, told):
    assert (await post(asked)).code == 200
    counted = await until(lambda numbers: numbers("tokens_total"))
    assert [counted("tokens_total", direction=d) for d in ("in", "out")] == [*told]
    kind = asked["model"].partition("-")[0].replace("bot", "chat")
    assert counted("tokens_total", type=kind) == sum(told)


async def test_tokens_that_coze_tells_after_the_end_are_counted_once(
    connect, sandbox, until, scraped
):
    exchange = await connect(body("gated-end", stream=True, user="held"))
    await exchange.rest()
    await sandbox.gates.reached("held")
    assert (await scraped())("tokens_total") is None
    sandbox.gates.release("held")
    counted = await until(lambda numbers: numbers("tokens_total"))
    assert [counted("tokens_total", direction=d) for d in ("in", "out")] == [1, 12]


def test_requests_are_worked_off_without_anybody_who_looks():
    metrics = Metrics()
    for _ in range(10 * MOST_PENDING):
        metrics.answered(("chat", "chat", "200", "complete", ""), "gpt-4", 1.0, None)
        assert len(metrics._pending) < MOST_PENDING


class TestAgainstRawCoze:
    @pytest.fixture
    def environment(self, raw_coze):
        return {"METRICS_PUBLIC": "true", "COZE_BASE_URL": raw_coze.base_url}

    @pytest.fixture
    def opened(self, connect, raw_coze):
        """A streamed answer that has said something and goes on: what the caller has, and Coze."""

        async def opened():
            exchange = await connect(body("7", stream=True))
            call = await raw_coze.called()
            await call.start(coze.CREATED, coze.delta("Well, "))
            await exchange.until("Well, ")
            return exchange, call

        return opened

    async def test_stream_is_open_as_long_as_it_is(self, opened, scraped, until):
        assert (await scraped())("streams_open") == 0
        first, second, third = [await opened() for _ in range(3)]
        assert (await scraped())("streams_open") == 3
        await first[1].say(coze.FINISH_MARKER, coze.END)
        await first[0].rest()
        assert (await scraped())("streams_open") == 2
        await second[0].close()
        await second[1].left()
        await until(lambda numbers: numbers("streams_open") == 1)
        third[1].reset()
        assert b'"error"' in await third[0].rest()
        counted = await until(lambda numbers: numbers("streams_open") == 0)
        for ending in ("complete", "left", "broken"):
            assert counted("requests_total", **LEAST, ended=ending) == 1

    async def test_whole_answer_is_no_open_stream(self, connect, raw_coze, scraped):
        exchange = await connect(body("7"))
        call = await raw_coze.called()
        await call.start(coze.CREATED, coze.delta("Well, "))
        assert (await scraped())("streams_open") == 0
        await call.say(coze.FINISH_MARKER, coze.END)
        await call.end()
        await exchange.rest()

    async def test_first_token_and_whole_answer_are_timed(self, connect, raw_coze, scraped):
        began = time.monotonic()
        exchange = await connect(body("7", stream=True))
        call = await raw_coze.called()
        await call.start(coze.CREATED)
        asked = time.monotonic()
        # As much passes as these take; none of it may be missing from the time to the first token.
        for _ in range(5):
            counted = await scraped()
        assert counted("first_token_seconds_count") is None
        before_token = time.monotonic() - asked
        await call.say(coze.delta("Well, "))
        await exchange.until("Well, ")
        spoken = time.monotonic()
        for _ in range(5):
            counted = await scraped()
        assert counted("answer_seconds_count") is None
        after_token = time.monotonic() - spoken
        await call.say(coze.FINISH_MARKER, coze.END)
        await call.end()
        await exchange.rest()
        counted = await scraped()
        labels = {"type": "chat", "model": ""}
        first, whole = (counted(f"{n}_seconds_sum", **labels) for n in ("first_token", "answer"))
        assert counted("first_token_seconds_count", **labels) == 1
        assert counted("answer_seconds_count", **labels) == 1
        assert before_token <= first
        assert first + after_token <= whole <= time.monotonic() - began
        assert counted("first_token_seconds_bucket", **labels, le="+Inf") == 1

    async def test_whole_answer_has_no_first_token(self, connect, raw_coze, scraped):
        exchange = await connect(body("7"))
        call = await raw_coze.called()
        await call.start(coze.answer("Fine"))
        await call.end()
        await exchange.rest()
        counted = await scraped()
        assert counted("first_token_seconds_count") is None
        assert counted("answer_seconds_count") == 1

    @pytest.mark.parametrize(("code", "result"), [(0, "ok"), (4104, "failed")])
    async def test_chat_of_a_caller_that_leaves_is_cancelled(
        self, opened, raw_coze, until, code, result
    ):
        exchange, call = await opened()
        await exchange.close()
        await call.left()
        cancel = await raw_coze.called()
        assert cancel.path == "/v3/chat/cancel"
        await cancel.reply(code=code, msg="")
        counted = await until(lambda numbers: numbers("upstream_cancels_total"))
        assert counted("upstream_cancels_total", result=result) == 1
        assert counted("requests_total", **LEAST, status="499", ended="left") == 1

    @pytest.mark.parametrize("counts", [{"input_count": -5}, {"output_count": 10**400}])
    async def test_counts_that_cannot_be_do_no_harm(self, post, raw_coze, until, counts):
        asking = asyncio.create_task(post(body("7")))
        call = await raw_coze.called()
        await call.start(coze.CREATED, coze.delta("Hi"), coze.chat("completed", usage=counts))
        await call.end()
        await asking
        counted = await until(lambda numbers: numbers.samples("tokens_total"))
        assert all(0 <= sample.value <= 1e9 for sample in counted.samples("tokens_total"))


class TestHeartbeats:
    @pytest.fixture
    def environment(self, raw_coze):
        address = {"COZE_BASE_URL": raw_coze.base_url}
        return {"METRICS_PUBLIC": "true", "HEARTBEAT_SECONDS": "0.02", **address}

    async def test_sign_of_life_is_no_token(self, connect, raw_coze, scraped, until):
        exchange = await connect(body("7", stream=True))
        call = await raw_coze.called()
        await call.start(coze.CREATED)
        await exchange.until("still working")
        silent = time.monotonic()
        for _ in range(5):
            await scraped()
        silence = time.monotonic() - silent
        await call.say(coze.delta("Well, "), coze.FINISH_MARKER, coze.END)
        await call.end()
        await exchange.rest()
        counted = await until(lambda numbers: numbers("first_token_seconds_count"))
        assert counted("first_token_seconds_sum") >= silence
