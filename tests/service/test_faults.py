"""Faults that are not the caller's: Coze that cannot be reached, and bugs of the service."""

import socket

import openai
import pytest

from cozeproxy.handlers.base import BaseHandler
from cozeproxy.protocol import coze
from tests.service.asking import body, error_of, to

pytestmark = pytest.mark.gen_test(timeout=15)


class TestUnreachableUpstream:
    @pytest.fixture
    def environment(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            # Bound and not listening: nobody else gets the port, and connections are refused.
            yield {"COZE_BASE_URL": f"http://127.0.0.1:{free.getsockname()[1]}"}

    @pytest.mark.parametrize("stream", [False, True])
    async def test_request_is_a_502_that_names_no_address(self, post, stream):
        response = await post(body("hello", stream=stream))
        assert response.code == 502
        error = error_of(response)
        assert (error["type"], error["code"]) == ("server_error", "upstream_error")
        assert "127.0.0.1" not in error["message"]
        assert "X-Should-Retry" not in response.headers

    async def test_sdk_raises_an_internal_server_error(self, caller):
        with pytest.raises(openai.InternalServerError) as caught:
            await caller.chat.completions.create(**to("hello"))
        assert caught.value.status_code == 502


class TestBug:
    """Errors of the service's own, which a test has to bring with it."""

    @pytest.fixture
    def app(self, app):
        class Broken(BaseHandler):
            async def get(self):
                raise ZeroDivisionError("an internal detail")

        context = app.settings["default_handler_args"]["context"]
        app.add_handlers(".*", [("/v1/broken", Broken, {"context": context})])
        return app

    @pytest.fixture
    def logged(self, caplog):
        """What was logged as a bug, which is expected here."""

        def take():
            found = [r for r in caplog.records if r.exc_info]
            caplog.clear()
            return found

        return take

    async def test_bug_is_a_500_without_internals_and_logged_with_them(self, post, logged):
        response = await post(None, "/v1/broken", "GET")
        assert response.code == 500
        assert error_of(response) == {
            "message": "The service failed to answer this request.",
            "type": "server_error",
            "param": None,
            "code": None,
        }
        (record,) = logged()
        assert record.exc_info[0] is ZeroDivisionError
        assert response.headers["X-Request-Id"] in record.getMessage()

    @pytest.mark.parametrize("stream", [False, True])
    async def test_bug_in_the_translation_is_a_500(self, post, logged, monkeypatch, stream):
        def broken(_raw):
            raise ZeroDivisionError("an internal detail")

        monkeypatch.setattr(coze, "text", broken)
        response = await post(body("hello", stream=stream))
        assert response.code == 500
        assert error_of(response)["message"] == "The service failed to answer this request."
        (record,) = logged()
        assert record.exc_info[0] is ZeroDivisionError
