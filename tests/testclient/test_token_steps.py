"""The steps that Coze decides: whether it gives a token, and whether it takes it."""

import json

import pytest

from tests.testclient.expected import STEPS
from tests.upstream.keys import APP_ID, KEY_ID, STRANGER, private_pem

pytestmark = pytest.mark.gen_test

WRONG_SITE = "api.coze.com knows no app of coze.cn; for one, set COZE_BASE_URL=https://api.coze.cn."

REFUSED = {
    "a key of another app": (
        {"COZE_JWT_PRIVATE_KEY": private_pem(STRANGER)},
        f"The private key does not match the public key that Coze has under {KEY_ID}.",
    ),
    "an unknown key id": (
        {"COZE_JWT_KEY_ID": "fingerprint-2"},
        "Coze has no public key fingerprint-2. Copy COZE_JWT_KEY_ID",
    ),
    "the id of another app": (
        {"COZE_JWT_APP_ID": "7"},
        "The key is not of the app 7. Copy COZE_JWT_APP_ID",
    ),
    "another audience": (
        {"COZE_JWT_AUD": "api.example.com"},
        "Coze is not api.example.com: take COZE_JWT_AUD out, so that the JWT is for 127.0.0.1:",
    ),
}


@pytest.mark.parametrize(("variables", "words"), REFUSED.values(), ids=REFUSED)
async def test_a_jwt_that_is_refused_is_told_with_the_setting_to_mend(check, variables, words):
    found = await check(**variables)
    assert found.outcomes == {**dict.fromkeys(STEPS, "ok"), "token": "failed", "access": "skipped"}
    assert "Coze answered invalid_client: invalid jwt: " in found.steps["token"]
    assert words in found.steps["token"]
    # Nobody is sent from the stand-in to one of Coze's sites.
    assert "api.coze.c" not in found.steps["token"]


ANSWERS = {
    ("invalid_client", "unknown kid"): "Coze has no public key fingerprint-1.",
    ("invalid_client", "invalid iss"): f"The key is not of the app {APP_ID}.",
    ("invalid_client", "bad aud"): "The JWT is for api.coze.com, the host of COZE_BASE_URL.",
}


@pytest.mark.parametrize(("answer", "words"), ANSWERS.items(), ids=str)
async def test_an_app_of_the_other_site_is_one_of_the_causes(check, http_proxy, answer, words):
    code, message = answer
    http_proxy.token_answer = 401, {"error_code": code, "error_message": message}
    found = await check(COZE_BASE_URL="http://api.coze.com")
    assert words in found.steps["token"]
    assert WRONG_SITE in found.steps["token"]


async def test_a_refusal_that_says_nothing_is_told_with_all_causes(check, http_proxy):
    http_proxy.token_answer = 401, {"error_code": "invalid_client", "error_message": "no"}
    said = (await check(COZE_BASE_URL="http://api.coze.com")).steps["token"]
    assert "It is one of these. (1) Set this machine's clock" in said
    for words in ("COZE_JWT_AUD", "The private key does not match", "COZE_JWT_APP_ID", WRONG_SITE):
        assert words in said


CODES = {
    ("access_deny", "app: A is currently deactivated by the owner"): "has to activate it again",
    ("access_deny", "invalid app type"): "Make another app in Coze's console, of the type for JWT",
    ("access_denied", "login session invalid"): "that the app is active, and of the type for JWT",
    ("unsupported_grant_type", "not supported grant type: x"): "gives no tokens for JWTs",
    ("invalid_request", "invalid request: scope"): "Check COZE_JWT_TTL and COZE_JWT_ACCOUNT_ID.",
    ("a_new_one", "?"): "Check the app in Coze's console, and that it is of the type for JWT",
}


@pytest.mark.parametrize(("answer", "words"), CODES.items(), ids=str)
async def test_each_code_of_cozes_has_its_cure(check, foreign_coze, answer, words):
    code, message = answer
    foreign_coze.token_answer = 400, {"error_code": code, "error_message": message}
    found = await check(COZE_BASE_URL=foreign_coze.base_url, COZE_JWT_ACCOUNT_ID="77")
    assert found.outcomes["token"] == "failed"
    assert f"Coze answered {code}: {message} (HTTP 400)" in found.steps["token"]
    assert words in found.steps["token"]


async def test_an_outage_of_cozes_is_nothing_to_mend(check, sandbox):
    sandbox.tokens.outage = True
    found = await check()
    assert "internal_error" in found.steps["token"]
    assert "The trouble is Coze's own. Try again later." in found.steps["token"]
    assert found.outcomes["token"] == "failed"


async def test_an_endpoint_that_is_not_cozes_is_told_of(check, foreign_coze):
    foreign_coze.token_answer = 404, "<html>no such page</html>"
    found = await check(COZE_BASE_URL=foreign_coze.base_url)
    assert "Coze answered without one (HTTP 404)" in found.steps["token"]
    assert f"Check that COZE_BASE_URL, {foreign_coze.base_url}, is the address" in found.text


async def test_nobody_is_followed_to_another_address(check, foreign_coze, sandbox):
    foreign_coze.elsewhere = sandbox.base_url
    found = await check(COZE_BASE_URL=foreign_coze.base_url)
    assert found.outcomes["token"] == "ok"
    assert found.outcomes["access"] == "failed"
    assert sandbox.requests == []


ACCESS = {
    "a permission that lacks": (
        (200, {"code": 4101, "msg": "no permission"}),
        "warning",
        "does not let it ask whose it is. Coze: no permission (code 4101)",
    ),
    "a token that is refused": (
        (401, {"code": 700012006, "msg": "access token invalid"}),
        "failed",
        "Coze gave the token, and does not take it. Coze: access token invalid (code 700012006)",
    ),
    "a path that is not there": (
        (404, "<html>no such page</html>"),
        "failed",
        "check that COZE_BASE_URL is the address of Coze's API",
    ),
}


@pytest.mark.parametrize(("answer", "outcome", "words"), ACCESS.values(), ids=ACCESS)
async def test_a_token_that_does_not_open_is_told_of(check, foreign_coze, answer, outcome, words):
    foreign_coze.user_answer = answer
    found = await check(COZE_BASE_URL=foreign_coze.base_url)
    assert found.outcomes == {**dict.fromkeys(STEPS, "ok"), "access": outcome}
    assert words in found.steps["access"]


async def test_a_credential_that_coze_repeats_is_masked(check, foreign_coze):
    foreign_coze.echoed = True
    foreign_coze.token_answer = 401, {"error_code": "invalid_client", "error_message": "refused"}
    found = await check(COZE_BASE_URL=foreign_coze.base_url)
    assert "refused Bearer ********" in found.steps["token"]

    # A token of a form that Coze's have not had so far.
    foreign_coze.token_answer = 200, {"access_token": "canary-of-no-known-form", "expires_in": 900}
    foreign_coze.user_answer = 401, {"code": 4100, "msg": "refused"}
    found = await check(COZE_BASE_URL=foreign_coze.base_url)
    assert "refused Bearer ********" in found.steps["access"]
    assert "canary" not in found.text + found.json


async def test_json_has_all_that_the_lines_have(check):
    found = await check(COZE_JWT_KEY_ID="fingerprint-2")
    report = json.loads(found.json)
    assert report["ok"] is False
    assert [step["name"] for step in report["checks"]] == STEPS
    token = report["checks"][STEPS.index("token")]
    assert token.keys() == {"name", "outcome", "detail", "cure", "seconds"}
    assert token["outcome"] == "failed"
    assert token["cure"].startswith("Coze has no public key fingerprint-2.")
    assert token["seconds"] >= 0
