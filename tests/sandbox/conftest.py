import asyncio
import logging

import pytest

from cozeproxy.sandbox import Sandbox
from tests.sandbox.sdk import cozepy


@pytest.fixture
def sandbox(io_loop):
    made = Sandbox()

    async def start():
        made.listen()

    io_loop.run_sync(start)
    yield made
    io_loop.run_sync(made.stop)


@pytest.fixture
def coze(sandbox):
    with cozepy.SyncHTTPClient() as client:
        yield cozepy.Coze(
            cozepy.TokenAuth(sandbox.API_KEY), base_url=sandbox.base_url, http_client=client
        )


@pytest.fixture
def async_coze(sandbox, io_loop):
    client = cozepy.AsyncHTTPClient()
    yield cozepy.AsyncCoze(
        cozepy.AsyncTokenAuth(sandbox.API_KEY), base_url=sandbox.base_url, http_client=client
    )
    io_loop.run_sync(client.aclose)


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Hold the stand-in to silence: what it logs as a warning or worse is a bug of its own."""
    yield
    assert [
        record.getMessage()
        for record in [*caplog.get_records("setup"), *caplog.get_records("call")]
        if record.levelno >= logging.WARNING and record.name != "cozepy"
    ] == []


@pytest.fixture
def bounded():
    """Put an end to what would otherwise wait for ever; never a measure of anything."""

    def bound(awaitable):
        return asyncio.wait_for(awaitable, 5)

    return bound
