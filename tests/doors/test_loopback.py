"""``TOKEN_ENDPOINTS=loopback``: open to this machine, and to nothing that only looks like it."""

import asyncio
import json
from types import SimpleNamespace

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from cozeproxy import __version__
from cozeproxy.handlers.access import Guard
from tests.doors.access import SECRET, bearer
from tests.doors.test_token_endpoints import (
    EMPTY,
    ENDPOINTS,
    check_not_shared,
    check_shut,
    each_endpoint,
)
from tests.support.processes import COZEPROXY, Process

pytestmark = pytest.mark.gen_test(timeout=15)

ADMIN = f"{SECRET}admin"
# The port of the test stands for {port}.
LOCAL = {
    "nothing else": {},
    "by its address": {"Host": "127.0.0.1:{port}"},
    "by IPv6": {"Host": "[::1]:{port}"},
    "in capitals": {"Host": "LOCALHOST:{port}"},
    "without a port": {"Host": "localhost"},
    "of its own origin": {"Host": "localhost:{port}", "Origin": "http://localhost:{port}"},
    "typed into a browser": {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    "by a page of its own": {"Sec-Fetch-Site": "same-origin"},
}
FOREIGN = {
    # The name of a page's host, which its owner let point to 127.0.0.1 (DNS rebinding).
    "host": {"Host": "rebound.example"},
    "host with the port": {"Host": "rebound.example:{port}"},
    "host that begins well": {"Host": "localhost.example:{port}"},
    "host that ends well": {"Host": "example.localhost:{port}"},
    "host as an address": {"Host": "127.0.0.1.example:{port}"},
    "host of the network": {"Host": "192.168.1.2:{port}"},
    "host of all addresses": {"Host": "0.0.0.0:{port}"},
    "forwarded": {"Forwarded": "for=127.0.0.1"},
    "for": {"X-Forwarded-For": "127.0.0.1"},
    "for, empty": {"X-Forwarded-For": ""},
    "host of the proxy": {"X-Forwarded-Host": "localhost"},
    "proto": {"X-Forwarded-Proto": "http"},
    "port": {"X-Forwarded-Port": "80"},
    "server": {"x-forwarded-server": "proxy"},
    "prefix": {"X-FORWARDED-PREFIX": "/coze"},
    "real ip": {"X-Real-IP": "127.0.0.1"},
    "via": {"Via": "1.1 proxy"},
    "origin": {"Origin": "https://app.example"},
    "origin on this machine": {"Origin": "http://localhost:5173"},
    "origin of the other scheme": {
        "Host": "localhost:{port}",
        "Origin": "https://localhost:{port}",
    },
    # Tornado would take the scheme from there if it believed in such headers.
    "origin by a header": {
        "Host": "localhost:{port}",
        "Origin": "https://localhost:{port}",
        "X-Scheme": "https",
    },
    "origin by the other name": {"Host": "localhost:{port}", "Origin": "http://127.0.0.1:{port}"},
    "origin that is none": {"Origin": "null"},
    "page": {"Sec-Fetch-Site": "cross-site"},
    "page of the site": {"Sec-Fetch-Site": "same-site"},
    "page, and more": {"Sec-Fetch-Site": "cross-site", "Host": "localhost:{port}"},
}


@pytest.fixture
def environment(oauth_app):
    return {**oauth_app, "TOKEN_ENDPOINTS": "loopback"}


@pytest.fixture
def ask_for(post, http_port):
    async def ask_for(path, method, headers):
        filled = {name: value.format(port=http_port) for name, value in headers.items()}
        return await post(EMPTY[method], path, method, **filled)

    return ask_for


@pytest.mark.parametrize("headers", LOCAL.values(), ids=LOCAL.keys())
async def test_this_machine_is_let_in_and_no_page_may_read_it(ask_for, headers):
    for method, path in ENDPOINTS:
        response = await ask_for(path, method, headers)
        assert response.code == 200
        assert json.loads(response.body)["success"] is True
        check_not_shared(response)


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN.keys())
async def test_what_only_looks_like_it_gets_no_token(ask_for, sandbox, headers):
    for method, path in ENDPOINTS:
        response = await ask_for(path, method, headers)
        check_shut(response, "PROXY_ADMIN_KEY")
        check_not_shared(response)
    assert sandbox.requests == []
    health = await ask_for("/health", "GET", headers)
    assert json.loads(health.body) == {"status": "ok"}


