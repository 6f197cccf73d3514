"""The log of a service as a whole: text for people, JSON for programs, from a level on."""

import json
import logging
import re
from datetime import UTC, datetime

import openai
import pytest

from cozeproxy.observability.logs import JsonFormatter, TextFormatter
from tests.seeing.reading import named
from tests.support import sdk
from tests.support.processes import COZEPROXY, Process

SERVE = [*COZEPROXY, "serve", "--sandbox", "--port", "0"]
# With the tokens inside the stream its line waits for nothing.
STREAM = {"stream": True, "stream_options": {"include_usage": True}}
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
FORGED = "2026-01-01T00:00:00.000Z INFO cozeproxy.access 200 GET /forged"


@pytest.fixture
def logged(tmp_path):
    """What a service logs that answers, fails, is asked for nothing, and stops."""

    def logged(**environment):
        with Process(SERVE, tmp_path, **environment) as process:
            address = process.address()
            with sdk.blocking(base_url=f"{address}/v1", api_key="any-string") as caller:
                asked = {"messages": [{"role": "user", "content": "Hi"}]}
                caller.chat.completions.create(model="bot-hello", **asked)
                list(caller.chat.completions.create(model="bot-hello", **asked, **STREAM))
                with pytest.raises(openai.InternalServerError):
                    caller.chat.completions.create(model="bot-failed", **asked)
                with pytest.raises(openai.NotFoundError):
                    caller.get("/no%0Awhere", cast_to=str)
                caller.with_options(base_url=address).get("/health", cast_to=str)
            assert process.end() == 0
            lines = process.complaints().splitlines()
            return [line for line in lines if "stopping: open answers" not in line]

    return logged


def test_text_has_time_level_logger_and_message(logged):
    lines = logged()
    pattern = rf"({STAMP}) (INFO|WARNING) (cozeproxy\.\w+) (.+)"
    found = [re.fullmatch(pattern, line).groups() for line in lines]
    assert [(level, name, said.split()[0]) for _, level, name, said in found[:2]] == [
        ("INFO", "cozeproxy.access", "200"),
        ("INFO", "cozeproxy.access", "200"),
    ]
    assert sorted((level, name) for _, level, name, _ in found[2:]) == [
        ("INFO", "cozeproxy.access"),
        ("WARNING", "cozeproxy.access"),
        ("WARNING", "cozeproxy.upstream"),
    ]
    passed = datetime.now(UTC) - datetime.fromisoformat(found[0][0])
    assert 0 <= passed.total_seconds() < 60


def test_json_has_the_same_with_a_name_for_each_part(logged):
    objects = [json.loads(line) for line in logged(LOG_FORMAT="json")]
    assert all(re.fullmatch(STAMP, found["time"]) for found in objects)
    answered = [found for found in objects if found["logger"] == "cozeproxy.access"]
    assert [found["status"] for found in answered] == [200, 200, 502, 404]
    whole, streamed, failed, _ = answered
    assert whole.keys() == {
        *("time", "level", "logger", "status", "method", "path", "ms", "ended", "request_id"),
        *("model", "type", "bot", "tokens_in", "tokens_out", "logid"),
    }
    assert whole["path"] == "/v1/chat/completions"
    assert (whole["tokens_in"], whole["tokens_out"]) == (1, 2)
    assert 0 < streamed["first_token_ms"] <= streamed["ms"]
    assert (failed["level"], failed["ended"], failed["code"]) == ("WARNING", "error", 5000)
    (reason,) = [found for found in objects if found["logger"] == "cozeproxy.upstream"]
    assert reason["message"].startswith(failed["request_id"])


def test_both_forms_name_the_same_parts(logged):
    text = [named(line.partition(" cozeproxy.access ")[2]) for line in logged() if "access" in line]
    objects = [json.loads(line) for line in logged(LOG_FORMAT="json") if "access" in line]
    first = {"time", "level", "logger", "status", "method", "path", "ms", "ended"}
    assert [list(parts) for parts in text] == [
        [name for name in found if name not in first] for found in objects
    ]


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("debug", {"DEBUG", "INFO", "WARNING"}),
        ("info", {"INFO", "WARNING"}),
        ("WARNING", {"WARNING"}),
        ("error", set()),
    ],
)
def test_less_than_the_level_is_not_logged(logged, level, seen):
    lines = logged(LOG_LEVEL=level)
    assert {line.split()[1] for line in lines} == seen
    assert ("/health" in str(lines)) == ("DEBUG" in seen)


def test_without_logging_there_are_failures_and_no_requests(logged):
    (line,) = logged(ENABLE_LOGGING="false")
    assert " cozeproxy.upstream " in line


@pytest.fixture
def crash():
    """The record of an exception that quotes what would be a line of the log."""
    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError(f"a bug\n{FORGED}\r{FORGED}\x1b[31m")
    error = (caught.type, caught.value, caught.tb)
    return logging.LogRecord("cozeproxy", 40, "", 0, "it %s", (f"broke\n{FORGED}",), error)


def test_traceback_in_text_cannot_pass_for_lines(crash):
    first, *below = TextFormatter().format(crash).splitlines()
    assert first.endswith(rf"ERROR cozeproxy it broke\n{FORGED}")
    assert any("RuntimeError: a bug" in line for line in below)
    assert all(line.startswith("    ") and line.isprintable() for line in below)


def test_traceback_in_json_is_in_its_line(crash):
    (line,) = JsonFormatter().format(crash).splitlines()
    found = json.loads(line)
    assert found["message"] == f"it broke\n{FORGED}"
    assert found["traceback"].startswith("Traceback")
    assert f"a bug\n{FORGED}" in found["traceback"]


def test_milliseconds_are_those_of_the_record():
    formatter = TextFormatter()
    record = logging.LogRecord("a", 20, "", 0, "b", None, None)
    for created, stamp in [
        (1767225599.9996, "2025-12-31T23:59:59.999Z"),
        (1767225600.0, "2026-01-01T00:00:00.000Z"),
        (1767225599.25, "2025-12-31T23:59:59.250Z"),
    ]:
        record.created = created
        assert formatter.format(record).split()[0] == stamp
