"""Lines of the log are written some at a time; none is late for long, out of order, or lost."""

import asyncio
import io
import logging
import time

import pytest
from tornado.httpclient import AsyncHTTPClient

from cozeproxy.observability.batches import MOST, BatchHandler, Line
from cozeproxy.observability.logs import JsonFormatter, TextFormatter, write
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


@pytest.fixture
def log(handler):
    """Logs a text at a level."""

    def log(text, level=logging.INFO):
        handler.handle(Line("a", level, text))

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
async def test_line_is_written_before_a_tenth_of_a_second_is_over(log, stream):
    # Both are timers of one loop: which is first does not depend on how fast all this is.
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, over.set)
    log("one")
    await stream.written.wait()
    assert not over.is_set()


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


@in_loop
async def test_line_that_cannot_be_written_takes_no_other_with_it(handler, log, stream, capsys):
    log("before")
    handler.handle(logging.LogRecord("b", logging.INFO, "", 0, "of %d", ("text",), None))
    log("after", logging.WARNING)
    assert stream.getvalue() == "before\nafter\n"
    assert "Arguments: ('text',)" in capsys.readouterr().err


FORMS = [TextFormatter(), JsonFormatter(), logging.Formatter("%(asctime)s %(name)s %(message)s")]


@pytest.mark.parametrize("form", FORMS)
def test_line_says_the_same_as_a_record_of_its_time(form):
    earliest = time.time()
    line = Line("a.b", logging.WARNING, "7\n")
    record = logging.LogRecord("a.b", logging.WARNING, "", 0, "7\n", None, None)
    assert earliest <= line.created <= record.created
    record.created, record.msecs = line.created, line.msecs
    assert int(line.created * 1000) % 1000 == pytest.approx(line.msecs, abs=1)
    assert form.format(line) == form.format(record)


def test_line_has_whatever_a_form_asks_for():
    record = logging.LogRecord("a", logging.INFO, "", 0, "7", None, None)
    form = logging.Formatter(" ".join(f"%({name})s" for name in vars(record)))
    assert form.format(Line("a", logging.INFO, "7"))


class TestWhereLinesGo:
    """Whoever runs the service in a program of their own, has what ``logging`` offers."""

    @pytest.fixture
    def logger(self):
        logger = logging.Logger("a", logging.INFO)  # noqa: LOG001 - one that nobody else gets
        logger.parent = logging.root
        return logger

    @pytest.fixture
    def own(self, logger):
        own = logging.StreamHandler(io.StringIO())
        logger.addHandler(own)
        return own.stream

    def test_handler_of_a_logger_has_them(self, logger, own):
        write(logger, logging.INFO, "7")
        assert own.getvalue() == "7\n"

    def test_filter_of_a_logger_keeps_them_back(self, logger, own):
        logger.addFilter(lambda _: False)
        write(logger, logging.INFO, "7")
        assert own.getvalue() == ""

    def test_those_below_its_level_are_none(self, logger, own):
        write(logger, logging.DEBUG, "7")
        assert own.getvalue() == ""


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