@pytest.mark.parametrize("host", ["127.0.0.1@rebound.example", "localhost,rebound.example", ""])
async def test_host_that_can_be_none_gets_no_token(ask_for, sandbox, host):
    for method, path in ENDPOINTS:
        assert (await ask_for(path, method, {"Host": host})).code in (400, 403)
    assert sandbox.requests == []


async def test_health_tells_this_machine_how_the_service_is_set_up(ask_for):
    health = json.loads((await ask_for("/health", "GET", {})).body)
    assert health["version"] == __version__
    assert health["jwt"]["hasToken"] is False


@pytest.mark.usefixtures("http_server")
async def test_request_that_names_no_host_gets_no_token(http_port):
    reader, writer = await asyncio.open_connection("127.0.0.1", http_port)
    writer.write(b"GET /get_jwt HTTP/1.0\r\n\r\n")
    response = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert b" 403 " in response.splitlines()[0]
    assert b"czs_" not in response


@pytest.mark.parametrize(
    ("remote_ip", "admitted"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("10.0.0.1", False),
        ("192.168.1.2", False),
        ("169.254.1.1", False),
        ("203.0.113.7", False),
        ("0.0.0.0", False),
        ("fe80::1", False),
        ("::ffff:203.0.113.7", False),
        ("", False),
        (None, False),
        ("0.0.0.0:1", False),
    ],
)
def test_address_that_a_request_comes_from_must_be_this_machine_s(remote_ip, admitted):
    request = HTTPServerRequest(
        start_line=RequestStartLine("GET", "/get_jwt", "HTTP/1.1"),
        headers=HTTPHeaders({"Host": "localhost:3000"}),
        connection=SimpleNamespace(context=SimpleNamespace(remote_ip=remote_ip, protocol="http")),
    )
    assert Guard(None, loopback=True).admits(request) is admitted
    assert not Guard(None, loopback=False).admits(request)
    # Where there is a key, being here is not enough.
    assert not Guard(ADMIN, loopback=True).admits(request)


class TestWithAnAdminKey:
    @pytest.fixture
    def environment(self, oauth_app):
        return {**oauth_app, "TOKEN_ENDPOINTS": "loopback", "PROXY_ADMIN_KEY": ADMIN}

    @each_endpoint
    async def test_this_machine_needs_it_too(self, ask_for, method, path):
        check_shut(await ask_for(path, method, {}), "PROXY_ADMIN_KEY")
        assert (await ask_for(path, method, bearer(ADMIN))).code == 200


# What scripts/run starts; in front of the stand-in, which has an API key.
QUICKSTART = [*COZEPROXY, "serve", "--port", "0", "--sandbox", "--quickstart"]
ALONE = QUICKSTART[:-1]


@pytest.fixture
def http_client_alone(io_loop):
    """A client for a service in a process of its own."""

    async def make():
        return AsyncHTTPClient(force_instance=True)

    client = io_loop.run_sync(make)
    yield client
    client.close()


@pytest.mark.parametrize(
    ("command", "environment", "opened"),
    [
        (QUICKSTART, {}, True),
        (QUICKSTART, {"HOST": "127.0.0.1", "TOKEN_ENDPOINTS": "loopback"}, True),
        (ALONE, {"TOKEN_ENDPOINTS": "loopback"}, True),
        (ALONE, {}, False),
        (QUICKSTART, {"TOKEN_ENDPOINTS": "shut"}, False),
        (QUICKSTART, {"HOST": "0.0.0.0"}, False),
        ([*QUICKSTART, "--host", "0.0.0.0"], {}, False),
        (QUICKSTART, {"APP_ENV": "production", "ALLOW_ANONYMOUS": "true"}, False),
        (QUICKSTART, {"PROXY_ADMIN_KEY": ADMIN}, False),
    ],
)
async def test_quickstart_opens_loopback_only_on_loopback_and_only_unless_told(
    http_client_alone, tmp_path, command, environment, opened
):
    with Process(command, tmp_path, **environment) as process:
        response = await http_client_alone.fetch(f"{process.address()}/get_jwt", raise_error=False)
    code = json.loads(response.body)["error"]["code"]
    assert (response.code, code) == (
        (400, "jwt_not_configured") if opened else (403, "permission_denied")
    )


async def test_quickstart_leaves_shut_what_the_env_file_shuts(http_client_alone, tmp_path):
    (tmp_path / ".env").write_text("TOKEN_ENDPOINTS=shut\n")
    with Process(QUICKSTART, tmp_path) as process:
        response = await http_client_alone.fetch(f"{process.address()}/get_jwt", raise_error=False)
    assert response.code == 403
