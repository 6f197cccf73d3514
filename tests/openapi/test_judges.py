"""The description and the service, as programs see them that know nothing of either."""

import json

import pytest

from cozeproxy.sandbox import Sandbox
from tests.support.described import FILE, read
from tests.support.environments import Environment
from tests.support.processes import COZEPROXY, ROOT, Process
from tests.testclient.coze import registered
from tests.upstream.keys import APP_ID, KEY, KEY_ID, OAUTH, public_pem

pytestmark = [pytest.mark.package, pytest.mark.timeout(600)]

# All it knows but two: which fields go together is more than a schema says, and what does not is
# refused; and some methods are a 404 that says why Coze has nothing for them.
FUZZ = [
    *("schemathesis", "run", "--no-color", "--continue-on-failure"),
    *("--seed", "1", "--max-examples", "15", "--phases", "examples,coverage,fuzzing"),
    *("--exclude-checks", "positive_data_acceptance,unsupported_method"),
]
# What only the owner sees is open to whoever tries it.
OPEN = {
    "COZE_BOT_ID": Sandbox.BOT_ID,
    **OAUTH,
    "TOKEN_ENDPOINTS": "loopback",
    "METRICS_PUBLIC": "true",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judges") / "environment"
    return Environment(folder, ROOT / "tests" / "openapi" / "requirements.txt")


@pytest.fixture
def service(tmp_path):
    with Process([*COZEPROXY, "sandbox", "--port", "0"], tmp_path) as coze:
        settings = {**OPEN, "COZE_BASE_URL": coze.address()}
        registered(settings["COZE_BASE_URL"], APP_ID, KEY_ID, public_pem(KEY))
        with Process([*COZEPROXY, "serve", "--port", "0"], tmp_path, **settings) as process:
            yield process


def test_the_description_is_openapi(environment, tmp_path):
    result = environment.run(["openapi-spec-validator", FILE], tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    wrong = read()
    del wrong["paths"]["/health"]["get"]["responses"]["200"]["description"]
    (tmp_path / "openapi.json").write_text(json.dumps(wrong))
    result = environment.run(["openapi-spec-validator", "openapi.json"], tmp_path)
    assert result.returncode != 0


def test_whatever_is_asked_is_answered_as_described_and_without_a_bug(
    environment, service, tmp_path
):
    result = environment.run([*FUZZ, f"{service.address()}/openapi.json"], tmp_path)
    assert result.returncode == 0, result.stdout
    said = service.complaints()
    assert "Traceback" not in said
    assert said.count("POST /v1/chat/completions") > 100


def test_an_answer_that_is_not_as_described_is_found(environment, service, tmp_path):
    wrong = read()
    wrong["components"]["schemas"]["Health"]["properties"]["status"] = {"const": "fine"}
    (tmp_path / "openapi.json").write_text(json.dumps(wrong))
    alone = ["--include-path", "/health", "--url", service.address()]
    result = environment.run([*FUZZ, *alone, "openapi.json"], tmp_path)
    assert result.returncode == 1
    assert "fine" in result.stdout
