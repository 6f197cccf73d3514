"""deploy/nginx.conf, with the real nginx in front of two copies of the service."""

import asyncio
import re
import socket

import openai
import pytest

from cozeproxy.app import Service
from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import Settings
from tests.service.asking import body, text_of
from tests.support import sdk
from tests.support.nginx import Nginx
from tests.support.processes import ROOT

pytestmark = pytest.mark.gen_test(timeout=30)

CONFIGURATION = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
SERVERS = re.findall(r"^ +server (\S+);$", CONFIGURATION, re.MULTILINE)


def seconds(directive):
    return float(re.search(rf"^ +{directive} (\d+)s;$", CONFIGURATION, re.MULTILINE)[1])


@pytest.fixture
def copies(io_loop, sandbox):
    settings = Settings.from_env(
        {
            "COZE_API_KEY": Sandbox.API_KEY,
            "COZE_BASE_URL": sandbox.base_url,
            "COZE_BOT_ID": Sandbox.BOT_ID,
            "TOKEN_ENDPOINTS": "loopback",
            "PORT": "0",
        }
    )

    async def make():
        return [Service(settings), Service(settings)]

    copies = io_loop.run_sync(make)
    yield copies
    for copy in copies:
        io_loop.run_sync(copy.stop)


@pytest.fixture
def url(io_loop, copies, tmp_path):
    """Where nginx listens, in front of the copies."""

    async def start():
        return [copy.start() for copy in copies]

    text = CONFIGURATION
    for server, port in zip(SERVERS, io_loop.run_sync(start), strict=True):
        text = text.replace(server, f"127.0.0.1:{port}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert text.count("listen 80;") == 1
    with Nginx(tmp_path, text.replace("listen 80;", f"listen 127.0.0.1:{port};")) as nginx:
        io_loop.run_sync(lambda: answering(nginx, port), timeout=10)
        yield f"http://127.0.0.1:{port}"


async def answering(nginx, port):
    while True:
        assert nginx.is_running
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return


@pytest.fixture
def caller(io_loop, url):
    caller = sdk.asynchronous(base_url=f"{url}/v1", api_key="any-string")
    yield caller
    io_loop.run_sync(caller.close)


@pytest.fixture
def ask(caller):
    async def ask(bot="hello", **fields):
        answer = await caller.chat.completions.create(**body(bot, **fields))
        return answer.choices[0].message.content

    return ask


async def test_the_copies_take_turns(ask, sandbox):
    for _ in range(4):
        assert (await ask()).startswith("Hello")
    # Each copy keeps a connection of its own to Coze.
    first, second, *others = [request.connection for request in sandbox.requests]
    assert first != second
    assert others == [first, second]


async def test_each_token_comes_through_at_once(caller, sandbox):
    # The answer begins with its first word.
    asking = asyncio.create_task(
        caller.chat.completions.create(**body("gated", user="ann"), stream=True)
    )
    await sandbox.gates.reached("ann")
    sandbox.gates.release("ann")
    stream = aiter(await asking)
    chunks = []

    async def until(text):
        while text not in text_of(chunks):
            chunks.append(await anext(stream))

    await until("one")
    for word in ("two", "three"):
        await sandbox.gates.reached("ann")
        sandbox.gates.release("ann")
        await until(word)
    chunks += [chunk async for chunk in stream]
    assert text_of(chunks).split() == ["one", "two", "three"]


async def test_coze_is_told_when_the_caller_leaves(caller, sandbox):
    stream = await caller.chat.completions.create(**body("forever"), stream=True)
    await anext(aiter(stream))
    await stream.close()
    await sandbox.arrived("/v3/chat/cancel")


async def test_a_copy_that_has_stopped_is_left_out(ask, copies):
    assert (await ask()).startswith("Hello")
    await copies.pop(0).stop()
    for _ in range(4):
        assert (await ask()).startswith("Hello")


async def test_without_any_copy_the_error_is_one_that_sdks_read(ask, copies):
    while copies:
        await copies.pop().stop()
    with pytest.raises(openai.InternalServerError) as caught:
        await ask()
    assert (caught.value.status_code, caught.value.code) == (503, "service_unavailable")
    assert caught.value.response.headers["retry-after"] == "1"
    assert caught.value.response.headers["content-type"] == "application/json"


async def test_large_bodies_are_the_services_business(ask):
    # nginx would take one megabyte.
    text = "x" * 2_000_000
    assert text in await ask("echo", text=text)


async def test_what_comes_through_it_does_not_pass_for_this_machine(caller):
    with pytest.raises(openai.PermissionDeniedError):
        await caller.get("../get_jwt", cast_to=object)


def test_its_times_suit_the_services():
    settings = Settings()
    assert seconds("proxy_read_timeout") > settings.workflow_request_timeout
    assert seconds("keepalive_timeout") < settings.idle_timeout
