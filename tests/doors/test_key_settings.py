"""Settings of the doors: what is a key, what may not stand together, what is said at the start."""

import json
import logging

import pytest

from cozeproxy.app import Service
from cozeproxy.settings import BadValueError, CombinationError, Settings, digest_of, first_key
from tests.doors.access import ANN, BOB, OTHER, SECRET, digest, keys_file
from tests.support.processes import COZEPROXY, finished

BOTH = "7400000000000000001"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (ANN, [None]),
        (f" {ANN} ,, bob:{BOB},", [None, "bob"]),
        (f"A.b-c_1:{ANN}", ["A.b-c_1"]),
        # Only the first colon ends a name.
        ("ann:12345:678", ["ann"]),
    ],
)
def test_keys_are_read_with_their_names(text, names):
    keys = Settings.from_env({"PROXY_API_KEYS": text}).proxy_api_keys
    assert [key.name for key in keys] == names
    assert all(key.allowed is None and key.max_concurrent is None for key in keys)


@pytest.mark.parametrize("text", [ANN, f" ,, ann:{ANN}, {BOB}", "ann:12345:678,", "ann:1234567:"])
def test_first_key_is_the_one_that_is_taken(text):
    first, *_ = Settings.from_env({"PROXY_API_KEYS": text}).proxy_api_keys
    assert digest_of(first_key(text)) == first.digest


@pytest.mark.parametrize(
    "text",
    [
        "short-7",
        "ann:short-7",
        f"{ANN},short-7",
        f"an n:{ANN}",
        f"ann:{SECRET} with spaces",
        f"{SECRET}schlüssel",
        "x" * 65 + f":{ANN}",
        ",",
        " , ,",
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(text):
    with pytest.raises(BadValueError) as caught:
        Settings.from_env({"PROXY_API_KEYS": text})
    assert "PROXY_API_KEYS" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "short" not in str(caught.value)


GOOD = {"sha256": digest(ANN)}


@pytest.mark.parametrize(
    ("entry", "allowed", "limit"),
    [
        ({}, None, None),
        ({"bot_ids": None, "workflow_ids": None, "max_concurrent": None}, None, None),
        ({"bot_ids": []}, set(), None),
        ({"bot_ids": ["1"]}, {"1"}, None),
        ({"workflow_ids": ["2"]}, {"2"}, None),
        ({"bot_ids": ["1", BOTH], "workflow_ids": ["2"], "max_concurrent": 3}, {"1", "2", BOTH}, 3),
    ],
)
def test_entry_of_the_file_says_what_a_key_may_use(tmp_path, entry, allowed, limit):
    path = keys_file(tmp_path, ann=GOOD | entry)
    (key,) = Settings.from_env({"PROXY_KEYS_FILE": path}).proxy_keys_file
    assert key.name == "ann"
    assert key.allowed == allowed
    assert key.max_concurrent == limit


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({}, "a file with JSON such as"),
        ({"": GOOD}, "the name must"),
        ({"a:b": GOOD}, "the name must"),
        ({"ann": digest(ANN)}, "there is no object"),
        ({"ann": {}}, "'sha256' must"),
        ({"ann": {"sha256": ANN}}, "'sha256' must"),
        ({"ann": {"sha256": digest(ANN)[:-1]}}, "'sha256' must"),
        ({"ann": {"sha256": int("1" * 64)}}, "'sha256' must"),
        ({"ann": {"sha256": digest("")}}, "digest of nothing"),
        ({"ann": GOOD | {"key": ANN}}, "only sha256, bot_ids"),
        ({"ann": GOOD | {"bot_ids": "1"}}, "lists of ids"),
        ({"ann": GOOD | {"bot_ids": [1]}}, "lists of ids"),
        ({"ann": GOOD | {"workflow_ids": ["a b"]}}, "lists of ids"),
        ({"ann": GOOD | {"max_concurrent": 0}}, "a whole number from 1"),
        ({"ann": GOOD | {"max_concurrent": True}}, "a whole number from 1"),
        ({"ann": GOOD | {"max_concurrent": "3"}}, "a whole number from 1"),
    ],
)
def test_bad_entry_of_the_file_is_refused_with_what_is_wrong(tmp_path, entries, said):
    path = keys_file(tmp_path, **entries)
    with pytest.raises(BadValueError, match=said) as caught:
        Settings.from_env({"PROXY_KEYS_FILE": path})
    assert "PROXY_KEYS_FILE" in str(caught.value)
    assert ANN not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ("[]", "a file with JSON such as"),
        ("{'ann'", "no JSON"),
        # The second would take the limits of the first away.
        (f'{{"ann": {json.dumps(GOOD | {"bot_ids": []})}, "ann": {json.dumps(GOOD)}}}', "twice"),
        (f'{{"ann": {{"sha256": "{digest(ANN)}", "bot_ids": [], "bot_ids": ["1"]}}}}', "twice"),
    ],
)
def test_file_that_is_none_of_keys_is_refused(tmp_path, text, said):
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(BadValueError, match=said):
        Settings.from_env({"PROXY_KEYS_FILE": str(path)})
    path.unlink()
    with pytest.raises(BadValueError, match="no such file"):
        Settings.from_env({"PROXY_KEYS_FILE": str(path)})


@pytest.mark.parametrize("text", [",", " , "])
def test_list_of_allowed_bots_without_one_is_refused(text):
    with pytest.raises(BadValueError, match="ALLOWED_BOT_IDS"):
        Settings.from_env({"ALLOWED_BOT_IDS": text})


