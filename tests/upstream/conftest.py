"""What the tests of credentials share.

clock        a time that the test sets
sandbox      the stand-in for Coze, which goes by that time and knows the OAuth app
endpoint     a token endpoint that says what the test says
tls          an endpoint behind TLS, and the certificate of its authority
http_proxy   a proxy that the environment names
manager      makes a TokenManager, in front of the stand-in unless told otherwise
"""

import logging
import ssl
import time

import pytest

from cozeproxy.sandbox import Sandbox
from cozeproxy.upstream.assertion import OAuthApp, audience_of
from cozeproxy.upstream.exchange import Exchange, Terms
from cozeproxy.upstream.session import Timing
from cozeproxy.upstream.tokens import TokenManager
from tests.upstream.certificates import certificates
from tests.upstream.endpoint import Endpoint
from tests.upstream.keys import APP_ID, KEY, KEY_ID, public_pem
from tests.upstream.timing import Clock


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Hold everything to silence: no bug is logged."""
    caplog.set_level(logging.INFO)
    yield
    records = caplog.get_records("call")
    assert [r.getMessage() for r in records if r.levelno >= logging.ERROR or r.exc_info] == []


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def real_time():
    """Whether the stand-in goes by the real time; to be overridden by parametrizing it."""
    return False


@pytest.fixture
def sandbox(io_loop, clock, real_time):
    sandbox = Sandbox(clock=time.time if real_time else clock)
    sandbox.register_oauth_app(APP_ID, KEY_ID, public_pem(KEY))

    async def listen():
        sandbox.listen()

    io_loop.run_sync(listen)
    yield sandbox
    io_loop.run_sync(sandbox.stop)


@pytest.fixture
def endpoint(io_loop):
    endpoint = Endpoint()
    io_loop.run_sync(endpoint.listen)
    yield endpoint
    io_loop.run_sync(endpoint.stop)


@pytest.fixture
def exchange(io_loop, clock, sandbox):
    """Makes an exchange; its arguments beside the address are those of Terms."""
    made = []

    def make(base_url=None, *, app=None, wall=clock, **terms):
        base_url = base_url or sandbox.base_url
        app = app or OAuthApp(APP_ID, KEY_ID, KEY, audience_of(base_url))
        made.append(Exchange(Terms(base_url, app, **{"seconds": 900, **terms}), wall=wall))
        return made[-1]

    yield make
    for each in made:
        io_loop.run_sync(each.close)


@pytest.fixture
def manager(io_loop, clock, exchange):
    """Makes a TokenManager; `seconds` is the life that it asks for."""
    made = []

    def make(base_url=None, *, seconds=900, per_user=False, timing=None, **options):
        timing = timing or Timing(clock=clock, sleep=clock.sleep, random=lambda: 0.5)
        made.append(
            TokenManager(
                exchange(base_url, seconds=seconds, **options),
                seconds,
                "openai-proxy",
                per_user=per_user,
                timing=timing,
            )
        )
        return made[-1]

    yield make
    for each in made:
        io_loop.run_sync(each.stop)


@pytest.fixture
def tls(tmp_path, io_loop):
    """An endpoint behind TLS, and the file with the certificate that has signed its own."""
    ca_file, server_file = certificates(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server_file)
    endpoint = Endpoint(context)
    io_loop.run_sync(endpoint.listen)
    yield endpoint, ca_file
    io_loop.run_sync(endpoint.stop)


@pytest.fixture
def http_proxy(io_loop, monkeypatch):
    """A proxy that the environment names."""
    for name in ("http_proxy", "all_proxy", "no_proxy", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    proxy = Endpoint()
    io_loop.run_sync(proxy.listen)
    monkeypatch.setenv("http_proxy", proxy.base_url)
    yield proxy
    io_loop.run_sync(proxy.stop)
