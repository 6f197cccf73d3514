"""The way of chats to Coze: private certificates, proxies, and this machine itself."""

import asyncio

import pytest

from cozeproxy.errors import StoppingError, UpstreamBrokenError, UpstreamUnreachableError
from cozeproxy.protocol.request import Call
from cozeproxy.settings import Secret
from cozeproxy.upstream.client import CozeClient
from cozeproxy.upstream.stream import MOST_REMAINDERS
from tests.support import coze

pytestmark = pytest.mark.gen_test

CALL = Call("/v3/chat", {"conversation_id": "7"}, b"{}")
TARGET = "/v3/chat?conversation_id=7"
EVENTS = {"Content-Type": "text/event-stream"}


def nobody():
    """Receive nothing."""


@pytest.fixture
def ask(io_loop):
    """Make a chat call of a client's, and give all that comes of it."""
    clients = []

    async def ask(base_url, ca_file=None):
        client = CozeClient(base_url, ca_file)
        clients.append(client)
        stream = client.stream(CALL, Secret("t"), nobody)
        await stream.wait()
        return stream.take()

    yield ask
    for client in clients:
        io_loop.run_sync(client.close)


async def answered(asking, asked):
    """Answer the request that comes, and give its target and the token that came with it."""
    request = await asked.asked()
    request.answer(coze.answer("Hi"), **EVENTS)
    assert await asking == coze.answer("Hi")
    return request.target, request.headers["authorization"]


async def test_private_certificate_is_trusted_if_its_authority_is_given(tls, ask):
    endpoint, ca_file = tls
    asking = asyncio.create_task(ask(endpoint.base_url, ca_file))
    assert await answered(asking, endpoint) == (TARGET, "Bearer t")


async def test_private_certificate_is_not_trusted_by_itself(tls, ask):
    endpoint, _ = tls
    with pytest.raises(UpstreamUnreachableError, match="certificate is not to be trusted"):
        await ask(endpoint.base_url)


async def test_after_the_end_of_calls_only_those_that_end_chats_are_made(endpoint):
    client = CozeClient(endpoint.base_url)
    token = Secret("t")
    client.end_calls()
    with pytest.raises(StoppingError):
        client.stream(CALL, token, nobody)
    with pytest.raises(StoppingError):
        await client.get("/v1/users/me", {}, token)
    with pytest.raises(StoppingError):
        await client.send("/v1/files/upload", "text/plain", b"Hi", token, 1)
    cancelling = asyncio.create_task(client.cancel(b"{}", token))
    request = await endpoint.asked()
    assert request.target == "/v3/chat/cancel"
    request.answer(b'{"code": 0}', **{"Content-Type": "application/json"})
    await cancelling
    await client.close()


async def test_other_calls_do_not_queue_behind_streams(endpoint):
    client = CozeClient(endpoint.base_url, max_streams=1)
    token = Secret("t")
    # As many as there are handles for, and one that waits.
    for _ in range(1 + MOST_REMAINDERS + 1):
        client.stream(CALL, token, nobody)
    for _ in range(1 + MOST_REMAINDERS):
        assert (await endpoint.asked()).target == TARGET
    others = [
        asyncio.create_task(client.call("POST", Call("/v1/conversation/create", {}, b"{}"), token)),
        asyncio.create_task(client.send("/v1/files/upload", "application/json", b"{}", token, 10)),
        asyncio.create_task(client.cancel(b"{}", token)),
    ]
    for _ in others:
        request = await endpoint.asked()
        assert request.target != TARGET
        request.answer(b'{"code": 0}', **{"Content-Type": "application/json"})
    await asyncio.gather(*others)
    await client.close()


async def test_proxy_of_the_environment_is_asked(http_proxy, ask):
    asking = asyncio.create_task(ask("http://coze.example"))
    target = f"http://coze.example{TARGET}"
    assert await answered(asking, http_proxy) == (target, "Bearer t")


@pytest.mark.usefixtures("http_proxy")
async def test_host_that_no_proxy_names_is_asked_directly(endpoint, ask, monkeypatch):
    # An address of this machine that is none of its loopback ones.
    monkeypatch.setenv("no_proxy", "0.0.0.0")
    asking = asyncio.create_task(ask(f"http://0.0.0.0:{endpoint.port}"))
    assert (await answered(asking, endpoint))[0] == TARGET


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.usefixtures("http_proxy")
async def test_this_machine_is_asked_directly_whatever_the_proxy(endpoint, ask, host):
    asking = asyncio.create_task(ask(f"http://{host}:{endpoint.port}"))
    assert (await answered(asking, endpoint))[0] == TARGET


async def test_redirect_is_not_followed_and_the_token_goes_nowhere_else(sandbox, endpoint, ask):
    asking = asyncio.create_task(ask(endpoint.base_url))
    (await endpoint.asked()).answer(b"", 307, Location=f"{sandbox.base_url}/v3/chat")
    with pytest.raises(UpstreamBrokenError):
        await asking
    assert sandbox.requests == []
