"""Heroku: what app.json asks for, the limits of its router, and a dyno's life."""

import json
import re
import secrets
import socket
from urllib.request import Request, urlopen

import openai
import pytest

from cozeproxy.app import STOP_SECONDS
from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import Settings, check_doors
from tests.deploys import dyno
from tests.deploys.dyno import Dyno
from tests.service.asking import body
from tests.support.processes import COZEPROXY, ROOT, Process, copy_of_checkout

# Heroku Dev Center, "HTTP Routing" and "Dynos". Seconds.
FIRST_BYTE = 30.0
SILENCE = 55.0
KEPT_CONNECTION = 90.0
# The Procfile says where to listen, and the platform on which port.
NOT_ASKED_FOR = {"HOST", "PORT"}

APP = json.loads((ROOT / "app.json").read_text(encoding="utf-8"))


def deployed(**config):
    """The variables that an app has which was made from app.json, and those that a person adds."""
    variables = {}
    for name, entry in APP["env"].items():
        if entry.get("generator") == "secret":
            variables[name] = secrets.token_hex(32)
        elif "value" in entry:
            variables[name] = entry["value"]
    return variables | config


def test_each_variable_is_described_with_its_default():
    expected = {}
    for name, row in Settings.variables.items():
        default = Settings().shown(name)
        expected[name] = row.description + (f" (default: {default})" if default else "")
    described = {name: entry["description"] for name, entry in APP["env"].items()}
    assert described == {n: text for n, text in expected.items() if n not in NOT_ASKED_FOR}


def test_nothing_has_to_be_filled_in_that_has_a_default_or_an_alternative():
    kinds = {"required": False}, {"generator": "secret"}
    for name, entry in APP["env"].items():
        rest = {key: value for key, value in entry.items() if key != "description"}
        assert rest in kinds or rest.keys() == {"value"}, name


def test_it_says_what_a_public_service_behind_a_router_needs():
    settings = Settings.from_env(deployed())
    check_doors(settings)
    assert settings.app_env == "production"
    assert len(settings.proxy_api_keys) == 1
    changed = {n for n in APP["env"] if "required" not in APP["env"][n]}
    assert changed == {"APP_ENV", "PROXY_API_KEYS", "NONSTREAM_DEADLINE"}


def test_it_has_only_what_heroku_knows():
    known = {"name", "description", "keywords", "success_url", "buildpacks", "env"}
    assert APP.keys() == known
    assert len(APP["name"]) <= 30
    assert APP["buildpacks"] == [{"url": "heroku/python"}]


def test_the_limits_of_the_router_and_of_a_stop_are_kept():
    settings = Settings.from_env(deployed())
    assert 0 < settings.nonstream_deadline < FIRST_BYTE
    # What begins a stream, if the answer does not.
    assert settings.heartbeat_seconds < min(FIRST_BYTE, SILENCE)
    # Else the router could send a request on a connection that is just being closed.
    assert settings.idle_timeout > KEPT_CONNECTION
    # The last two: callers are told, and so is Coze.
    stop = settings.shutdown_delay + settings.shutdown_grace + 2 * STOP_SECONDS
    assert stop < dyno.STOP_SECONDS


def test_the_readme_has_the_button():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(
        r"^\[!\[.+\]\(.+/button\.svg\)\]\(https://www\.heroku\.com/deploy\)$", text, re.MULTILINE
    )


@pytest.fixture(scope="module")
def slug(tmp_path_factory):
    return copy_of_checkout(tmp_path_factory.mktemp("slug") / "app")


@pytest.fixture(scope="module")
def coze(tmp_path_factory):
    with Process(
        [*COZEPROXY, "sandbox", "--port", "0"], tmp_path_factory.mktemp("coze")
    ) as process:
        yield process.address()


@pytest.fixture
def config(coze):
    return deployed(COZE_BASE_URL=coze, COZE_API_KEY=Sandbox.API_KEY, COZE_BOT_ID=Sandbox.BOT_ID)


@pytest.fixture
def running(slug, config):
    with Dyno(slug, **config) as running:
        assert running.log_until("listens on").endswith(f" http://localhost:{running.port}\n")
        yield running


@pytest.fixture
def caller(running, config):
    key = config["PROXY_API_KEYS"]
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key=key, max_retries=0) as caller:
        yield caller


def test_a_dyno_answers_on_its_port_whoever_has_the_generated_key(running, caller):
    answer = caller.chat.completions.create(**body("hello"))
    assert answer.choices[0].message.content.startswith("Hello")
    stranger = caller.with_options(api_key="any-string")
    with pytest.raises(openai.AuthenticationError):
        stranger.chat.completions.create(**body("hello"))
    with socket.create_connection(("127.0.0.2", running.port)):
        pass  # and not on one address alone
    assert running.log_until("401 POST").count("200 POST /v1/chat/completions") == 1


def test_a_dyno_that_is_stopped_lets_an_answer_end_and_leaves_with_status_0(running, caller, coze):
    release(coze, "ann", 1)
    stream = iter(caller.chat.completions.create(**body("gated", user="ann"), stream=True))
    said = ""
    while "one" not in said:
        said += next(stream).choices[0].delta.content or ""
    running.stop()
    log = running.log_until("stopping")
    release(coze, "ann", 2)
    said += "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert said.split() == ["one", "two", "three"]
    status, rest = running.stopped()
    assert status == 0
    assert "200 POST /v1/chat/completions" in log + rest
    assert "Traceback" not in log + rest


def test_a_dyno_without_credentials_says_what_is_missing(slug):
    with Dyno(slug, **deployed()) as lost:
        assert "COZE_API_KEY" in lost.log_until("COZE_API_KEY")
        assert lost.stopped()[0] == 2


def release(coze, gate, steps):
    request = Request(f"{coze}/sandbox/gates/{gate}?steps={steps}", method="POST")
    with urlopen(request) as response:
        assert response.status == 200
