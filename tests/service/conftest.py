"""What the tests of the running service share, beside tests/conftest.py.

sdk        the stock SDK, asynchronous and blocking in turn: whole(...) and streamed(...)
post       a request with any body, over plain HTTP; the whole response
connect    a request on a connection of its own, read as it comes
engine     both ways in which pieces come from libcurl; named by the tests of streams
raw_coze   a server in Coze's place that says what the test says, when it says it
"""

import json
import logging
from types import SimpleNamespace

import pytest

from cozeproxy.upstream.stream import UpstreamStream
from tests.service.asking import chunks_of
from tests.service.exchange import PATH, Exchange
from tests.service.raw_coze import RawCoze
from tests.support.described import Description

# All that is asked here over plain HTTP is held against it.
DESCRIPTION = Description()


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Hold the service to silence: no bug is logged, whatever was asked."""
    caplog.set_level(logging.INFO)
    yield
    records = caplog.get_records("call")
    assert [r.getMessage() for r in records if r.levelno >= logging.ERROR or r.exc_info] == []


@pytest.fixture(params=[True, False], ids=["own callbacks", "Tornado's callbacks"])
def engine(request, monkeypatch):
    monkeypatch.setattr(UpstreamStream, "takes_over", request.param)


@pytest.fixture(params=["asynchronous", "blocking"])
def sdk(request, caller, sync_caller, in_thread):
    async def whole(**asked):
        return await caller.chat.completions.create(**asked)

    async def streamed(**asked):
        return await chunks_of(await caller.chat.completions.create(**asked, stream=True))

    async def whole_blocking(**asked):
        return await in_thread(lambda: sync_caller.chat.completions.create(**asked))

    async def streamed_blocking(**asked):
        create = sync_caller.chat.completions.create
        return await in_thread(lambda: list(create(**asked, stream=True)))

    if request.param == "asynchronous":
        return SimpleNamespace(whole=whole, streamed=streamed)
    return SimpleNamespace(whole=whole_blocking, streamed=streamed_blocking)


@pytest.fixture
def post(http_client, base_url, showing_key):
    async def post(body, path="/v1/chat/completions", method="POST", **headers):
        response = await http_client.fetch(
            base_url + path,
            method=method,
            body=body if body is None or isinstance(body, bytes | str) else json.dumps(body),
            headers=showing_key(path, headers),
            raise_error=False,
            allow_nonstandard_methods=True,
        )
        DESCRIPTION.check(response.request, response)
        return response

    return post


@pytest.fixture
def connect(request, io_loop, http_port, showing_key):
    request.getfixturevalue("http_server")
    opened = []

    async def connect(body, *, path=PATH, receive_buffer=None, **headers):
        exchange = await Exchange.open(
            http_port, body, showing_key(path, headers), path=path, receive_buffer=receive_buffer
        )
        opened.append(exchange)
        return exchange

    yield connect
    for exchange in opened:
        io_loop.run_sync(exchange.close)


@pytest.fixture
def raw_coze(io_loop):
    raw_coze = RawCoze()
    io_loop.run_sync(raw_coze.listen)
    yield raw_coze
    io_loop.run_sync(raw_coze.stop)
