"""F16: no connection to Coze can be made, for each reason that there is."""

import asyncio
import socket
import ssl
from contextlib import suppress

import pytest

from cozeproxy.app import Service
from cozeproxy.settings import Settings
from tests.faults.answers import asked, failure_of, taking
from tests.faults.pauses import Pauses
from tests.faults.raw_caller import request
from tests.faults.sockets import unanswering
from tests.service.asking import body
from tests.service.exchange import LINGER
from tests.support import coze
from tests.upstream.certificates import certificates

pytestmark = pytest.mark.gen_test(timeout=15)

# It is no name: a part of one has at most 63 characters (RFC 1035, 2.3.4).
NO_NAME = "x" * 64 + ".invalid"


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request):
    return request.param


@pytest.fixture
def pauses():
    return Pauses()


@pytest.fixture
def service(io_loop, variables, pauses):
    async def make():
        return Service(Settings.from_env(variables), pauses.timing)

    service = io_loop.run_sync(make)
    yield service
    io_loop.run_sync(service.stop)


def told(response, status=502, code="upstream_error"):
    """Show that a response is such an error, that a resend may help, and that it names nothing."""
    assert (response.status, response.error["code"]) == (status, code)
    assert "x-should-retry" not in response.headers
    assert "127.0.0.1" not in response.error["message"]
    assert "invalid" not in response.error["message"]


class TestRefused:
    """Nobody listens there."""

    @pytest.fixture
    def listens_at_pause(self, upstream, pauses):
        """Have the upstream listen from one of the pauses on."""
        port = int(upstream.base_url.rpartition(":")[2])

        async def listens_at_pause(number):
            await upstream.refuse()

            async def then():
                if len(pauses.asked) == number:
                    await upstream.listen(port)

            pauses.then = then

        return listens_at_pause

    async def test_it_is_a_502_after_as_many_attempts_as_are_allowed(
        self, dial, upstream, pauses, stream
    ):
        await upstream.refuse()
        told(await (await dial()).ask(body("7", stream=stream)))
        assert len(pauses.asked) == 2

    @pytest.mark.parametrize("number", [1, 2])
    async def test_host_that_is_up_again_answers_and_is_asked_once(
        self, dial, upstream, pauses, listens_at_pause, number, stream
    ):
        await listens_at_pause(number)
        caller, call = await asked(dial, upstream, stream=stream)
        await call.answer(coze.answer("Fine"))
        response = await caller.response()
        assert response.status == 200
        assert b'"Fine"' in response.body
        assert len(pauses.asked) == number
        assert (upstream.accepted, upstream.waiting()) == (1, 0)

    @pytest.mark.parametrize(("chance", "seconds"), [(0, [0.1, 0.2]), (1, [0.2, 0.4])])
    async def test_pauses_grow_and_are_not_the_same_for_all(
        self, dial, upstream, pauses, chance, seconds
    ):
        await upstream.refuse()
        pauses.chance = chance
        told(await (await dial()).ask(body("7")))
        assert pauses.asked == pytest.approx(seconds)

    async def test_ten_seconds_are_enough(self, dial, upstream, pauses):
        await upstream.refuse()

        async def then():
            pauses.passed += 9.9

        pauses.then = then
        told(await (await dial()).ask(body("7")))
        assert len(pauses.asked) == 1

    class TestNoRetries:
        @pytest.fixture
        def environment(self):
            return {"MAX_RETRIES": "0"}

        async def test_one_attempt_is_all(self, dial, upstream, pauses):
            await upstream.refuse()
            told(await (await dial()).ask(body("7")))
            assert pauses.asked == []

    class TestHeartbeats:
        @pytest.fixture
        def environment(self):
            return {"HEARTBEAT_SECONDS": "0.02", "MAX_RETRIES": "5"}

        async def test_nothing_is_tried_again_once_the_caller_has_got_something(
            self, dial, upstream, pauses
        ):
            await upstream.refuse()
            caller = await dial()
            begun = asyncio.Event()
            pauses.then = begun.wait
            await caller.send(request(body("7", stream=True)))
            # The role came while the service waited for the moment of another attempt,
            assert (await caller.head()).status == 200
            seen = await caller.until(b": still working\n\n")
            begun.set()
            # which then failed, and was the last.
            error = failure_of(seen + await caller.rest(), said="")
            assert error["code"] == "upstream_error"
            assert len(pauses.asked) == 1


