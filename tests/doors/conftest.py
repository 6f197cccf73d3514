"""What the tests of the doors share, beside tests/conftest.py.

quiet       no bug is logged
post        of tests/service: a request with any body, over plain HTTP; the whole response
connect     of tests/service: a request on a connection of its own, read as it comes
raw_coze    of tests/service: a server in Coze's place that says what the test says
ask         of tests/types: the stock SDK, for whole answers and for chunks in turn
elsewhere   of tests/support/copies.py: the stock SDK in front of a copy, which has no limits
clock       the time by which the service's tokens grow old
service     the service whose routes the tests ask
oauth_app   the variables of an OAuth app that the stand-in knows
answers     makes the requests of a table; gives each answer with the name that it has there
grown_old   gets a token, by a request, and lets it grow old
"""

import logging

import pytest

from cozeproxy.app import Service
from cozeproxy.upstream.session import Timing
from tests.service.asking import body
from tests.service.conftest import connect, post, raw_coze  # noqa: F401 - fixtures
from tests.support.copies import elsewhere  # noqa: F401 - a fixture
from tests.types.conftest import ask  # noqa: F401 - a fixture
from tests.upstream.keys import APP_ID, KEY, KEY_ID, OAUTH, public_pem
from tests.upstream.timing import Clock

# A refused token must be older than this, or it is no use to exchange it. Seconds.
OLD = 11.0


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.INFO)
    yield
    records = caplog.get_records("call")
    assert [r.getMessage() for r in records if r.levelno >= logging.ERROR or r.exc_info] == []


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def service(io_loop, settings, clock):
    service = Service(settings, Timing(clock=clock, sleep=clock.sleep, random=lambda: 0.5))
    yield service
    io_loop.run_sync(service.stop)


@pytest.fixture
def app(service):
    return service.app


@pytest.fixture
def oauth_app(sandbox):
    sandbox.register_oauth_app(APP_ID, KEY_ID, public_pem(KEY))
    return OAUTH


@pytest.fixture
def grown_old(post, clock, sandbox):  # noqa: F811 - the fixture
    """Get a token, by a request, and let it grow old; forgets what has arrived by then."""

    async def grown_old():
        assert (await post(body("hello"))).code == 200
        clock.now += OLD
        sandbox.records.clear()

    return grown_old


@pytest.fixture
def answers(post):  # noqa: F811 - the fixture
    async def answers(table, **headers):
        found = {}
        for name, (path, method, data, status) in table.items():
            found[name] = await post(data, path, method, **headers)
            assert found[name].code == status, name
        return found.items()

    return answers
