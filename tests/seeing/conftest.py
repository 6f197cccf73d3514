"""What the tests of log and metrics share, beside tests/conftest.py.

quiet, post, connect, raw_coze, clock, service, app, oauth_app, grown_old   of tests/doors
scraped   the metrics as they are now
until     waits until the metrics are as a test wants them
lines     the access log so far; until_lines waits for so many of them
"""

import logging

import pytest

from tests.doors.conftest import (  # noqa: F401 - fixtures
    app,
    clock,
    connect,
    grown_old,
    oauth_app,
    post,
    quiet,
    raw_coze,
    service,
)
from tests.seeing.reading import Numbers


@pytest.fixture
def environment():
    return {"METRICS_PUBLIC": "true"}


@pytest.fixture
def scraped(post):  # noqa: F811 - the fixture
    async def scraped():
        response = await post(None, "/metrics", "GET")
        assert response.code == 200
        return Numbers(response.body.decode())

    return scraped


@pytest.fixture
def until(scraped):
    async def until(condition):
        while not condition(numbers := await scraped()):
            pass
        return numbers

    return until


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.DEBUG, "cozeproxy.access")

    def lines(level=logging.INFO):
        found = [r for r in caplog.records if r.name == "cozeproxy.access" and r.levelno >= level]
        return [record.getMessage() for record in found]

    return lines


@pytest.fixture
def until_lines(lines, post):  # noqa: F811 - the fixture
    async def until_lines(count):
        while len(lines()) < count:
            # A round trip lets happen what can.
            await post(None, "/health", "GET")
        return lines()

    return until_lines
