"""What the tests of faults share, beside tests/conftest.py.

upstream     a scripted server in Coze's place: raw_upstream.py
environment  variables that a test sets beside those that lead to it; overridden by tests
service      the service, on this loop, with its own listener
port         where it listens
dial         opens a connection to it: raw_caller.py
dial_to      opens one to what listens at a port
serve        starts `cozeproxy serve` as a process of its own, in front of the upstream
quiet        holds the service to silence: no bug is logged, and no key
"""

import logging
from functools import partial
from urllib.parse import urlsplit

import pytest

from cozeproxy.app import Service
from cozeproxy.settings import Settings
from tests.faults.raw_caller import RawCaller
from tests.faults.raw_upstream import RawUpstream
from tests.support import canaries
from tests.support.processes import COZEPROXY, Process

API_KEY = canaries.SETTINGS["COZE_API_KEY"]
CALLER_KEY = canaries.CALLER_KEY


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.INFO)
    yield
    records = caplog.get_records("call")
    assert [r.getMessage() for r in records if r.levelno >= logging.ERROR or r.exc_info] == []
    assert API_KEY not in caplog.text
    assert CALLER_KEY not in caplog.text


@pytest.fixture
def upstream(io_loop):
    async def make():
        upstream = RawUpstream()
        await upstream.listen()
        return upstream

    upstream = io_loop.run_sync(make)
    yield upstream
    io_loop.run_sync(upstream.stop)


@pytest.fixture
def environment():
    return {}


@pytest.fixture
def variables(upstream, environment):
    return {
        "COZE_API_KEY": API_KEY,
        "COZE_BASE_URL": upstream.base_url,
        "COZE_BOT_ID": "7",
        "PORT": "0",
        **environment,
    }


@pytest.fixture
def service(io_loop, variables):
    async def make():
        return Service(Settings.from_env(variables))

    service = io_loop.run_sync(make)
    yield service
    io_loop.run_sync(service.stop)


@pytest.fixture
def port(io_loop, service):
    async def start():
        return service.start()

    return io_loop.run_sync(start)


@pytest.fixture
def dial_to(io_loop):
    opened = []

    async def dial_to(port, **options):
        caller = await RawCaller.open(port, **options)
        opened.append(caller)
        return caller

    yield dial_to
    for caller in opened:
        io_loop.run_sync(caller.close)


@pytest.fixture
def dial(dial_to, port):
    return partial(dial_to, port)


@pytest.fixture
def serve(variables, tmp_path):
    """Start the service as a process; gives it, and its port."""
    started = []

    def serve(*arguments, **more):
        command = [*COZEPROXY, "serve", *arguments]
        process = Process(command, tmp_path, **variables | more).__enter__()
        started.append(process)
        return process, urlsplit(process.address()).port

    yield serve
    for process in started:
        process.__exit__()
