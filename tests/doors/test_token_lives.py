"""The lives of OAuth tokens, seen from outside: by callers over HTTP, at a time that tests drive.

The stand-in goes by the same time as the service, so that it refuses what is dead.
"""

import asyncio
import itertools
import json
import time

import pytest

from cozeproxy.sandbox import Sandbox
from tests.doors.access import bearer
from tests.doors.held import HeldEndpoint
from tests.service.asking import body, error_of
from tests.support.canaries import ADMIN_KEY
from tests.upstream.timing import Clock

pytestmark = pytest.mark.gen_test(timeout=30)

# Seconds. In real time the service looks for what is due as often as if it were real.
LIFE = 24
# Requests at a time.
LOAD = 6


@pytest.fixture
def clock():
    """A time that lies a little ahead, so that what is left of a life is told by it alone."""
    clock = Clock()
    # JWTs are signed with the real time, and good for an hour.
    clock.now = int(time.time()) + 60.0
    return clock


@pytest.fixture
def sandbox(io_loop, clock):
    sandbox = Sandbox(clock=clock)

    async def listen():
        sandbox.listen()

    io_loop.run_sync(listen)
    yield sandbox
    io_loop.run_sync(sandbox.stop)


@pytest.fixture
def endpoint(io_loop, sandbox, clock):
    async def make():
        return HeldEndpoint(sandbox, clock)

    return io_loop.run_sync(make)


@pytest.fixture
def environment(oauth_app):
    return {**oauth_app, "COZE_JWT_TTL": str(LIFE), "PORT": "0"}


@pytest.fixture
def load(post):
    """Requests at the same time; gives their responses."""

    async def load():
        asked = [body("hello", stream=bool(number % 2)) for number in range(LOAD)]
        return await asyncio.gather(*(post(each) for each in asked))

    return load


@pytest.fixture
def health(post):
    """What the service says of its token, which is no reason to get one."""

    async def health():
        response = await post(None, "/health", "GET", **bearer(ADMIN_KEY))
        return json.loads(response.body)["jwt"]

    return health


def served(responses):
    return [response.code for response in responses] == [200] * LOAD


async def test_start_does_not_wait_for_the_first_token_and_requests_wait_for_that_one(
    service, endpoint, post, load
):
    endpoint.hold()
    service.start()
    await endpoint.asked(1)
    assert (await post(None, "/health", "GET")).code == 200
    loading = asyncio.create_task(load())
    assert (await post(None, "/health", "GET")).code == 200
    assert not loading.done()
    endpoint.release()
    assert served(await loading)
    assert len(endpoint.times) == 1


async def test_over_ten_lives_under_load_no_request_waits_for_an_exchange_and_none_fails(
    service, endpoint, load, clock
):
    service.start()
    assert served(await load())
    began = clock.now
    while clock.now < began + 10 * LIFE:
        clock.now += 1
        # Whoever waited for an exchange would wait for ever.
        endpoint.hold()
        assert served(await load())
        endpoint.release()
    assert 10 <= len(endpoint.times) <= 14


async def test_service_that_nobody_asks_has_a_good_token_when_the_next_request_comes(
    service, endpoint, load, health, clock
):
    service.start()
    for count in (1, 2, 3):
        await endpoint.asked(count)
        while (await health())["expiresIn"] != LIFE:
            pass
        clock.now += 0.85 * LIFE
    # The first of these tokens has been dead for a while.
    await endpoint.asked(4)
    endpoint.hold()
    assert served(await load())


async def test_outage_is_not_noticed_to_the_last_second_of_the_token_and_ends_by_itself(
    service, sandbox, endpoint, load, health, clock
):
    service.start()
    assert served(await load())
    sandbox.tokens.outage = True
    born = clock.now
    while clock.now < born + LIFE - 2:
        clock.now += 0.5
        assert served(await load())
    clock.now = born + LIFE - 1.01
    assert served(await load())
    clock.now += 0.01
    for response in await load():
        assert response.code == 502
        error = error_of(response)
        assert error["code"] == "upstream_error"
        assert "No access token could be had: Coze answered internal_error" in error["message"]
        # SDKs try again.
        assert "X-Should-Retry" not in response.headers
    sandbox.tokens.outage = False
    # Longer than any pause between two attempts; nobody asks.
    clock.now += 61
    while not (await health())["isValid"]:
        pass
    endpoint.hold()
    assert served(await load())


async def test_while_requests_wait_there_are_three_seconds_at_most_between_two_attempts(
    post, sandbox, endpoint, load, clock
):
    sandbox.tokens.outage = True
    # So many failures that the pause after them would be a minute.
    for _ in range(8):
        assert (await post(b"", "/refresh_jwt", "POST", **bearer(ADMIN_KEY))).code == 502
    failed = endpoint.times[-1]
    while clock.now < failed + 60:
        assert {response.code for response in await load()} == {502}
    pauses = [b - a for a, b in itertools.pairwise(endpoint.times[7:])]
    assert set(pauses) == {3}
    # The last requests may come too late for the attempt of those that came with them.
    assert len(pauses) >= 20
