"""The steps that look at the settings: what is there, the key, the ids, the addresses."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

from cozeproxy.sandbox import Sandbox
from tests.testclient.expected import STEPS
from tests.upstream.keys import (
    APP_ID,
    KEY,
    KEY_ID,
    PEM,
    base64_of,
    new_key,
    private_pem,
    public_pem,
)

pytestmark = pytest.mark.gen_test


async def test_all_steps_are_well_where_all_is_set_up(check, sandbox):
    found = await check()
    assert found.outcomes == dict.fromkeys(STEPS, "ok")
    assert f"app {APP_ID}, key {KEY_ID}" in found.steps["ids"]
    assert "in the session 'openai-proxy'" in found.steps["token"]
    paths = [record.path for record in sandbox.requests]
    assert paths == ["/api/permission/oauth2/token"] * 2 + ["/v1/users/me"]


async def test_without_any_setting_all_that_is_missing_is_named(check, sandbox):
    empty = dict.fromkeys(["COZE_JWT_APP_ID", "COZE_JWT_KEY_ID", "COZE_JWT_PRIVATE_KEY"], "")
    found = await check(**empty, COZE_API_KEY=Sandbox.API_KEY)
    assert found.steps["settings"] == (
        "failed settings missing: COZE_JWT_APP_ID, COZE_JWT_KEY_ID, COZE_JWT_PRIVATE_KEY or"
        " COZE_JWT_PRIVATE_KEY_FILE -> Set them in .env. JWT-SETUP.md says where they come from."
    )
    assert found.steps["token"] == "skipped token needs key"
    # What can be tried is tried.
    assert found.outcomes == {
        **dict.fromkeys(STEPS, "skipped"),
        "settings": "failed",
        **dict.fromkeys(["site", "connection", "clock"], "ok"),
    }
    assert [record.method for record in sandbox.requests] == ["GET"]


@pytest.mark.parametrize("name", ["COZE_JWT_APP_ID", "COZE_JWT_KEY_ID", "COZE_JWT_PRIVATE_KEY"])
async def test_a_setting_that_is_missing_is_named(check, name):
    found = await check(**{name: f"your-{name}"})
    assert f"missing: {name}" in found.steps["settings"]
    assert found.outcomes["key"] == "skipped"


async def test_two_keys_are_one_too_many(check, tmp_path):
    (tmp_path / "key.pem").write_text(PEM)
    found = await check(COZE_JWT_PRIVATE_KEY_FILE=str(tmp_path / "key.pem"))
    assert "COZE_JWT_PRIVATE_KEY and COZE_JWT_PRIVATE_KEY_FILE are both set" in found.text
    assert found.outcomes["settings"] == "failed"


async def test_a_service_that_would_not_use_oauth_is_told_of(check):
    found = await check(COZE_TOKEN_PASSTHROUGH="true")
    assert "With COZE_TOKEN_PASSTHROUGH it sends the tokens of its callers" in found.text
    assert found.outcomes == {**dict.fromkeys(STEPS, "ok"), "settings": "warning"}


KEYS = {
    "no key at all": (
        "canary",
        "must be an RSA private key as PEM text, from -----BEGIN PRIVATE KEY-----",
    ),
    "the public key": (public_pem(KEY), "this one is marked PUBLIC KEY"),
    "a key with a passphrase": (
        private_pem(KEY, encryption=BestAvailableEncryption(b"canary")),
        "must be a private key without a passphrase; 'openssl pkey -in KEY -out NEW' makes one",
    ),
    "a key of another kind": (
        private_pem(ec.generate_private_key(ec.SECP256R1())),
        "must be an RSA private key; this one is of another kind",
    ),
    "a key that is too short": (
        private_pem(new_key(1024)),
        "at least 2048 bits; this one has 1024",
    ),
    "the first line of a key": (PEM.splitlines()[0], "must be a private key to its last line"),
}


@pytest.mark.parametrize(("text", "words"), KEYS.values(), ids=KEYS)
async def test_a_key_that_cannot_sign_is_told_in_words(check, text, words):
    found = await check(COZE_JWT_PRIVATE_KEY=text)
    assert found.outcomes["key"] == "failed"
    assert found.outcomes["token"] == "skipped"
    assert words in found.steps["key"]
    assert found.steps["key"].startswith("failed key COZE_JWT_PRIVATE_KEY is '********', but ")
    assert "canary" not in found.text


async def test_a_file_with_something_else_is_named(check, tmp_path):
    path = tmp_path / "key.pem"
    path.write_text("canary")
    found = await check(COZE_JWT_PRIVATE_KEY="", COZE_JWT_PRIVATE_KEY_FILE=str(path))
    assert found.outcomes["key"] == "failed"
    assert "COZE_JWT_PRIVATE_KEY_FILE is " in found.steps["key"]
    assert "key.pem', but must be a file with an RSA private key" in found.steps["key"]


IDS = {
    "swapped": (
        KEY_ID,
        APP_ID,
        "COZE_JWT_APP_ID is no number, as Coze's ids are; it looks swapped",
    ),
    "no app id": ("my app", KEY_ID, "COZE_JWT_APP_ID is no number"),
    "no fingerprint": (APP_ID, "two words", "COZE_JWT_KEY_ID is no fingerprint of a key"),
    "a key for its id": (APP_ID, PEM, "COZE_JWT_KEY_ID is no fingerprint of a key"),
    "a key in base64 for its id": (APP_ID, base64_of(PEM), "COZE_JWT_KEY_ID is no fingerprint"),
    "one id for both": (APP_ID, APP_ID, "COZE_JWT_KEY_ID is the same as COZE_JWT_APP_ID"),
}


@pytest.mark.parametrize(("app_id", "key_id", "words"), IDS.values(), ids=IDS)
async def test_ids_that_look_wrong_are_told_of_and_coze_has_the_last_word(
    check, app_id, key_id, words
):
    found = await check(COZE_JWT_APP_ID=app_id, COZE_JWT_KEY_ID=key_id)
    assert found.outcomes["ids"] == "warning"
    assert words in found.steps["ids"]
    assert "Copy it again from the app in Coze's console" in found.steps["ids"]
    assert found.outcomes["token"] == "failed"
    assert base64_of(PEM) not in found.text + found.json


async def test_an_odd_id_that_coze_takes_does_not_decide(check, sandbox):
    sandbox.register_oauth_app("my-app", KEY_ID, public_pem(KEY))
    found = await check(COZE_JWT_APP_ID="my-app")
    assert found.outcomes == {**dict.fromkeys(STEPS, "ok"), "ids": "warning"}


@pytest.mark.parametrize("host", ["www.coze.cn", "coze.cn"])
@pytest.mark.usefixtures("http_proxy")
async def test_the_address_of_the_console_is_not_that_of_the_api(check, host):
    found = await check(COZE_BASE_URL=f"http://{host}")
    assert (
        f"COZE_BASE_URL is Coze's console, {host} -> Set it to https://api.coze.cn." in found.text
    )
    assert found.outcomes["site"] == "warning"


async def test_an_audience_that_is_no_host_is_told_of(check):
    found = await check(COZE_JWT_AUD="https://api.coze.com")
    assert "COZE_JWT_AUD is 'https://api.coze.com', and should be a host alone" in found.text
    assert found.outcomes["site"] == "warning"


@pytest.mark.usefixtures("http_proxy")
async def test_an_audience_of_the_other_site_is_told_of(check):
    found = await check(COZE_BASE_URL="http://api.coze.cn", COZE_JWT_AUD="api.coze.com")
    assert "COZE_JWT_AUD is api.coze.com, but COZE_BASE_URL is at api.coze.cn" in found.text
    assert found.outcomes["site"] == "warning"


async def test_an_audience_for_a_way_of_ones_own_to_coze_is_well(check):
    found = await check(COZE_JWT_AUD="api.coze.cn")
    assert found.outcomes == dict.fromkeys(STEPS, "ok")
    assert "with JWTs for api.coze.cn" in found.steps["site"]


BARE = "".join(PEM.splitlines()[1:-1])


@pytest.mark.parametrize("text", [PEM, PEM.replace("\n", "\\n"), base64_of(PEM), BARE])
@pytest.mark.parametrize("name", ["COZE_JWT_APP_ID", "COZE_JWT_KEY_ID", "COZE_JWT_AUD"])
async def test_a_key_in_a_wrong_variable_is_masked(check, name, text):
    found = await check(**{name: text})
    assert "********" in found.steps["token"]
    for secret in (base64_of(PEM), BARE):
        assert secret[-100:] not in found.text + found.json