class TestUnknownName:
    @pytest.fixture
    def environment(self):
        return {"COZE_BASE_URL": f"http://{NO_NAME}"}

    async def test_it_is_a_502_after_new_attempts(self, dial, pauses, stream):
        told(await (await dial()).ask(body("7", stream=stream)))
        assert len(pauses.asked) == 2


class TestNoAnswer:
    @pytest.fixture
    def environment(self):
        with unanswering() as base_url:
            yield {"COZE_BASE_URL": base_url, "UPSTREAM_CONNECT_TIMEOUT": "0.2"}

    async def test_it_is_a_504_within_the_time_for_connecting(self, dial, pauses, stream):
        times = []
        with taking(times):
            response = await (await dial()).ask(body("7", stream=stream))
        told(response, 504, "upstream_timeout")
        assert 0.2 <= times[0] < 2
        # The time is used up: there is no other attempt.
        assert pauses.asked == []


class Host:
    """Takes connections, and speaks no TLS on any.

    Attributes:
        connections: how many there were.
        does: what is done with each.
    """

    def __init__(self):
        self.connections = 0
        self.does = None
        self.base_url = ""
        self._server = None

    async def listen(self):
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.base_url = f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self):
        self._server.close()
        await self._server.wait_closed()

    async def _connected(self, reader, writer):
        self.connections += 1
        await self.does(reader, writer)
        writer.close()


async def speaks_plain_http(reader, writer):
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def hangs_up(reader, _):
    await reader.read(1)


async def resets(reader, writer):
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    writer.transport.abort()


async def says_nothing(reader, _):
    with suppress(ConnectionError):
        await reader.read()


class TestNoTls:
    @pytest.fixture
    def host(self, io_loop):
        host = Host()
        io_loop.run_sync(host.listen)
        yield host
        io_loop.run_sync(host.stop)

    @pytest.fixture
    def environment(self, host):
        return {"COZE_BASE_URL": host.base_url, "UPSTREAM_CONNECT_TIMEOUT": "0.3"}

    @pytest.mark.parametrize("does", [speaks_plain_http, hangs_up, resets])
    async def test_host_that_cannot_be_talked_to_is_a_502_after_new_attempts(
        self, dial, host, pauses, does, stream
    ):
        host.does = does
        told(await (await dial()).ask(body("7", stream=stream)))
        assert len(pauses.asked) == 2
        assert host.connections == 3

    async def test_silence_in_the_handshake_is_a_504_within_the_time_for_connecting(
        self, dial, host, stream
    ):
        host.does = says_nothing
        times = []
        with taking(times):
            response = await (await dial()).ask(body("7", stream=stream))
        told(response, 504, "upstream_timeout")
        assert times[0] < 2
        assert host.connections == 1


class TestCertificate:
    @pytest.fixture
    def upstream(self, io_loop, upstream, tmp_path):
        """It speaks TLS with a certificate that no well-known authority has signed."""
        _, certificate = certificates(tmp_path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

        async def change():
            await upstream.refuse()
            await upstream.listen(ssl=context)

        io_loop.run_sync(change)
        return upstream

    async def test_stranger_is_a_502_that_says_so_and_is_not_tried_again(
        self, dial, upstream, pauses, stream
    ):
        response = await (await dial()).ask(body("7", stream=stream))
        told(response)
        assert "certificate" in response.error["message"]
        assert pauses.asked == []
        assert upstream.waiting() == 0


async def test_host_that_takes_the_request_and_hangs_up_is_not_asked_again(
    dial, upstream, pauses, stream
):
    caller, call = await asked(dial, upstream, stream=stream)
    call.close()
    assert (await caller.response()).status == 502
    assert pauses.asked == []
    assert (upstream.accepted, upstream.waiting()) == (1, 0)


async def test_limits_of_coze_are_the_callers_business(dial, upstream, pauses, stream):
    caller, call = await asked(dial, upstream, stream=stream)
    await call.reply({"code": 4013, "msg": "slow down"}, status="429 Slow", Retry_After="7")
    response = await caller.response()
    assert (response.status, response.headers["retry-after"]) == (429, "7")
    assert "x-should-retry" not in response.headers
    assert pauses.asked == []
    assert upstream.waiting() == 0
