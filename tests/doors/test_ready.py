"""``GET /ready``: whether a balancer may send requests here."""

import json
import logging

import pytest

from tests.service.asking import body

pytestmark = pytest.mark.gen_test(timeout=15)


@pytest.fixture
def state(post):
    async def state():
        response = await post(None, "/ready", "GET")
        assert (await post(None, "/ready", "HEAD")).code == response.code
        return response.code, json.loads(response.body)["status"]

    return state


async def test_service_with_an_api_key_is_ready_at_once(state, sandbox):
    assert await state() == (200, "ready")
    assert sandbox.requests == []


async def test_question_is_logged_for_debugging_only(state, caplog):
    await state()
    assert "/ready" not in caplog.text
    caplog.set_level(logging.DEBUG, "cozeproxy.access")
    await state()
    assert "200 GET /ready" in caplog.text


class TestOAuth:
    @pytest.fixture
    def environment(self, oauth_app):
        return oauth_app

    async def test_service_is_ready_when_it_has_had_a_token(self, state, post, sandbox):
        sandbox.tokens.outage = True
        assert (await post(body("hello"))).code == 502
        assert await state() == (503, "starting")
        sandbox.tokens.outage = False
        assert (await post(body("hello"))).code == 200
        assert await state() == (200, "ready")

    async def test_outage_later_is_told_by_requests_and_not_by_this(
        self, state, post, sandbox, grown_old
    ):
        await grown_old()
        sandbox.tokens.outage = True
        sandbox.tokens.revoke_issued()
        assert (await post(body("hello"))).code == 502
        assert await state() == (200, "ready")


class TestPassthrough:
    @pytest.fixture
    def environment(self):
        return {"COZE_API_KEY": "", "COZE_TOKEN_PASSTHROUGH": "true"}

    async def test_service_that_has_no_token_of_its_own_is_ready_at_once(self, state):
        assert await state() == (200, "ready")