@pytest.fixture
def start(io_loop, sandbox, tmp_path):
    """Start a service with these variables, and stop it."""
    (tmp_path / "keys").mkdir()
    file = keys_file(tmp_path / "keys", bob={"sha256": digest(BOB)})

    def start(*, in_file=False, **environment):
        found = {
            "COZE_API_KEY": sandbox.API_KEY,
            "COZE_BASE_URL": sandbox.base_url,
            "PORT": "0",
            **({"PROXY_KEYS_FILE": file} if in_file else {}),
            **environment,
        }

        async def run():
            service = Service(Settings.from_env(found))
            service.start()
            await service.stop()

        io_loop.run_sync(run)

    return start


PRODUCTION = {"APP_ENV": "production"}
PASSTHROUGH = {"COZE_TOKEN_PASSTHROUGH": "true"}


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (PRODUCTION, "ALLOW_ANONYMOUS=true"),
        ({**PRODUCTION, "ALLOWED_BOT_IDS": "1"}, "ALLOW_ANONYMOUS=true"),
        ({**PRODUCTION, "PROXY_ADMIN_KEY": ANN}, "ALLOW_ANONYMOUS=true"),
        (
            {**PRODUCTION, "PROXY_API_KEYS": ANN, "TOKEN_ENDPOINTS": "loopback"},
            "TOKEN_ENDPOINTS=loopback",
        ),
        (
            {**PRODUCTION, "ALLOW_ANONYMOUS": "true", "TOKEN_ENDPOINTS": "loopback"},
            "TOKEN_ENDPOINTS=loopback",
        ),
        ({**PASSTHROUGH, "PROXY_API_KEYS": ANN}, "COZE_TOKEN_PASSTHROUGH"),
        ({**PASSTHROUGH, "in_file": True}, "COZE_TOKEN_PASSTHROUGH"),
        ({"PROXY_API_KEYS": f"{ANN},ann:{ANN}"}, "stands twice"),
        ({"PROXY_API_KEYS": BOB, "in_file": True}, "stands twice"),
        ({"PROXY_ADMIN_KEY": ANN, "METRICS_KEY": ANN}, "METRICS_KEY is PROXY_ADMIN_KEY"),
        ({"PROXY_API_KEYS": f"ann:{ANN}", "METRICS_KEY": ANN}, "METRICS_KEY is .* callers"),
        ({"METRICS_KEY": BOB, "in_file": True}, "METRICS_KEY is .* callers"),
        ({"METRICS_KEY": ANN, "METRICS_PUBLIC": "true"}, "METRICS_PUBLIC=true"),
        ({"COZE_JWT_SESSION_PER_USER": "true"}, "COZE_JWT_SESSION_PER_USER=true needs OAuth"),
        (
            {**PASSTHROUGH, "COZE_JWT_SESSION_PER_USER": "true"},
            "COZE_JWT_SESSION_PER_USER=true needs OAuth",
        ),
    ],
)
def test_start_with_a_door_open_by_mistake_is_refused(start, environment, said):
    with pytest.raises(CombinationError, match=said):
        start(**environment)


@pytest.mark.parametrize(
    "environment",
    [
        {"PROXY_API_KEYS": ANN},
        {"in_file": True},
        {"ALLOW_ANONYMOUS": "true"},
        PASSTHROUGH,
        {"PROXY_API_KEYS": ANN, "PROXY_ADMIN_KEY": BOB},
        {"PROXY_API_KEYS": ANN, "PROXY_ADMIN_KEY": BOB, "METRICS_KEY": OTHER},
        {"PROXY_API_KEYS": ANN, "METRICS_PUBLIC": "true"},
    ],
)
def test_production_starts_with_keys_or_where_it_is_said_to_be_open(start, environment):
    start(**PRODUCTION, **environment)


@pytest.mark.parametrize(
    ("environment", "warned"),
    [
        ({"HOST": "0.0.0.0"}, True),
        ({"HOST": "0.0.0.0", **PRODUCTION, "ALLOW_ANONYMOUS": "true"}, True),
        ({"HOST": "0.0.0.0", "ALLOWED_BOT_IDS": "1"}, True),
        ({"HOST": "0.0.0.0", "PROXY_API_KEYS": ANN}, False),
        ({"HOST": "0.0.0.0", "in_file": True}, False),
        ({"HOST": "0.0.0.0", **PASSTHROUGH}, False),
        ({"HOST": "127.0.0.1"}, False),
        ({"HOST": "127.0.0.9"}, False),
        ({"HOST": "localhost"}, False),
    ],
)
def test_start_warns_where_whoever_reaches_it_can_use_it(start, caplog, environment, warned):
    start(**environment)
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert [("PROXY_API_KEYS" in text) for text in warnings] == ([True] if warned else [])


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        (PRODUCTION, "With APP_ENV=production set PROXY_API_KEYS"),
        ({**PASSTHROUGH, "PROXY_API_KEYS": ANN}, "COZE_TOKEN_PASSTHROUGH takes"),
    ],
)
def test_command_that_is_refused_says_why_in_one_line(tmp_path, environment, said):
    result = finished([*COZEPROXY, "serve", "--port", "0"], tmp_path, **KEY, **environment)
    assert result.returncode == 2
    assert result.stderr.startswith(f"cozeproxy: {said}")
    assert result.stderr.count("\n") == 1
    assert not result.stdout


KEY = {"COZE_API_KEY": "pat_1"}


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_config_shows_names_and_no_digests(tmp_path, arguments):
    path = keys_file(tmp_path, bob={"sha256": digest(BOB)})
    keys = {"PROXY_API_KEYS": f"ann:{ANN}", "PROXY_KEYS_FILE": path, "PROXY_ADMIN_KEY": ANN}
    printed = finished([*COZEPROXY, "config", *arguments], tmp_path, **keys).stdout
    assert "ann:***" in printed
    assert "bob:***" in printed
    for secret in (SECRET, digest(BOB), digest(ANN), json.dumps(digest(BOB))):
        assert secret not in printed
