"""Bad requests of every kind: each is refused in OpenAI's shape, and the next one is served."""

import asyncio

import pytest

from tests.faults.bad_requests import BAD, GOOD
from tests.faults.raw_caller import request
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=15)


def test_table_is_as_long_as_it_should_be():
    assert len(BAD) >= 150


@pytest.mark.parametrize(("sent", "status", "param"), BAD.values(), ids=BAD.keys())
async def test_bad_request_is_a_4xx_and_the_next_one_is_served(dial, upstream, sent, status, param):
    caller = await dial()
    await caller.send(sent)
    response = await answer_to(caller)
    if response:
        assert 400 <= response.status < 500
        assert status in (..., response.status)
    if response and response.headers:
        assert response.error["type"] == "invalid_request_error"
        assert response.error["message"]
        assert param in (..., response.error["param"])
    goes_on = response and response.headers and response.headers.get("connection") != "close"
    caller = caller if goes_on else await dial()
    await caller.send(request(GOOD))
    await (await upstream.called()).answer(coze.answer("Fine"))
    assert (await caller.response()).status == 200
    # The good one has been the only one that came through.
    assert upstream.accepted == 1


async def answer_to(caller):
    """A response; without headers, where it is Tornado's own; none, where there was none."""
    try:
        response = await caller.head()
    except asyncio.IncompleteReadError as error:
        return check_silence(error.partial)
    if response.headers:
        response.body = await caller.body_of(response)
    else:
        assert response.status == 400
        check_silence(await caller.closed())
    return response


def check_silence(came):
    assert came == b""
