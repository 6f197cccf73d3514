"""The steps that look at the way to Coze: the connection, its certificate, the clocks."""

import asyncio
import re
import socket
import ssl
import time
from email.utils import formatdate

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import OutputTransform

from tests.testclient.expected import STEPS
from tests.upstream.certificates import certificates

pytestmark = pytest.mark.gen_test


@pytest.fixture
def clock_of_coze(sandbox):
    """Sets by how many seconds Coze's clock is ahead; None leaves the time out of its answers."""

    def be_ahead(seconds, date=formatdate):
        class OtherDate(OutputTransform):
            def transform_first_chunk(self, status_code, headers, chunk, finishing):  # noqa: ARG002
                headers["Date"] = date(time.time() + seconds, usegmt=True)
                return status_code, headers, chunk

        sandbox.state.clock = sandbox.tokens._clock = lambda: time.time() + seconds
        sandbox.app.transforms.append(OtherDate)

    return be_ahead


def no_date(*_, **__):
    return "unknown"


@pytest.fixture
def tls(sandbox, io_loop, tmp_path):
    """The stand-in behind TLS, and the certificate to trust for that."""
    ca_file, server_file = certificates(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server_file)
    server = HTTPServer(sandbox.app, ssl_options=context)
    sockets = bind_sockets(0, "127.0.0.1")

    async def listen():
        server.add_sockets(sockets)

    io_loop.run_sync(listen)
    yield f"https://127.0.0.1:{sockets[0].getsockname()[1]}", str(ca_file)
    server.stop()
    io_loop.run_sync(server.close_all_connections)


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


async def test_a_host_that_is_down_is_told_with_what_to_look_at(check):
    address = f"http://127.0.0.1:{closed_port()}"
    found = await check(COZE_BASE_URL=address)
    assert f"{address} cannot be reached: " in found.steps["connection"]
    assert "Check COZE_BASE_URL, and whether a firewall is in the way" in found.text
    assert found.outcomes["connection"] == "failed"
    assert [found.outcomes[name] for name in STEPS[-3:]] == ["skipped"] * 3


async def test_a_proxy_that_is_not_there_is_told_of(check, monkeypatch):
    # A name that no resolver may know (RFC 6761, 6.4).
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    found = await check(COZE_BASE_URL="http://coze.example")
    assert "Could not resolve proxy: proxy.invalid -> Check https_proxy" in found.text


async def test_tls_where_there_is_none_is_told_of(check):
    def answer(_, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        found = await check(COZE_BASE_URL=f"https://127.0.0.1:{port}")
    assert "does not speak TLS. Check https:// and the port" in found.steps["connection"]
    assert found.outcomes["connection"] == "failed"


async def test_a_certificate_that_nobody_vouches_for_is_told_of(check, tls):
    found = await check(COZE_BASE_URL=tls[0])
    assert "certificate" in found.steps["connection"]
    assert "set COZE_CA_FILE to its certificate" in found.steps["connection"]
    assert found.outcomes["connection"] == "failed"


async def test_a_certificate_of_ones_own_is_trusted_where_it_is_named(check, tls):
    address, ca_file = tls
    found = await check(COZE_BASE_URL=address, COZE_CA_FILE=ca_file)
    assert found.outcomes == dict.fromkeys(STEPS, "ok")
    assert "127.0.0.1 answers, over TLS" in found.steps["connection"]


async def test_a_file_without_certificates_is_told_of(check, tls, tmp_path):
    (tmp_path / "empty.pem").write_text("nothing")
    found = await check(COZE_BASE_URL=tls[0], COZE_CA_FILE=str(tmp_path / "empty.pem"))
    assert "COZE_CA_FILE must be a file with certificates as PEM" in found.steps["connection"]
    assert found.outcomes["connection"] == "failed"


@pytest.mark.parametrize(("ahead", "words"), [(600, "behind"), (-600, "ahead of")])
async def test_a_clock_that_is_off_is_told_of_though_a_token_is_had(
    check, clock_of_coze, ahead, words
):
    clock_of_coze(ahead)
    found = await check()
    assert found.outcomes == {**dict.fromkeys(STEPS, "ok"), "clock": "warning"}
    # A Date has whole seconds.
    assert re.search(rf"clock is (599|600|601) s {words} Coze's -> Set it", found.steps["clock"])


async def test_a_clock_that_makes_jwts_too_old_is_corrected_by_cozes(check, clock_of_coze):
    clock_of_coze(7200)
    found = await check()
    assert found.outcomes == {**dict.fromkeys(STEPS, "ok"), "clock": "warning"}


async def test_a_clock_that_cannot_be_corrected_is_what_to_set(check, clock_of_coze):
    clock_of_coze(7200, date=no_date)
    found = await check()
    assert found.steps["clock"] == "skipped clock the answer does not tell the time"
    assert "Signature has expired" in found.steps["token"]
    assert "-> Set this machine's clock" in found.steps["token"]
    assert found.outcomes["token"] == "failed"
