"""Addresses in a request are Coze's to fetch: the service connects to none of them."""

import asyncio

import pytest

from tests.faults.raw_caller import request
from tests.service.asking import body, text_part
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=15)


@pytest.fixture
def trap(io_loop):
    """A server of this machine that nobody is to connect to, and who did."""

    class Trap:
        def __init__(self):
            self.came = []

        async def listen(self):
            self.server = await asyncio.start_server(self.accept, "127.0.0.1", 0)
            self.port = self.server.sockets[0].getsockname()[1]

        def accept(self, _reader, writer):
            self.came.append(writer.get_extra_info("peername"))
            writer.close()

        async def close(self):
            self.server.close()
            await self.server.wait_closed()

    trap = Trap()
    io_loop.run_sync(trap.listen)
    yield trap
    io_loop.run_sync(trap.close)


def image(url):
    return body("7", [text_part(), {"type": "image_url", "image_url": {"url": url}}])


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/a.png",
        "http://localhost:{port}/a.png",
        "http://[::ffff:127.0.0.1]:{port}/a.png",
        "http://2130706433:{port}/a.png",
        "http://user:password@127.0.0.1:{port}/",
        "https://127.0.0.1:{port}/",
        "HTTP://127.0.0.1:{port}/",
        "http://169.254.169.254/latest/meta-data/",
    ],
)
async def test_address_goes_to_coze_and_nobody_connects_to_it(dial, upstream, trap, address):
    address = address.format(port=trap.port)
    caller = await dial()
    await caller.send(request(image(address)))
    call = await upstream.called()
    assert address in call.json["additional_messages"][-1]["content"]
    await call.answer(coze.answer("Fine"))
    assert (await caller.response()).status == 200
    assert trap.came == []
    assert upstream.accepted == 1


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/_x",
        "ftp://127.0.0.1:{port}/",
        "dict://127.0.0.1:{port}/",
        "//127.0.0.1:{port}/a.png",
        "/etc/passwd",
        "http:///etc/passwd",
        "jar:http://127.0.0.1:{port}/!/",
        "\u2000http://127.0.0.1:{port}/",
    ],
)
async def test_address_that_is_none_of_the_web_is_refused(dial, upstream, trap, address):
    caller = await dial()
    response = await caller.ask(image(address.format(port=trap.port)))
    assert response.status == 400
    assert response.error["param"] == "messages[0].content[1].image_url.url"
    assert (trap.came, upstream.accepted) == ([], 0)
