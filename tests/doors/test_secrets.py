"""Secrets are in no answer and no log line, not even at DEBUG, whatever is asked or goes wrong.

``tests/support/watch.py`` sees to that in every test. Here the service is a process, is asked for
everything in all ways at once, and is looked at from outside; messages and queries are looked for,
too, and what settings print.
"""

import json
import sys
from pathlib import Path

import pytest
from tornado.httpclient import AsyncHTTPClient

from cozeproxy.cli.sandbox import in_place_of_coze
from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import Settings
from tests.doors.access import ANN, BOB, OTHER, SECRET, bearer, digest, keys_file
from tests.service.asking import body, text_part
from tests.support.canaries import ACCESS_TOKENS, lines_of, looked_for
from tests.support.files import PNG, data_url
from tests.support.processes import COZEPROXY, Process, finished
from tests.upstream.keys import APP_ID, KEY, KEY_ID, OAUTH, PEM, public_pem

pytestmark = pytest.mark.gen_test(timeout=60)

LOUD = [sys.executable, Path(__file__).parent / "loud.py", "serve", "--port", "0", "--quickstart"]
ADMIN = f"{SECRET}admin"
SCRAPER = f"{SECRET}scraper"
API_KEY = "pat_canary_of_the_service"
SAID = "canary-in-a-message"
IN_QUERY = "canary-in-a-query"
# What none of them may show.
KEY_LINES = lines_of(PEM)
CANARIES = {**looked_for(), "another API key": API_KEY, "the digest of another": digest(BOB)}
ONLY_IN_LOGS = {"messages": SAID, "queries": IN_QUERY}
CHAT = "/v1/chat/completions"
PICTURE = [text_part(SAID), {"type": "image_url", "image_url": {"url": data_url(PNG)}}]
BOTS = [
    "echo",
    "inspect",
    "code-4100",
    "code-4101",
    "code-700012006",
    "http-401",
    "http-500",
    "no-permission",
    "html-502",
    "json-garbage",
    "failed",
    "failed-auth",
    "failed-after-text",
    "error-event-4100-after-text",
    "reset",
    "reset-after-text",
    "cut-after-text",
    "auth-once",
]
CALLERS = [
    bearer(ANN),
    {"api-key": BOB},
    bearer(OTHER),
    bearer(ADMIN),
    bearer(SCRAPER),
    {"api-key": OTHER},
    {"Authorization": ANN},
    {"Authorization": f"Basic {ANN}"},
    {},
]
KNOWN = CALLERS[0]


def found_in(text, canaries):
    return {name for name, canary in canaries.items() if canary in text}


@pytest.fixture
def client(io_loop):
    async def make():
        return AsyncHTTPClient(force_instance=True)

    client = io_loop.run_sync(make)
    yield client
    client.close()


@pytest.fixture
def secretive(client):
    """Ask a service, and look for secrets in the whole of its answer; gives the status."""

    async def secretive(address, path, method="GET", data=None, **headers):
        response = await client.fetch(
            address + path,
            method=method,
            headers=headers,
            body=data if data is None or isinstance(data, bytes) else json.dumps(data),
            raise_error=False,
            allow_nonstandard_methods=True,
        )
        said = "".join(f"{name}: {value}\n" for name, value in response.headers.get_all())
        said += response.body.decode()
        gives_token = path in ("/get_jwt", "/refresh_jwt") and response.code == 200
        assert found_in(said, CANARIES) == ({ACCESS_TOKENS} if gives_token else set())
        return response.code

    return secretive


def variables(sandbox, folder):
    """Every secret setting, each with a value that can be found again."""
    sandbox.register_oauth_app(APP_ID, KEY_ID, public_pem(KEY))
    return {
        "COZE_BASE_URL": sandbox.base_url,
        "COZE_API_KEY": API_KEY,
        "COZE_SPACE_ID": sandbox.SPACE_ID,
        **OAUTH,
        "PROXY_API_KEYS": f"ann:{ANN}",
        "PROXY_KEYS_FILE": keys_file(folder, bob={"sha256": digest(BOB)}),
        "PROXY_ADMIN_KEY": ADMIN,
        "METRICS_KEY": SCRAPER,
    }


async def ask_everything(secretive, address):
    """Ask for all that there is, as everybody; gives the statuses that were seen."""
    seen = set()
    for headers in CALLERS:
        for path in ("/v1/models", "/v1/models/gpt-4", f"/v1/models?api_key={IN_QUERY}"):
            seen.add(await secretive(address, path, **headers))
        seen.add(await secretive(address, "/health", **headers))
        for path, method in (("/get_jwt", "GET"), ("/refresh_jwt", "POST"), ("/nowhere", "PUT")):
            seen.add(await secretive(address, path, method, b"", **headers))
        for data in (b"{", b"", body("echo", SAID), body("echo", PICTURE)):
            seen.add(await secretive(address, CHAT, "POST", data, **headers))
        seen.add(await secretive(address, CHAT, "OPTIONS", **headers))
    for bot in BOTS:
        for stream in (False, True):
            asked = body(bot, SAID, stream=stream)
            seen.add(await secretive(address, CHAT, "POST", asked, **KNOWN))
    for model in ("crash", "workflow-error", "workflow-auth-once", "chatflow-inspect"):
        asked = body("echo", SAID) | {"model": model}
        seen.add(await secretive(address, CHAT, "POST", asked, **KNOWN))
    # What has been counted of all that.
    for headers in CALLERS:
        seen.add(await secretive(address, "/metrics", **headers))
    return seen


