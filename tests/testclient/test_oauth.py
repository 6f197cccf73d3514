"""The steps to a token, against the stand-in and against what is wrong with each of them."""

import asyncio
import json
import re
import socket
import ssl
import time
from email.utils import formatdate

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import OutputTransform

from cozeproxy.sandbox import Sandbox
from tests.upstream.certificates import certificates
from tests.upstream.keys import (
    APP_ID,
    KEY,
    KEY_ID,
    PEM,
    STRANGER,
    base64_of,
    new_key,
    private_pem,
    public_pem,
)

pytestmark = pytest.mark.gen_test

STEPS = ["settings", "key", "ids", "site", "connection", "clock", "token", "access"]
WRONG_SITE = "api.coze.com knows no app of coze.cn; for one, set COZE_BASE_URL=https://api.coze.cn."


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


@pytest.fixture
def http_proxy(foreign_coze, monkeypatch):
    """Whatever is asked for by http, from any host, is asked of the foreign Coze."""
    monkeypatch.setenv("http_proxy", foreign_coze.base_url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return foreign_coze


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


BARE = "".join(PEM.splitlines()[1:-1])


@pytest.mark.parametrize("text", [PEM, PEM.replace("\n", "\\n"), base64_of(PEM), BARE])
@pytest.mark.parametrize("name", ["COZE_JWT_APP_ID", "COZE_JWT_KEY_ID", "COZE_JWT_AUD"])
async def test_a_key_in_a_wrong_variable_is_masked(check, name, text):
    found = await check(**{name: text})
    assert "********" in found.steps["token"]
    for secret in (base64_of(PEM), BARE):
        assert secret[-100:] not in found.text + found.json


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
