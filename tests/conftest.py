"""What the tests of the running service share.

shows_no_secret  in every test: no secret has been in an answer of the service, or in its log
sandbox          the stand-in for Coze, on the test's loop
settings         the service's settings, each secret one with a value that can be found again, keys
                 of callers where the test shows one; it may override the fixture `environment`
app              the service's routes, which pytest-tornado's http_server serves at base_url
api_key          what callers show
caller           the stock OpenAI SDK (asynchronous), set up as a user would
sync_caller      the same, blocking; to be used in a thread
"""

import asyncio

import hypothesis
import pytest

from cozeproxy.app import Service
from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import Settings
from tests.support import canaries, sdk
from tests.support.watch import Watch

# How long an example takes says something of the machine, and nothing of the code.
hypothesis.settings.register_profile("any-machine", deadline=None)
hypothesis.settings.load_profile("any-machine")

# By these tests ask the service with a key.
SHOWING_KEY = {"caller", "sync_caller", "post", "connect"}

# What secrets were shown, in words; emptied by each test.
shown = []


def pytest_configure():
    """Look at all that the service shows, from the first test to the last."""
    Watch(canaries.looked_for(), canaries.ACCESS_TOKENS, shown.append).install()


@pytest.fixture(autouse=True)
def shows_no_secret():
    """Fail a test in which a secret is shown, be it while the service ends."""
    shown.clear()
    yield
    assert shown == []


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
def settings(request, sandbox, environment):
    # A test that asks by means of its own has no key to show.
    shows_key = not SHOWING_KEY.isdisjoint(request.fixturenames)
    return Settings.from_env(
        {
            "COZE_BASE_URL": sandbox.base_url,
            "COZE_BOT_ID": Sandbox.BOT_ID,
            # Whatever else runs on this machine may have the usual one.
            "PORT": "0",
            # Something is made for each at the start, which takes its time, test for test.
            "MAX_CONCURRENT_REQUESTS": "50",
            **canaries.settings_for(environment, keys=shows_key),
        }
    )


@pytest.fixture
def app(request, io_loop, settings):
    service = Service(settings)
    yield service.app
    if "raw_coze" in request.fixturenames:
        # It takes no calls any more, and the service would wait for it to take its cancels.
        io_loop.run_sync(request.getfixturevalue("raw_coze").stop)
    io_loop.run_sync(service.stop)


@pytest.fixture
def api_key():
    """What callers show."""
    return canaries.CALLER_KEY


@pytest.fixture
def showing_key(environment, api_key):
    """Headers of a request, with the caller's key where a test says nothing of keys."""

    def showing_key(path, headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        says = {name.lower() for name in named} & {"authorization", "api-key"}
        if says or canaries.speaks_of_keys(environment) or not path.startswith("/v1/"):
            return named
        return {"Authorization": f"Bearer {api_key}", **named}

    return showing_key


@pytest.fixture
def caller(io_loop, http_server, base_url, api_key):  # noqa: ARG001 - it serves the caller
    caller = sdk.asynchronous(base_url=f"{base_url}/v1", api_key=api_key)
    yield caller
    io_loop.run_sync(caller.close)


@pytest.fixture
def sync_caller(http_server, base_url, api_key):  # noqa: ARG001 - it serves the caller
    with sdk.blocking(base_url=f"{base_url}/v1", api_key=api_key) as caller:
        yield caller


@pytest.fixture
def in_thread():
    """Run blocking code beside the loop that serves it."""
    return asyncio.to_thread