def check_log(process):
    assert process.end() == 0
    log = process.complaints()
    # It was loud: there are lines of DEBUG, and of the crash.
    assert "DEBUG:" in log
    assert "RuntimeError: a bug" in log
    assert found_in(log, CANARIES | ONLY_IN_LOGS) == set()


async def test_service_with_oauth_shows_none_of_its_secrets(sandbox, secretive, tmp_path):
    with Process(LOUD, tmp_path, **variables(sandbox, tmp_path)) as process:
        printed = process.read_until(r"^console\.log")
        address = printed.split("listens on ")[1].split()[0]
        seen = await ask_everything(secretive, address)
        assert {200, 400, 401, 403, 404, 500, 502} <= seen
        sandbox.tokens.revoke_issued()
        assert await secretive(address, CHAT, "POST", body("hello"), **KNOWN) == 401
        sandbox.tokens.outage = True
        assert await secretive(address, "/clear_jwt", "DELETE", **bearer(ADMIN)) == 200
        assert await secretive(address, "/get_jwt", **bearer(ADMIN)) == 502
        assert await secretive(address, CHAT, "POST", body("hello"), **KNOWN) == 502
        check_log(process)
    assert found_in(printed, CANARIES) == set()


async def test_service_with_an_api_key_shows_none_of_its_secrets(sandbox, secretive, tmp_path):
    environment = {
        "COZE_BASE_URL": sandbox.base_url,
        "COZE_API_KEY": Sandbox.API_KEY,
        "PROXY_API_KEYS": ANN,
        "PROXY_ADMIN_KEY": ADMIN,
    }
    with Process(LOUD, tmp_path, **environment) as process:
        seen = await ask_everything(secretive, process.address())
        assert {200, 400, 401, 403, 404, 500, 502} <= seen
        check_log(process)


async def test_service_that_passes_tokens_on_shows_none_of_them(sandbox, secretive, tmp_path):
    environment = {"COZE_BASE_URL": sandbox.base_url, "COZE_TOKEN_PASSTHROUGH": "true"}
    with Process(LOUD, tmp_path, **environment) as process:
        address = process.address()
        seen = await ask_everything(secretive, address)
        good = bearer(Sandbox.API_KEY)
        for bot in (*BOTS, "crash"):
            asked = body(bot, SAID) | ({"model": "crash"} if bot == "crash" else {})
            seen.add(await secretive(address, CHAT, "POST", asked, **good))
        assert {200, 400, 401, 403, 500, 502} <= seen
        check_log(process)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_password_of_a_proxy_on_the_way_to_coze_is_not_shown(secretive, tmp_path, scheme):
    proxies = {f"{scheme}_proxy": f"http://user:{SECRET}password@127.0.0.1:1"}
    environment = {"COZE_BASE_URL": f"{scheme}://coze.invalid", "COZE_API_KEY": API_KEY, **proxies}
    with Process(LOUD, tmp_path, **environment) as process:
        address = process.address()
        assert await secretive(address, CHAT, "POST", body("hello")) == 502
        assert await secretive(address, CHAT, "POST", body("hello", PICTURE)) == 502
        assert process.end() == 0
        assert found_in(process.complaints(), CANARIES) == set()


async def test_settings_show_no_secret_however_they_are_printed(sandbox, tmp_path):
    given = variables(sandbox, tmp_path)
    secret = {name for name, row in Settings.variables.items() if row.secret}
    assert secret <= set(given), "a secret setting that these tests do not look at"
    settings = Settings.from_env(given)
    shown = [repr(settings), str(settings), f"{vars(settings)}"]
    shown += [settings.shown(name) for name in Settings.variables]
    async with in_place_of_coze(settings) as changed:
        shown.append(repr(changed))
    for arguments in ([], ["--json"]):
        shown.append(finished([*COZEPROXY, "config", *arguments], tmp_path, **given).stdout)
    assert len("".join(shown)) > 1000
    assert found_in("\n".join(shown), CANARIES | {"digest": digest(ANN)}) == set()


@pytest.mark.parametrize(
    "wrong",
    [
        {"COZE_API_KEY": f"Bearer {API_KEY}"},
        {"PROXY_API_KEYS": f"{ANN} {BOB}"},
        {"PROXY_ADMIN_KEY": f"{ADMIN} {ADMIN}"},
        {"COZE_JWT_PRIVATE_KEY": "\n".join([*KEY_LINES, "no more"])},
        {"COZE_JWT_PRIVATE_KEY": PEM.replace(KEY_LINES[3], KEY_LINES[3][::-1])},
        {"APP_ENV": "nowhere"},
    ],
)
async def test_start_that_is_refused_shows_no_secret(sandbox, tmp_path, wrong):
    given = variables(sandbox, tmp_path) | wrong
    result = finished([*COZEPROXY, "serve", "--port", "0"], tmp_path, **given)
    assert result.returncode == 2
    assert next(iter(wrong)) in result.stderr
    assert found_in(result.stdout + result.stderr, CANARIES) == set()
