"""Headers of every answer: what protects it, what does not tell, what is not believed."""

import asyncio
import json

import pytest

from tests.doors.access import ANN, bearer
from tests.doors.everything import CHAT, EVERYTHING
from tests.service.asking import body
from tests.support.canaries import CALLER_KEY

pytestmark = pytest.mark.gen_test(timeout=15)

PROTECTING = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


async def test_every_answer_is_protected_and_does_not_tell_what_serves_it(answers):
    for name, response in await answers(EVERYTHING):
        for header, value in PROTECTING.items():
            assert response.headers.get_list(header) == [value], name
        assert not {"Server", "X-Powered-By", "Via", "Set-Cookie", "Etag"} & set(response.headers)
        assert response.headers["X-Request-Id"].startswith("req_")


class TestWithKeys:
    @pytest.fixture
    def environment(self):
        return {"PROXY_API_KEYS": ANN}

    async def test_refusal_of_a_key_is_protected_too(self, post):
        response = await post(body("hello"))
        assert response.code == 401
        assert PROTECTING.items() <= dict(response.headers).items()
        assert "Server" not in response.headers


class TestForwarding:
    @pytest.fixture
    def environment(self, oauth_app):
        return {**oauth_app, "TOKEN_ENDPOINTS": "loopback", "PORT": "0"}

    @pytest.fixture
    def own_server(self, io_loop, service):
        """The service's own listener, not that of the other tests."""

        async def start():
            return f"http://127.0.0.1:{service.start()}"

        return io_loop.run_sync(start)

    async def test_what_a_request_says_of_itself_is_not_believed(self, http_client, own_server):
        secure = {"Origin": own_server.replace("http:", "https:"), "X-Scheme": "https"}
        for headers, status in (({}, 200), ({"Origin": own_server}, 200), (secure, 403)):
            response = await http_client.fetch(
                f"{own_server}/get_jwt", headers=headers, raise_error=False
            )
            assert response.code == status

    async def test_addresses_that_a_request_names_are_in_no_log(
        self, http_client, own_server, caplog
    ):
        named = {"X-Forwarded-For": "203.0.113.7", "X-Real-Ip": "203.0.113.7", "Forwarded": "for=x"}
        response = await http_client.fetch(
            f"{own_server}{CHAT}",
            method="POST",
            headers={**named, **bearer(CALLER_KEY)},
            body=json.dumps(body("hello")),
        )
        assert response.code == 200
        assert " 200 POST " in f" {caplog.messages[-1]}"
        assert "203.0.113.7" not in caplog.text

    async def test_bad_http_is_answered_without_a_name(self, own_server):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(own_server.split(":")[2]))
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        said = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert b" 400 " in said.splitlines()[0]
        assert b"Tornado" not in said
        assert b"Server" not in said
