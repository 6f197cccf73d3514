"""The line of a request in the log: what it says, when it is written, and what it never says."""

import asyncio
import json
import logging

import pytest

from cozeproxy.app import Service
from cozeproxy.settings import Settings
from tests.doors.access import ANN, bearer
from tests.doors.everything import CHAT
from tests.seeing.reading import named
from tests.service.asking import TOOLS, body, outputs, says
from tests.service.exchange import Exchange
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=20)

SECRETIVE = "canary-in-a-message"


async def test_line_of_a_whole_answer_has_all_that_there_is(post, lines):
    response = await post(body("hello"))
    (line,) = lines()
    assert line.startswith(f"200 POST {CHAT} ")
    assert line.split()[4:6] == ["ms", "complete"]
    assert named(line) == {
        "request_id": response.headers["X-Request-Id"],
        "model": "bot-hello",
        "type": "chat",
        "bot": "hello",
        "tokens_in": "1",
        "tokens_out": "2",
        "logid": response.headers["X-Coze-Logid"],
    }


async def test_line_of_a_stream_has_the_time_to_its_first_token(post, until_lines):
    await post(body("hello", stream=True))
    (line,) = await until_lines(1)
    total = float(line.split()[3])
    assert 0 < float(named(line)["first_token_ms"]) <= total
    assert named(line)["tokens_out"] == "2"


async def test_line_of_a_workflow_has_its_id(post, until_lines):
    await post(body("hello") | {"model": "workflow-usage"})
    (line,) = await until_lines(1)
    found = named(line)
    assert (found["type"], found["workflow"]) == ("workflow", "usage")
    assert (found["tokens_in"], found["tokens_out"]) == ("50", "100")


@pytest.mark.parametrize(
    ("asked", "route"),
    [
        (body("tools", tools=TOOLS), {"type": "chat", "bot": "tools"}),
        (body("") | {"model": "workflow-question"}, {"type": "workflow", "workflow": "question"}),
    ],
)
async def test_line_of_what_somebody_waited_for_says_where_it_went(post, until_lines, asked, route):
    message = json.loads((await post(asked)).body)["choices"][0]["message"]
    await until_lines(1)
    # The model is no help here: where it goes is in the id of the call.
    said = [*asked["messages"], message, *outputs(message, "20 %")]
    assert (await post(asked | {"model": "any", "messages": said})).code == 200
    _, line = await until_lines(2)
    assert {"model": "any", **route}.items() <= named(line).items()


@pytest.mark.parametrize(
    ("asked", "told", "level"),
    [
        (body("hello", n=2), ("400", "error", "unsupported_value", None), logging.INFO),
        (body("code-4028"), ("429", "error", "insufficient_quota", "4028"), logging.INFO),
        (body("failed"), ("502", "error", "upstream_error", "5000"), logging.WARNING),
        (body("html-502"), ("502", "error", "upstream_error", None), logging.WARNING),
        (
            body("eof-after-text", stream=True),
            ("200", "broken", "upstream_error", None),
            logging.WARNING,
        ),
    ],
)
async def test_failure_is_told_by_status_ending_names_and_level(post, caplog, asked, told, level):
    response = await post(asked)
    (record,) = [r for r in caplog.records if r.name == "cozeproxy.access"]
    line = record.getMessage()
    found = named(line)
    assert (line.split()[0], line.split()[5], found.get("error"), found.get("code")) == told
    # The caller was told by the same name.
    assert f'"code":"{told[2]}"' in response.body.decode()
    assert record.levelno == level


async def test_line_waits_for_tokens_that_come_after_the_end(connect, sandbox, post, until_lines):
    exchange = await connect(body("gated-end", stream=True, user="held"))
    await exchange.rest()
    await sandbox.gates.reached("held")
    await post(body("hello"))
    (other,) = await until_lines(1)
    assert "bot=hello" in other
    sandbox.gates.release("held")
    *_, line = await until_lines(2)
    assert named(line)["bot"] == "gated-end"
    assert int(named(line)["tokens_in"]) > 0


class TestRawCoze:
    @pytest.fixture
    def environment(self, raw_coze):
        return {"COZE_BASE_URL": raw_coze.base_url, "METRICS_PUBLIC": "true"}

    async def test_line_is_written_without_tokens_where_coze_breaks_off(
        self, connect, raw_coze, lines, until_lines
    ):
        exchange = await connect(body("7", stream=True))
        call = await raw_coze.called()
        await call.start(coze.CREATED, coze.delta("Fine"), coze.FINISH_MARKER)
        await exchange.rest()
        assert lines() == []
        call.reset()
        (line,) = await until_lines(1)
        assert line.split()[5] == "complete"
        assert "tokens_in" not in named(line)

    async def test_line_is_written_when_the_service_stops(self, settings, raw_coze, lines):
        service = Service(Settings(**{**vars(settings), "port": 0}))
        exchange = await Exchange.open(service.start(), body("7", stream=True), {})
        call = await raw_coze.called()
        await call.start(coze.CREATED, coze.delta("Fine"), coze.FINISH_MARKER)
        await exchange.rest()
        assert lines() == []
        await service.stop()
        (line,) = lines()
        assert line.split()[5] == "complete"
        await exchange.close()

    async def test_caller_that_leaves_is_told_at_once(self, connect, raw_coze, until_lines):
        exchange = await connect(body("7", stream=True))
        call = await raw_coze.called()
        await call.start(coze.CREATED, coze.delta("Well, "))
        await exchange.until("Well, ")
        await exchange.close()
        (line,) = await until_lines(1)
        assert line.startswith("499 ")
        assert line.split()[5] == "left"
        assert "first_token_ms" in named(line)

    async def test_log_id_that_coze_makes_up_is_left_out(self, post, raw_coze, caplog, lines):
        made_up = "2024\n200 GET /forged \x1b[31m"
        asking = asyncio.create_task(post(body("7")))
        call = await raw_coze.called()
        await call.reply(code=4028, msg="no", detail={"logid": made_up})
        assert (await asking).code == 429
        (line,) = lines()
        assert line.isprintable()
        assert made_up not in caplog.text
        assert "logid" not in named(line)


