"""Tokens go out at once, and what there is of them at a time in one write."""

import socket
import sys

import pytest

from tests.service.asking import body
from tests.support import coze

pytestmark = pytest.mark.gen_test

# Where tcpi_data_segs_in stands in the kernel's struct tcp_info (linux/tcp.h).
DATA_SEGMENTS_IN = 152


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


def segments(exchange):
    """How many TCP segments with data have come: what is written at once comes as one."""
    info = exchange._writer.get_extra_info("socket").getsockopt(
        socket.IPPROTO_TCP, socket.TCP_INFO, 256
    )
    return int.from_bytes(info[DATA_SEGMENTS_IN : DATA_SEGMENTS_IN + 4], sys.byteorder)


class TestWrites:
    @pytest.fixture
    def environment(self, raw_coze):
        return {"COZE_BASE_URL": raw_coze.base_url}

    @pytest.mark.usefixtures("engine")
    async def test_head_and_first_token_are_one_write_and_so_is_all_that_comes_together(
        self, connect, raw_coze
    ):
        exchange = await connect(body("7", stream=True))
        call = await raw_coze.called()
        await call.start(coze.CREATED, coze.delta("one"))
        await exchange.until('"one"')
        assert segments(exchange) == 1
        await call.say(coze.delta("two"))
        await exchange.until('"two"')
        assert segments(exchange) == 2
        chunks = [coze.delta("more")] * 63 + [coze.delta("last")]
        await call.write(b"".join(b"%x\r\n%s\r\n" % (len(data), data) for data in chunks))
        await exchange.until('"last"')
        assert segments(exchange) == 3
        await call.say(coze.FINISH_MARKER, coze.END)
        await call.end()
        await exchange.rest()
