"""Gates hold, release, remember and are forgotten."""

import asyncio

import pytest

from cozeproxy.sandbox.gates import Gates
from tests.sandbox.raw import call, chat_body, request

pytestmark = pytest.mark.gen_test


async def test_chunk_waits_for_its_gate(sandbox, bounded):
    body = chat_body("gated", user_id="held")
    async with request(sandbox, "POST", "/v3/chat", body) as response:
        for number, part in enumerate(["one ", "two ", "three"]):
            await bounded(sandbox.gates.reached("held"))
            # The script stands at its gate, so this delta is not sent; those before it are here.
            assert response.seen.count(b"message.delta") == number
            sandbox.gates.release("held")
            await bounded(response.until(f'"content":"{part}"'))
        assert b"[DONE]" in await bounded(response.body())


async def test_gates_of_two_users_are_two(sandbox, bounded):
    body = chat_body("gated", user_id="first")
    async with request(sandbox, "POST", "/v3/chat", body) as response:
        sandbox.gates.release("second", 3)
        await bounded(sandbox.gates.reached("first"))
        assert response.seen.count(b"message.delta") == 0
        sandbox.gates.release("first", 3)
        assert b"[DONE]" in await bounded(response.body())


async def test_gate_can_be_worked_over_http(sandbox, bounded):
    body = chat_body("gated", user_id="a b/c")
    async with request(sandbox, "POST", "/v3/chat", body) as response:
        await bounded(sandbox.gates.reached("a b/c"))
        gate = "/sandbox/gates/a%20b%2Fc"
        assert await call(sandbox, "GET", gate, token=None) == {"waiting": 1}
        await call(sandbox, "POST", f"{gate}?steps=3", token=None)
        assert b"[DONE]" in await bounded(response.body())
    assert await call(sandbox, "GET", gate, token=None) == {"waiting": 0}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"parameters": {"gate": "by-parameter"}, "ext": {"user_id": "u"}}, "by-parameter"),
        ({"ext": {"user_id": "by-user"}}, "by-user"),
        ({}, "gated"),
    ],
)
async def test_gate_of_a_workflow_has_a_name_of_its_own(sandbox, bounded, body, name):
    path, body = "/v1/workflow/stream_run", {"workflow_id": "gated", **body}
    sandbox.gates.release(name, 2)
    async with request(sandbox, "POST", path, body) as response:
        await bounded(sandbox.gates.reached(name))
        await bounded(response.until("two "))
        sandbox.gates.release(name)
        assert b"event: Done" in await bounded(response.body())


async def test_release_that_comes_first_is_kept():
    gates = Gates()
    gates.release("g", 2)
    await gates.step("g")
    await gates.step("g")
    third = asyncio.ensure_future(gates.step("g"))
    await gates.reached("g")
    assert not third.done()
    gates.release("g")
    await third


async def test_release_goes_to_the_one_that_waits_longest():
    gates = Gates()
    first = asyncio.ensure_future(gates.step("g"))
    second = asyncio.ensure_future(gates.step("g"))
    await gates.reached("g", 2)
    gates.release("g")
    await first
    assert not second.done()
    assert gates.waiting("g") == 1
    gates.open_all()
    await second


async def test_gates_that_nobody_uses_are_forgotten():
    gates = Gates()
    step = asyncio.ensure_future(gates.step("g"))
    await gates.reached("g")
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step
    gates.release("h")
    await gates.step("h")
    assert not gates._passes
    assert not gates._queues


async def test_stop_releases_whoever_waits(sandbox, bounded):
    body = chat_body("gated", user_id="stopped")
    async with request(sandbox, "POST", "/v3/chat", body) as response:
        await bounded(sandbox.gates.reached("stopped"))
        await bounded(sandbox.stop())
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await bounded(response.body())
