"""Wrong keys, missing keys, and floods of them: refused at the door, and never repeated."""

import asyncio

import pytest

from tests.faults.conftest import CALLER_KEY
from tests.faults.raw_caller import CHAT, request
from tests.service.asking import body
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=30)

FLOOD = 1000
AT_A_TIME = 50
WRONG = "sk-wrong-canary"


@pytest.fixture
def environment():
    return {"PROXY_API_KEYS": CALLER_KEY}


def bearer(key):
    return f"Authorization: Bearer {key}"


def check_refused(response):
    assert response.status == 401
    assert response.error["code"] == "invalid_api_key"
    assert response.headers["x-should-retry"] == "false"
    assert "canary" not in str(response.headers) + response.body.decode()


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("Authorization: ",),
        ("Authorization: Bearer",),
        ("Authorization: Bearer ",),
        (f"Authorization: {CALLER_KEY}",),
        (f"Authorization: Basic {CALLER_KEY}",),
        (bearer(WRONG),),
        (bearer(CALLER_KEY + "x"),),
        (bearer(CALLER_KEY[:-1]),),
        (bearer(CALLER_KEY.upper()),),
        (bearer(f"{WRONG},{CALLER_KEY}"),),
        (bearer(WRONG), bearer(CALLER_KEY)),
        (b"Authorization: Bearer \xff\xfe",),
        (f"x-api-key: {CALLER_KEY}",),
        (f"api-key: {WRONG}",),
        (bearer("x" * 60_000),),
    ],
)
async def test_request_without_the_key_is_a_401_and_no_call(dial, upstream, caplog, lines):
    caller = await dial()
    check_refused(await caller.ask(body("7"), CHAT, "POST", *lines))
    check_refused(await caller.ask(b"", "/v1/models", "GET", *lines))
    assert upstream.accepted == 0
    assert "canary" not in caplog.text


async def test_key_is_looked_at_before_the_body(dial, upstream):
    caller = await dial()
    await caller.send(request(b"", CHAT, "POST", bearer(WRONG), "Content-Length: 30000000"))
    check_refused(await caller.response())
    assert upstream.accepted == 0


async def test_flood_of_wrong_keys_leaves_those_with_a_good_one_alone(dial, upstream):
    async def flood(number):
        caller = await dial()
        for i in range(FLOOD // AT_A_TIME):
            check_refused(await caller.ask(body("7"), CHAT, "POST", bearer(f"{WRONG}{number}-{i}")))

    flooding = [asyncio.create_task(flood(number)) for number in range(AT_A_TIME)]
    caller = await dial()
    for _ in range(10):
        await caller.send(request(body("7"), CHAT, "POST", bearer(CALLER_KEY)))
        await (await upstream.called()).answer(coze.answer("Fine"))
        assert (await caller.response()).status == 200
    await asyncio.gather(*flooding)
    assert upstream.accepted == 1
