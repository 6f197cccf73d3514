"""Tokens are not held back by the kernel until the one before them is acknowledged."""

import socket

import pytest

from tests.service.asking import body

pytestmark = pytest.mark.gen_test


async def test_connection_of_a_stream_sends_at_once_also_when_it_is_used_again(
    caller, http_server, sandbox
):
    await caller.chat.completions.create(**body("hello"))
    sandbox.gates.release("ann")
    stream = await caller.chat.completions.create(**body("gated", user="ann"), stream=True)
    (connection,) = http_server._connections
    option = (socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert connection.stream.socket.getsockopt(*option) == 1
    sandbox.gates.release("ann")
    sandbox.gates.release("ann")
    async for _ in stream:
        pass
