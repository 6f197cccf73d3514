"""Two copies of the service behind one address.

balancer   the address; each connection to it goes to the other copy than the one before it
by_turns   the stock SDK, with a connection of its own for each request
"""

import httpx
import pytest

from cozeproxy.app import Service
from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import Settings
from tests.support import sdk
from tests.support.balancer import Balancer


@pytest.fixture
def balancer(io_loop, sandbox):
    settings = Settings.from_env(
        {"COZE_API_KEY": Sandbox.API_KEY, "COZE_BASE_URL": sandbox.base_url, "PORT": "0"}
    )

    async def start():
        copies = [Service(settings), Service(settings)]
        balancer = Balancer([copy.start() for copy in copies])
        await balancer.listen()
        return copies, balancer

    copies, balancer = io_loop.run_sync(start)
    yield balancer
    io_loop.run_sync(balancer.stop)
    for copy in copies:
        io_loop.run_sync(copy.stop)


@pytest.fixture
def by_turns(io_loop, balancer, api_key):
    alone = httpx.Limits(max_keepalive_connections=0)
    caller = sdk.asynchronous(
        base_url=f"http://127.0.0.1:{balancer.port}/v1", api_key=api_key, limits=alone
    )
    yield caller
    io_loop.run_sync(caller.close)
