"""Exchanging JWTs for tokens: with the stand-in, and with endpoints that misbehave."""

import asyncio
import json
import time

import jwt
import pytest

from cozeproxy.settings import Secret
from cozeproxy.upstream.assertion import OAuthApp
from cozeproxy.upstream.grant import Grant, TokenError
from tests.upstream.keys import APP_ID, KEY, KEY_ID, STRANGER

pytestmark = pytest.mark.gen_test

PATH = "/api/permission/oauth2/token"


async def test_stand_in_gives_a_token_for_the_session(sandbox, exchange):
    grant = await exchange(seconds=60)("ann")
    assert sandbox.tokens.owner_of(grant.token.reveal()) == "ann"
    assert grant.life == 60
    (request,) = sandbox.requests
    assert request.body["duration_seconds"] == 60


async def test_request_is_what_coze_documents(endpoint, exchange):
    asking = asyncio.create_task(exchange(endpoint.base_url, seconds=60)("ann"))
    request = await endpoint.asked()
    assert request.target == PATH
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("cozeproxy/")
    grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    assert request.body == {"grant_type": grant_type, "duration_seconds": 60}
    claims = jwt.decode(request.assertion, options={"verify_signature": False})
    assert claims["aud"] == f"127.0.0.1:{endpoint.port}"
    assert claims["session_name"] == "ann"
    assert len(bytes.fromhex(claims["jti"])) == 32
    request.grant("t", 60)
    assert await asking == Grant(Secret("t"), 60)


async def test_every_jwt_has_a_name_of_its_own(endpoint, exchange):
    ask = exchange(endpoint.base_url)
    names = set()
    for _ in range(3):
        asking = asyncio.create_task(ask("ann"))
        request = await endpoint.asked()
        names.add(jwt.decode(request.assertion, options={"verify_signature": False})["jti"])
        request.grant("t")
        await asking
    assert len(names) == 3


async def test_account_and_scope_are_sent_as_they_are_set(endpoint, exchange):
    scope = {"account_permission": {"permission_list": ["Connector.botChat"]}}
    ask = exchange(endpoint.base_url, account_id="77", scope=json.dumps(scope))
    asking = asyncio.create_task(ask("ann"))
    request = await endpoint.asked()
    assert request.target == "/api/permission/oauth2/account/77/token"
    assert request.body["scope"] == scope
    request.grant("t")
    await asking


async def test_stand_in_gives_a_token_for_an_account(sandbox, exchange):
    grant = await exchange(account_id="77")("ann")
    assert sandbox.tokens.owner_of(grant.token.reveal()) == "ann"


@pytest.mark.parametrize("real_time", [True])
@pytest.mark.parametrize(
    ("app", "said"),
    [
        (OAuthApp(APP_ID, "another", KEY, "api.coze.com"), "unknown kid"),
        (OAuthApp(APP_ID, KEY_ID, STRANGER, "api.coze.com"), "Signature verification failed"),
        (OAuthApp("another", KEY_ID, KEY, "api.coze.com"), "Invalid issuer"),
        (OAuthApp(APP_ID, KEY_ID, KEY, "api.example.com"), "Audience doesn't match"),
    ],
    ids=["key id", "key", "app", "audience"],
)
async def test_refusal_says_what_is_wrong_and_is_not_repeated(sandbox, exchange, app, said):
    with pytest.raises(TokenError, match=said) as caught:
        await exchange(app=app, wall=time.time)("ann")
    assert (caught.value.code, caught.value.refused) == ("invalid_client", True)
    assert "COZE_JWT_AUD" in str(caught.value)
    assert "clock" not in str(caught.value)
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("real_time", [True])
@pytest.mark.parametrize("off", [-7200, -86400 * 365])
async def test_clock_that_is_far_behind_is_corrected_by_cozes(sandbox, exchange, off):
    ask = exchange(wall=lambda: time.time() + off)
    grant = await ask("ann")
    assert grant.life == pytest.approx(900, abs=2)
    assert len(sandbox.requests) == 2
    await ask("ann")
    assert len(sandbox.requests) == 3


@pytest.mark.parametrize("real_time", [True])
async def test_clock_is_corrected_for_all_that_were_signed_with_it(sandbox, exchange):
    ask = exchange(wall=lambda: time.time() - 7200)
    names = ["ann", "bob", "carl"]
    grants = await asyncio.gather(*(ask(name) for name in names))
    assert [sandbox.tokens.owner_of(grant.token.reveal()) for grant in grants] == names


@pytest.mark.parametrize("real_time", [True])
@pytest.mark.parametrize("off", [-3000, -20, 20, 7200])
async def test_clock_that_is_off_but_not_refused_is_left_alone(sandbox, exchange, off):
    grant = await exchange(wall=lambda: time.time() + off)("ann")
    assert grant.life == pytest.approx(900, abs=2)
    assert len(sandbox.requests) == 1


