"""How many requests a key may have open: one too many is refused, and whoever ends makes room."""

import json

import openai
import pytest

from tests.doors.access import ANN, BOB, bearer, digest, keys_file
from tests.service.asking import body, error_of, to
from tests.types.asking import arrived

pytestmark = pytest.mark.gen_test(timeout=15)

# More than the service could need to notice that a caller has left.
MANY = 1000


@pytest.fixture
def environment(tmp_path):
    one = {"sha256": digest(ANN), "max_concurrent": 1}
    return {
        "PROXY_KEYS_FILE": keys_file(
            tmp_path, ann=one, bob={"sha256": digest(BOB), "max_concurrent": 2}
        )
    }


@pytest.fixture
def hold(connect, sandbox):
    """Open a request that goes on until its gate is opened; gives it and its gate."""
    count = 0

    async def hold(key=ANN, name="ann", **fields):
        nonlocal count
        count += 1
        asked = body("gated", user=f"held-{count}", **fields)
        exchange = await connect(asked, **bearer(key))
        gate = f"{name}:held-{count}"
        await sandbox.gates.reached(gate)
        return exchange, gate

    return hold


def check_refused(response, limit=1):
    assert response.code == 429
    error = error_of(response)
    assert (error["type"], error["code"]) == ("requests", "rate_limit_exceeded")
    assert f"{limit} requests open" in error["message"]
    # SDKs wait that long, and try again.
    assert int(response.headers["Retry-After"]) > 0
    assert "X-Should-Retry" not in response.headers


@pytest.mark.parametrize("stream", [False, True])
async def test_one_too_many_is_a_429_without_a_call_until_one_has_ended(
    post, sandbox, hold, stream
):
    exchange, gate = await hold(stream=stream)
    chats = len(arrived(sandbox, "/v3/chat"))
    for _ in range(3):
        check_refused(await post(body("hello"), **bearer(ANN)))
        check_refused(await post(None, "/v1/models", "GET", **bearer(ANN)))
    assert len(arrived(sandbox, "/v3/chat")) == chats
    sandbox.gates.release(gate, 3)
    assert b"three" in await exchange.rest()
    # There is room for one, and no more, however many were refused.
    _, gate = await hold(stream=stream)
    check_refused(await post(body("hello"), **bearer(ANN)))
    sandbox.gates.release(gate, 3)


async def test_each_key_has_a_number_of_its_own(post, sandbox, hold):
    gates = [(await hold())[1], (await hold(BOB, "bob"))[1]]
    assert (await post(body("hello"), **bearer(BOB))).code == 200
    gates.append((await hold(BOB, "bob"))[1])
    check_refused(await post(body("hello"), **bearer(BOB)), limit=2)
    for gate in gates:
        sandbox.gates.release(gate, 3)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("way", ["closed", "reset"])
async def test_caller_that_leaves_makes_room(post, hold, stream, way):
    exchange, _ = await hold(stream=stream)
    check_refused(await post(body("hello"), **bearer(ANN)))
    if way == "closed":
        await exchange.close()
    else:
        exchange.reset()
    # Each answer is a turn of the loop in which the service can notice it.
    codes = [(await post(body("hello"), **bearer(ANN))).code]
    while codes[-1] == 429 and len(codes) < MANY:
        codes.append((await post(body("hello"), **bearer(ANN))).code)
    assert codes[-1] == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_request_that_fails_makes_room(post, stream):
    statuses = {"hello": 200, "code-4100": 401, "no-permission": 403, "failed": 502, "a b": 400}
    for bot, status in statuses.items():
        assert (await post(body(bot, stream=stream), **bearer(ANN))).code == status
    for bot in ("failed-after-text", "reset-after-text"):
        # Where text and failure come together, the status of a stream still tells of it.
        said = await post(body(bot, stream=stream), **bearer(ANN))
        assert said.code == 502 or (stream and b'"error"' in said.body)
    assert (await post(b"{", **bearer(ANN))).code == 400
    assert (await post(None, "/v1/models/none", "GET", **bearer(ANN))).code == 404
    assert (await post(None, method="GET", **bearer(ANN))).code == 405
    assert (await post(body("hello"), **bearer(ANN))).code == 200


class TestLargeBodies:
    @pytest.fixture
    def environment(self, environment):
        return environment | {"MAX_BODY_BYTES": "100000"}

    async def test_request_that_is_refused_as_it_comes_makes_room_for_one(
        self, post, hold, sandbox
    ):
        # It is answered before it has come, and so is over twice.
        assert (await post(b" " * 200_000, **bearer(ANN))).code == 413
        _, gate = await hold()
        check_refused(await post(body("hello"), **bearer(ANN)))
        sandbox.gates.release(gate, 3)


async def test_what_needs_no_key_is_answered_while_there_is_no_room(post, hold, sandbox):
    _, gate = await hold()
    assert (await post(None, method="OPTIONS", **bearer(ANN))).code == 204
    response = await post(None, "/health", "GET", **bearer(ANN))
    assert json.loads(response.body) == {"status": "ok"}
    sandbox.gates.release(gate, 3)


async def test_sdk_raises_a_rate_limit_error(caller, hold, sandbox):
    _, gate = await hold(stream=True)
    with pytest.raises(openai.RateLimitError):
        await caller.with_options(api_key=ANN).chat.completions.create(**to("hello"))
    sandbox.gates.release(gate, 3)
