"""What the tests of the running service share.

sandbox        the stand-in for Coze, on the test's loop
settings       the service's settings; a test may override the fixture `environment`
app            the service's routes, which pytest-tornado's http_server serves at base_url
caller         the stock OpenAI SDK (asynchronous), set up as a user would
sync_caller    the same, blocking; to be used in a thread
"""

import asyncio

import hypothesis
import openai
import pytest

from cozeproxy.app import Service
from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import Settings

# How long an example takes says something of the machine, and nothing of the code.
hypothesis.settings.register_profile("any-machine", deadline=None)
hypothesis.settings.load_profile("any-machine")


@pytest.fixture
def sandbox(io_loop):
    sandbox = Sandbox()

    async def listen():
        sandbox.listen()

    io_loop.run_sync(listen)
    yield sandbox
    io_loop.run_sync(sandbox.stop)


@pytest.fixture
def environment():
    """Variables that a test sets beside those that lead to the stand-in."""
    return {}


@pytest.fixture
def settings(sandbox, environment):
    return Settings.from_env(
        {
            "COZE_API_KEY": Sandbox.API_KEY,
            "COZE_BASE_URL": sandbox.base_url,
            "COZE_BOT_ID": Sandbox.BOT_ID,
            **environment,
        }
    )


@pytest.fixture
def app(io_loop, settings):
    service = Service(settings)
    yield service.app
    io_loop.run_sync(service.stop)


@pytest.fixture
def caller(io_loop, http_server, base_url):  # noqa: ARG001 - it serves what the caller asks
    caller = openai.AsyncOpenAI(base_url=f"{base_url}/v1", api_key="any-string", max_retries=0)
    yield caller
    io_loop.run_sync(caller.close)


@pytest.fixture
def sync_caller(http_server, base_url):  # noqa: ARG001 - it serves what the caller asks
    with openai.OpenAI(base_url=f"{base_url}/v1", api_key="any-string", max_retries=0) as caller:
        yield caller


@pytest.fixture
def in_thread():
    """Run blocking code beside the loop that serves it."""
    return asyncio.to_thread
