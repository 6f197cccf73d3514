"""docs/access.md, held against the code; what it says of requests is held by the tests beside."""

import json
import re
import shlex

import pytest

from cozeproxy.handlers.access import BadKeyError, ForbiddenError, TooManyError
from cozeproxy.handlers.base import SECURITY_HEADERS
from cozeproxy.settings import Settings
from cozeproxy.settings.keys import ENTRY_KEYS
from tests.doors.access import digest
from tests.support.processes import ROOT, finished

DOCUMENT = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    return found


def section(title):
    return DOCUMENT.split(f" {title}\n")[1].split("\n#")[0]


def test_settings_that_it_names_exist():
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`", DOCUMENT))
    assert named <= set(Settings.variables)
    assert {"PROXY_API_KEYS", "ALLOWED_BOT_IDS", "ENABLE_CORS", "PROXY_ADMIN_KEY"} <= named


def test_values_that_it_gives_are_taken():
    given = re.findall(r"`([A-Z_]+)=([^`]+)`", DOCUMENT)
    assert len(given) > 5
    for name, value in given:
        Settings.from_env({name: value})


def test_example_of_keys_is_taken():
    name, _, value = block("sh").strip().partition("=")
    keys = Settings.from_env({name: value}).proxy_api_keys
    assert [key.name for key in keys] == ["ann", "bob"]


def test_example_of_a_file_is_taken_and_has_every_key(tmp_path):
    path = tmp_path / "keys.json"
    path.write_text(block("json"))
    ann, bob = Settings.from_env({"PROXY_KEYS_FILE": str(path)}).proxy_keys_file
    assert (ann.allowed, ann.max_concurrent) == (None, None)
    assert (bob.allowed, bob.max_concurrent) == ({"7400000000000000001"}, 5)
    example = Settings.from_env({"PROXY_API_KEYS": block("sh").strip().partition("=")[2]})
    assert [ann.digest, bob.digest] == [key.digest for key in example.proxy_api_keys]
    assert set(json.loads(block("json"))["bob"]) == set(ENTRY_KEYS)
    rows = re.findall(r"^\| (`.*?) \|", section("Keys in a file"), re.MULTILINE)
    assert re.findall(r"`(\w+)`", " ".join(rows)) == list(ENTRY_KEYS)


def test_its_command_makes_the_digest(tmp_path):
    command = re.search(r"`(printf [^`]*)`", DOCUMENT)[1].replace("\\|", "|")
    result = finished(["sh", "-c", command], tmp_path, KEY="a key, 鍵")
    assert result.stdout.split()[0] == digest("a key, 鍵")


def test_its_command_makes_a_good_key(tmp_path):
    command = re.search(r"`(python3 -c [^`]*)`", DOCUMENT)[1]
    made = finished(shlex.split(command), tmp_path).stdout.strip()
    assert len(made) > 40
    Settings.from_env({"PROXY_API_KEYS": f"ann:{made}"})


def test_refusals_have_the_statuses_and_codes_that_it_names():
    rows = re.findall(r"^\| (\d+) \| `(\w+)`", section("What callers are told"), re.MULTILINE)
    answers = [BadKeyError().answer, ForbiddenError("").answer, TooManyError(1).answer]
    expected = [(str(answer.status), answer.code) for answer in answers]
    assert rows == [*expected, ("400", "jwt_not_configured")]


def test_token_endpoints_are_those_that_are_served():
    rows = re.findall(r"^\| `\w+ (/\w+)`", section("The token endpoints"), re.MULTILINE)
    assert rows == ["/get_jwt", "/refresh_jwt", "/clear_jwt"]


@pytest.mark.parametrize("header", SECURITY_HEADERS)
def test_headers_that_it_promises_are_those_that_are_set(header):
    assert f"`{header}`" in section("What is promised")
