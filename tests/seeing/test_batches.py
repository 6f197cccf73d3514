"""Lines of the log are written some at a time; none is late for long, out of order, or lost."""

import asyncio
import io
import logging
import time

import pytest
from tornado.httpclient import AsyncHTTPClient

from cozeproxy.observability.batches import MOST, BatchHandler, Line
from cozeproxy.observability.logs import JsonFormatter, TextFormatter
from tests.support.processes import COZEPROXY, Process

in_loop = pytest.mark.gen_test(timeout=20)


class Stream(io.StringIO):
    """Text that somebody may wait for."""

    def __init__(self):
        super().__init__()
        self.written = asyncio.Event()

    def write(self, text):
        super().write(text)
        self.written.set()


@pytest.fixture
def stream():
    return Stream()


@pytest.fixture
def handler(stream):
    handler = BatchHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler


@pytest.fixture(params=["by a record", "past loggers"])
def log(handler, request):
    """Logs a text at a level."""

    def log(text, level=logging.INFO):
        if request.param == "past loggers":
            handler.take(Line("a", level, text))
        else:
            handler.handle(logging.LogRecord("a", level, "", 0, text, None, None))

    return log


@in_loop
async def test_line_waits_for_others_but_not_for_long(log, stream):
    log("one")
    log("two")
    assert stream.getvalue() == ""
    await stream.written.wait()
    assert stream.getvalue() == "one\ntwo\n"
    stream.written.clear()
    log("three")
    assert stream.getvalue() == "one\ntwo\n"
    await stream.written.wait()
    assert stream.getvalue() == "one\ntwo\nthree\n"


@in_loop
@pytest.mark.parametrize("level", [logging.WARNING, logging.ERROR])
async def test_what_is_wrong_is_written_at_once_after_what_came_before(log, stream, level):
    log("before")
    log("wrong", level)
    assert stream.getvalue() == "before\nwrong\n"


@in_loop
async def test_no_more_wait_than_a_batch_has(log, stream):
    for number in range(MOST):
        log(str(number))
    assert stream.getvalue().splitlines() == [str(number) for number in range(MOST)]


@pytest.mark.parametrize("form", [TextFormatter(), JsonFormatter()])
def test_line_past_loggers_says_the_same_as_a_record_of_its_time(form):
    earliest = time.time()
    line = Line("a.b", logging.WARNING, "7\n")
    record = logging.LogRecord("a.b", logging.WARNING, "", 0, "7\n", None, None)
    assert earliest <= line.created <= record.created
    record.created = line.created
    assert form.format(line) == form.format(record)


def test_without_a_loop_that_would_come_back_a_line_is_written_at_once(log, stream):
    log("one")
    assert stream.getvalue() == "one\n"


@in_loop
async def test_stream_that_takes_nothing_ends_nothing(log, stream, capsys):
    stream.close()
    log("one", logging.WARNING)
    assert "closed file" in capsys.readouterr().err


@in_loop
async def test_service_that_runs_has_written_its_lines(tmp_path):
    with Process([*COZEPROXY, "serve", "--sandbox", "--port", "0"], tmp_path) as process:
        client, address = AsyncHTTPClient(), process.address()
        await client.fetch(f"{address}/v1/models")
        while " 200 GET /v1/models " not in process.complaints():
            await client.fetch(f"{address}/health")