async def test_clock_is_not_corrected_where_coze_does_not_tell_the_time(endpoint, exchange):
    asking = asyncio.create_task(exchange(endpoint.base_url)("ann"))
    (await endpoint.asked()).answer({"error_code": "invalid_client"}, 401)
    with pytest.raises(TokenError):
        await asking


async def test_clock_that_is_off_is_named_where_it_is_not_all_that_is_wrong(endpoint, exchange):
    asking = asyncio.create_task(exchange(endpoint.base_url, wall=lambda: 1_800_000_000)("ann"))
    for _ in range(2):
        request = await endpoint.asked()
        request.answer({"error_code": "invalid_client"}, 401, date=1_800_000_500)
    # The second one has been signed with Coze's time.
    claims = jwt.decode(request.assertion, options={"verify_signature": False})
    assert claims["iat"] == 1_800_000_500 - 30
    with pytest.raises(TokenError, match="clock is 500 s behind Coze's"):
        await asking


@pytest.mark.parametrize("date", ["soon", "Thu, 99 Jan 2027 00:00:00 GMT", ""])
async def test_date_that_is_none_is_passed_over(endpoint, exchange, clock, date):
    asking = asyncio.create_task(exchange(endpoint.base_url)("ann"))
    answer = {"access_token": "t", "expires_in": clock.now + 60}
    (await endpoint.asked()).answer(answer, Date=date)
    assert (await asking).life == 60


async def test_outage_is_told_with_cozes_words(sandbox, exchange):
    sandbox.tokens.outage = True
    with pytest.raises(TokenError, match="internal_error: Service internal error") as caught:
        await exchange()("ann")
    assert caught.value.answer.status == 502
    assert not caught.value.refused


async def test_redirect_is_not_followed(sandbox, endpoint, exchange):
    asking = asyncio.create_task(exchange(endpoint.base_url)("ann"))
    (await endpoint.asked()).answer(b"", 307, Location=f"{sandbox.base_url}{PATH}")
    with pytest.raises(TokenError, match=r"HTTP 307"):
        await asking
    assert sandbox.requests == []


async def test_endpoint_that_refuses_connections_cannot_be_reached(endpoint, exchange):
    await endpoint.stop()
    with pytest.raises(TokenError, match="Coze cannot be reached") as caught:
        await exchange(endpoint.base_url)("ann")
    assert str(endpoint.port) not in str(caught.value)


async def test_endpoint_that_hangs_up_is_a_failure(endpoint, exchange):
    asking = asyncio.create_task(exchange(endpoint.base_url)("ann"))
    (await endpoint.asked()).hang_up()
    with pytest.raises(TokenError, match="broke off"):
        await asking


async def test_answer_that_is_far_too_long_is_a_failure(endpoint, exchange):
    asking = asyncio.create_task(exchange(endpoint.base_url)("ann"))
    (await endpoint.asked()).answer(b" " * 2**20)
    with pytest.raises(TokenError, match="broke off"):
        await asking


async def test_close_ends_exchanges_that_run_or_wait_for_their_turn(endpoint, exchange):
    ask = exchange(endpoint.base_url)
    asking = [asyncio.create_task(ask(f"user {number}")) for number in range(30)]
    for _ in range(20):
        await endpoint.asked()
    await ask.close()
    ends = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(end) for end in ends} == {TokenError}
    with pytest.raises(TokenError, match="stopping"):
        await ask("ann")


async def test_private_certificate_is_trusted_if_its_authority_is_given(tls, exchange):
    endpoint, ca_file = tls
    asking = asyncio.create_task(exchange(endpoint.base_url, ca_file=ca_file)("ann"))
    (await endpoint.asked()).grant("t")
    assert (await asking).token == Secret("t")


async def test_private_certificate_is_not_trusted_by_itself(tls, exchange):
    endpoint, _ = tls
    with pytest.raises(TokenError, match="certificate is not to be trusted"):
        await exchange(endpoint.base_url)("ann")


async def test_proxy_of_the_environment_is_asked(http_proxy, exchange):
    asking = asyncio.create_task(exchange("http://coze.example")("ann"))
    request = await http_proxy.asked()
    assert request.target == f"http://coze.example{PATH}"
    request.grant("t")
    assert (await asking).token == Secret("t")


@pytest.mark.usefixtures("http_proxy")
async def test_host_that_no_proxy_names_is_asked_directly(endpoint, exchange, monkeypatch):
    # An address of this machine that is none of its loopback ones.
    monkeypatch.setenv("no_proxy", "0.0.0.0")
    asking = asyncio.create_task(exchange(f"http://0.0.0.0:{endpoint.port}")("ann"))
    (await endpoint.asked()).grant("t")
    assert (await asking).token == Secret("t")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.usefixtures("http_proxy")
async def test_this_machine_is_asked_directly_whatever_the_proxy(endpoint, exchange, host):
    asking = asyncio.create_task(exchange(f"http://{host}:{endpoint.port}")("ann"))
    (await endpoint.asked()).grant("t")
    assert (await asking).token == Secret("t")
