"""Lines of the log are written some at a time; none is late for long, out of order, or lost."""

import asyncio
import io
import logging
import os
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
    loop = asyncio.get_running_loop()
    seen = loop.create_future()
    loop.call_later(0.1, lambda: seen.set_result(stream.getvalue()))
    log("one")
    assert await seen == "one\n"


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


@pytest.mark.parametrize("form", [TextFormatter(), JsonFormatter()])
def test_line_says_the_same_as_a_record_of_its_time(form):
    earliest = time.time()
    line = Line("a.b", logging.WARNING, "7\n")
    record = logging.LogRecord("a.b", logging.WARNING, "", 0, "7\n", None, None)
    assert earliest <= line.created <= record.created
    record.created = line.created
    assert form.format(line) == form.format(record)


class TestWhereLinesGo:
    """By default to the service's log; whoever sets up more, has what ``logging`` offers."""

    @pytest.fixture
    def handlers(self, handler):
        """Of the root."""
        handler.setFormatter(TextFormatter())
        return [handler]

    @pytest.fixture
    def write(self, handlers, monkeypatch):
        """Write a line without the handlers that pytest has added by then."""

        def write_line(*args):
            with monkeypatch.context() as patch:
                patch.setattr(logging.root, "handlers", handlers)
                write(*args)

        return write_line

    @pytest.fixture
    def parent(self):
        parent = logging.Logger("a", logging.INFO)  # noqa: LOG001 - one that nobody else gets
        parent.parent = logging.root
        return parent

    @pytest.fixture(params=["itself", "its parent"])
    def at(self, request, logger, parent):
        """The logger where something is set up."""
        return logger if request.param == "itself" else parent

    @pytest.fixture
    def logger(self, parent):
        logger = logging.Logger("a.b")  # noqa: LOG001
        logger.parent = parent
        return logger

    @pytest.fixture
    def other(self):
        """A handler that wants all that a record has."""
        other = logging.StreamHandler(io.StringIO())
        names = vars(logging.makeLogRecord({}))
        other.setFormatter(logging.Formatter(" ".join(f"%({name})s" for name in names)))
        return other

    def test_service_has_them(self, write, logger, stream):
        write(logger, logging.INFO, "7")
        assert stream.getvalue().endswith(" INFO a.b 7\n")

    def test_those_below_the_level_are_none(self, write, logger, stream):
        write(logger, logging.DEBUG, "7")
        assert stream.getvalue() == ""

    def test_those_below_the_level_of_the_log_are_none(self, write, logger, handler, stream):
        handler.setLevel(logging.WARNING)
        write(logger, logging.INFO, "7")
        write(logger, logging.WARNING, "8")
        assert stream.getvalue().endswith(" WARNING a.b 8\n")

    def test_filter_of_the_log_keeps_them_back(self, write, logger, handler, stream):
        handler.addFilter(lambda _: False)
        write(logger, logging.INFO, "7")
        assert stream.getvalue() == ""

    def test_handler_of_a_logger_has_them_too(self, write, logger, at, other, stream):
        at.addHandler(other)
        write(logger, logging.INFO, "7")
        assert {"a.b", "7", str(os.getpid())} <= set(other.stream.getvalue().split())
        assert stream.getvalue().endswith(" INFO a.b 7\n")

    def test_other_handler_of_all_has_them_too(self, write, handlers, logger, other, stream):
        handlers.append(other)
        write(logger, logging.INFO, "7")
        assert "a.b" in other.stream.getvalue()
        assert stream.getvalue().endswith(" INFO a.b 7\n")

    def test_filter_of_a_logger_keeps_them_back(self, write, logger, stream):
        logger.addFilter(lambda _: False)
        write(logger, logging.INFO, "7")
        assert stream.getvalue() == ""

    def test_logger_may_keep_them_to_itself(self, write, logger, at, stream):
        at.propagate = False
        write(logger, logging.INFO, "7")
        assert stream.getvalue() == ""


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
