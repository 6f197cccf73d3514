"""The way to Coze through a proxy of the environment: TLS in a tunnel, from the service to Coze."""

import json
import os
import ssl

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from tests.doors.access import EXCHANGE
from tests.service.asking import body, error_of, text_part
from tests.support.canaries import MARK, looked_for
from tests.support.connect_proxy import ConnectProxy
from tests.support.files import PNG, data_url
from tests.support.processes import COZEPROXY, finished
from tests.upstream.certificates import certificates

pytestmark = pytest.mark.gen_test(timeout=15)

# Nothing but the proxy knows where it is.
HOST = "coze.test"
TUNNEL = f"CONNECT {HOST}:443 HTTP/1.1\r\n"
# An address of this machine that is none of its loopback ones.
ELSEWHERE = "0.0.0.0"
PICTURE = [text_part(), {"type": "image_url", "image_url": {"url": data_url(PNG)}}]


@pytest.fixture
def ca_file(tmp_path):
    """The certificate of the authority behind the stand-in's."""
    found, _ = certificates(tmp_path, HOST, ELSEWHERE, "localhost")
    return found


@pytest.fixture
def tls_port(io_loop, sandbox, ca_file):
    """Where the stand-in speaks TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(ca_file.parent / "server.pem")

    async def listen():
        server = HTTPServer(sandbox.app, ssl_options=context)
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        return server, sockets[0].getsockname()[1]

    server, port = io_loop.run_sync(listen)
    yield port
    server.stop()
    io_loop.run_sync(server.close_all_connections)


@pytest.fixture(params=["https_proxy"])
def proxy(request, io_loop, tls_port, monkeypatch):
    """A proxy in front of that, which the environment names in this variable."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    proxy = ConnectProxy(tls_port)
    io_loop.run_sync(proxy.listen)
    monkeypatch.setenv(request.param, proxy.base_url)
    yield proxy
    io_loop.run_sync(proxy.stop)


@pytest.fixture
def base_url_of_coze():
    return f"https://{HOST}"


@pytest.fixture
def environment(oauth_app, sandbox, ca_file, base_url_of_coze):
    return {
        **oauth_app,
        "COZE_BASE_URL": base_url_of_coze,
        "COZE_CA_FILE": str(ca_file),
        "COZE_SPACE_ID": sandbox.SPACE_ID,
    }


@pytest.fixture
def ask_for_all(post, sandbox):
    """A request of each kind that goes to Coze; all of them must be served."""

    async def ask_for_all():
        for data in (body("hello"), body("hello", stream=True), body("echo", PICTURE)):
            assert (await post(data)).code == 200
        assert (await post(None, "/v1/models", "GET")).code == 200
        paths = {EXCHANGE, "/v3/chat", "/v1/files/upload", "/v1/bots", "/v1/workflows"}
        assert {request.path for request in sandbox.requests} == paths

    return ask_for_all


@pytest.mark.parametrize("proxy", ["https_proxy", "HTTPS_PROXY", "all_proxy"], indirect=True)
async def test_every_call_goes_through_a_tunnel_in_which_nothing_can_be_read(proxy, ask_for_all):
    await ask_for_all()
    assert {head.partition("\n")[0] + "\n" for head in proxy.heads} == {TUNNEL}
    for said in ("".join(proxy.heads).encode(), bytes(proxy.passed)):
        assert b"authorization" not in said.lower()
        assert not [name for name, secret in looked_for().items() if secret.encode() in said]


async def test_proxy_is_shown_its_own_password_and_nobody_else_is(
    proxy, ask_for_all, monkeypatch, sandbox
):
    with_password = proxy.base_url.replace("//", f"//user:{MARK}proxy@")
    monkeypatch.setenv("https_proxy", with_password)
    await ask_for_all()
    assert all("\r\nProxy-Authorization: Basic " in head for head in proxy.heads)
    assert not any("proxy-authorization" in request.headers for request in sandbox.requests)


@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "403 Forbidden"])
async def test_proxy_that_opens_no_tunnel_is_a_502_that_does_not_tell_of_it(
    proxy, post, sandbox, status
):
    proxy.refusal = status
    response = await post(body("hello"))
    assert response.code == 502
    assert "Coze cannot be reached" in error_of(response)["message"]
    assert proxy.base_url.rpartition("/")[2] not in error_of(response)["message"]
    assert sandbox.requests == []


class TestUntrusted:
    @pytest.fixture
    def environment(self, environment):
        return {**environment, "COZE_CA_FILE": ""}

    async def test_tunnel_to_somebody_else_is_not_used(self, proxy, post, sandbox):
        response = await post(body("hello"))
        assert response.code == 502
        assert "certificate is not to be trusted" in error_of(response)["message"]
        assert proxy.heads
        assert sandbox.requests == []


class TestNoProxy:
    @pytest.fixture
    def base_url_of_coze(self, tls_port):
        return f"https://{ELSEWHERE}:{tls_port}"

    @pytest.mark.parametrize("excepted", [ELSEWHERE, f"example.org,{ELSEWHERE}", "*"])
    @pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
    async def test_host_that_it_names_is_asked_directly(
        self, proxy, ask_for_all, monkeypatch, name, excepted
    ):
        monkeypatch.setenv(name, excepted)
        await ask_for_all()
        assert proxy.heads == []

    async def test_host_that_it_does_not_name_is_asked_through_the_proxy(
        self, proxy, ask_for_all, monkeypatch
    ):
        monkeypatch.setenv("no_proxy", "example.org")
        await ask_for_all()
        assert proxy.heads


class TestLoopback:
    @pytest.fixture(params=["127.0.0.1", "localhost"])
    def base_url_of_coze(self, request, tls_port):
        return f"https://{request.param}:{tls_port}"

    async def test_this_machine_is_asked_directly(self, proxy, ask_for_all):
        await ask_for_all()
        assert proxy.heads == []


async def test_check_goes_the_same_way(proxy, environment, tmp_path, in_thread):
    command = [*COZEPROXY, "check", "--jwt", "--json"]
    told = {**environment, "https_proxy": proxy.base_url}
    result = await in_thread(lambda: finished(command, tmp_path, **told))
    assert result.returncode == 0, result.stdout
    assert json.loads(result.stdout)
    assert {head.partition("\n")[0] + "\n" for head in proxy.heads} == {TUNNEL}
