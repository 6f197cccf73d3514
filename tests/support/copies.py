"""Other copies of the service than the one that is tested.

elsewhere  the stock SDK in front of a copy, which has no limits
balancer   the address of two copies; each connection to it goes to the other than the one before it
by_turns   the stock SDK at that address, with a connection of its own for each request
"""

import httpx
import pytest

from cozeproxy.app import Service
from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import Settings
from tests.support import sdk
from tests.support.balancer import Balancer


def _copy(sandbox):
    return Service(
        Settings.from_env(
            {"COZE_API_KEY": Sandbox.API_KEY, "COZE_BASE_URL": sandbox.base_url, "PORT": "0"}
        )
    )


@pytest.fixture
def elsewhere(io_loop, sandbox, api_key):
    async def start():
        copy = _copy(sandbox)
        return copy, copy.start()

    copy, port = io_loop.run_sync(start)
    caller = sdk.asynchronous(base_url=f"http://127.0.0.1:{port}/v1", api_key=api_key)
    yield caller
    io_loop.run_sync(caller.close)
    io_loop.run_sync(copy.stop)


@pytest.fixture
def balancer(io_loop, sandbox):
    async def start():
        copies = [_copy(sandbox), _copy(sandbox)]
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