@pytest.mark.parametrize(
    "model",
    [
        "gpt-4\n200 POST /forged 1.0 ms complete key=ann",
        'a" key="ann',
        "a key=ann",
        "\x1b[31mred\x1b[0m \x07",
        "\u202egnp\u2028\u0085",
        "模型",
        "'; key=ann #",
        "\\",
        "x" * 5000,
        "",
    ],
)
async def test_name_that_a_caller_makes_up_is_one_value_in_one_line(post, lines, model):
    await post({"model": model, "messages": [says("Hi")], "x_bot_id": "hello"})
    (line,) = lines()
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 1000
    assert set(named(line)) <= {
        *("request_id", "model", "type", "bot", "tokens_in", "tokens_out", "logid")
    }


async def test_path_that_a_caller_makes_up_is_one_value(post, lines):
    for path in ('/v1/"x', "/v1/%0A200%20GET", "/v1/" + "x" * 3000, "/a=b"):
        await post(None, path, "GET")
    for line in lines():
        assert line.isprintable()
        assert len(line) < 600
        assert set(named(line)) == {"request_id", "error"}


class TestWithKeys:
    @pytest.fixture
    def environment(self):
        return {"PROXY_API_KEYS": f"ann:{ANN}"}

    async def test_line_of_a_wrong_one_says_so_and_no_more(self, post, lines):
        await post(body("hello"), **bearer("wrong"))
        (line,) = lines()
        assert line.startswith("401 POST ")
        assert named(line).keys() == {"request_id", "error"}
        assert named(line)["error"] == "invalid_api_key"

    async def test_line_has_the_name_of_the_key_and_never_the_key(self, post, lines, caplog):
        await post(body("hello"), **bearer(ANN))
        (line,) = lines()
        assert named(line)["key"] == "ann"
        assert ANN not in caplog.text


class TestWithLimits:
    @pytest.fixture
    def environment(self):
        return {"ALLOWED_BOT_IDS": "echo"}

    @pytest.mark.parametrize(
        ("path", "asked"),
        [
            (CHAT, body("hello", stream=True)),
            ("/v1/responses", {"model": "bot-hello", "input": "Hi", "stream": True}),
        ],
    )
    async def test_line_says_what_was_not_to_be_used(self, post, lines, path, asked):
        await post(asked, path)
        (line,) = lines()
        assert line.startswith("403 POST ")
        expected = {"model": "bot-hello", "type": "chat", "bot": "hello"}
        assert {**expected, "error": "permission_denied"}.items() <= named(line).items()


async def test_what_is_said_is_in_no_line(post, until_lines, caplog):
    caplog.set_level(logging.DEBUG)
    for bot in ("echo", "failed-after-text", "inspect", "tools", "eof-after-text"):
        for stream in (False, True):
            await post(body(bot, SECRETIVE, stream=stream))
    await post(body("hello", SECRETIVE) | {"model": "workflow-echo"})
    await until_lines(11)
    assert SECRETIVE not in caplog.text


@pytest.mark.parametrize("path", ["/health", "/metrics", "/health?deep=1"])
async def test_housekeeping_is_logged_at_debug_alone(post, lines, path):
    for method in ("GET", "HEAD", "DELETE"):
        await post(None, path, method)
    assert lines() == []
    assert len(lines(logging.DEBUG)) == 3


class TestRequestIds:
    @pytest.mark.parametrize(
        "given",
        [
            "req-1",
            "7b1c1d7e-8c2f-4d63-9d5c-1f6a4b1d0e11",
            "Root=1-67891233-abcdef012345678912345678",
            "a/b+c==",
            "x" * 200,
        ],
    )
    async def test_id_of_the_caller_is_kept_and_returned(self, post, lines, given):
        response = await post(body("hello"), X_Request_Id=given)
        assert response.headers["X-Request-Id"] == given
        (line,) = lines()
        assert f" request_id={given} " in line

    @pytest.mark.parametrize(
        "given", ["", "a b", "x" * 201, 'a"b', "a,b", "ä", "a\tb", "<b>", "{x}", "a;b"]
    )
    async def test_id_that_cannot_stand_everywhere_is_replaced(self, post, lines, given):
        response = await post(body("hello"), X_Request_Id=given)
        found = response.headers["X-Request-Id"]
        assert found.startswith("req_")
        (line,) = lines()
        assert named(line)["request_id"] == found

    async def test_failure_has_it_in_each_of_its_lines(self, post, caplog):
        await post(body("failed"), X_Request_Id="mine-1")
        found = [r.getMessage() for r in caplog.records if r.name.startswith("cozeproxy.")]
        assert len(found) == 2
        assert all("mine-1" in line for line in found)

    async def test_ids_that_are_made_are_never_the_same(self, post):
        ids = {(await post(None, "/health", "GET")).headers["X-Request-Id"] for _ in range(20)}
        assert len(ids) == 20
