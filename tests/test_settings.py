"""Settings: what each variable takes, which source wins, what is never shown."""

import io
import json
import pickle
import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from dotenv import dotenv_values

from cozeproxy.settings import (
    MASK,
    BadValueError,
    CombinationError,
    EnvFileError,
    Secret,
    Settings,
    check_doors,
    check_models,
    load,
    read_sources,
)

ROOT = Path(__file__).parent.parent
TOKEN = "pat_0123456789abcdef"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch, tmp_path):
    """Neither this machine's environment nor the checkout's .env."""
    for name in Settings.variables:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_nothing_given_means_the_defaults():
    settings = Settings.from_env({})
    assert settings == Settings()
    assert settings.coze_api_key is None
    assert settings.coze_base_url == "https://api.coze.com"
    assert (settings.host, settings.port) == ("127.0.0.1", 3000)
    assert settings.default_model_type == "chat"
    assert settings.enable_cors
    assert settings.allowed_origins == ("*",)
    assert settings.enable_logging
    assert settings.coze_jwt_session_name == "openai-proxy"
    assert settings.coze_jwt_ttl == 3600
    assert not settings.coze_jwt_session_per_user


def test_settings_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1


def test_every_field_is_a_variable():
    assert [field.name.upper() for field in fields(Settings)] == list(Settings.variables)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("COZE_API_KEY", TOKEN, Secret(TOKEN)),
        ("COZE_API_KEY", f" {TOKEN}\n", Secret(TOKEN)),
        ("COZE_BASE_URL", "https://api.coze.cn", "https://api.coze.cn"),
        ("COZE_BASE_URL", "https://api.coze.cn/", "https://api.coze.cn"),
        ("COZE_BASE_URL", "http://localhost:8888", "http://localhost:8888"),
        ("COZE_BASE_URL", "http://[::1]:8888/coze/", "http://[::1]:8888/coze"),
        ("COZE_BOT_ID", "7379165428680000001", "7379165428680000001"),
        ("COZE_WORKFLOW_ID", "7400000000000000001", "7400000000000000001"),
        ("COZE_SPACE_ID", "7300000000000000001", ("7300000000000000001",)),
        ("COZE_SPACE_ID", "1, 2,", ("1", "2")),
        ("MODELS_TTL", "0.5", 0.5),
        ("UNKNOWN_MODEL", "reject", "reject"),
        ("WORKFLOW_OUTPUT", "raw", "raw"),
        ("WORKFLOW_INPUT_KEY", "BOT_USER_INPUT", "BOT_USER_INPUT"),
        ("MODEL_MAP", '{"a": {"type": "chat"}}', {"a": {"type": "chat"}}),
        ("VOICE_MAP", '{"alloy": "7426720361732915209"}', {"alloy": "7426720361732915209"}),
        ("HOST", "0.0.0.0", "0.0.0.0"),
        ("HOST", "localhost", "localhost"),
        ("HOST", "::", "::"),
        ("HOST", "[::1]", "::1"),
        ("PORT", "0", 0),
        ("PORT", "65535", 65535),
        ("DEFAULT_MODEL_TYPE", "conversation", "conversation"),
        ("DEFAULT_MODEL_TYPE", "workflow", "workflow"),
        ("DEFAULT_MODEL_TYPE", "chatflow", "chatflow"),
        ("ENABLE_CORS", "false", False),
        ("ENABLE_CORS", "0", False),
        ("ENABLE_CORS", "No", False),
        ("ENABLE_CORS", "OFF", False),
        ("ENABLE_LOGGING", "true", True),
        ("ENABLE_LOGGING", "1", True),
        ("ENABLE_LOGGING", "Yes", True),
        ("ENABLE_LOGGING", "ON", True),
        ("LOG_FORMAT", "json", "json"),
        ("LOG_LEVEL", "debug", "debug"),
        ("LOG_LEVEL", "WARNING", "warning"),
        ("ALLOWED_ORIGINS", "*", ("*",)),
        (
            "ALLOWED_ORIGINS",
            "https://a.example/, http://b:8080,",
            ("https://a.example", "http://b:8080"),
        ),
        ("COZE_JWT_PRIVATE_KEY", "-----BEGIN\nKEY-----", Secret("-----BEGIN\nKEY-----")),
        ("COZE_JWT_PRIVATE_KEY_FILE", __file__, Path(__file__)),
        ("COZE_CA_FILE", __file__, Path(__file__)),
        ("COZE_JWT_SESSION_PER_USER", "true", True),
        ("COZE_JWT_TTL", "1", 1),
        ("COZE_JWT_TTL", "86399", 86399),
        ("COZE_JWT_ACCOUNT_ID", "123", "123"),
        ("COZE_JWT_SCOPE", '{"a": 1}', '{"a": 1}'),
    ],
)
def test_a_good_value_is_taken(name, text, value):
    assert getattr(Settings.from_env({name: text}), name.lower()) == value


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("COZE_API_KEY", f"Bearer {TOKEN}", "the token alone"),
        ("COZE_API_KEY", f"{TOKEN}\r\nX-Other: 1", "the token alone"),
        ("COZE_API_KEY", f"{TOKEN}é", "the token alone"),
        ("COZE_BASE_URL", "api.coze.com", "an http:// or https:// address"),
        ("COZE_BASE_URL", "ftp://api.coze.com", "an http:// or https:// address"),
        ("COZE_BASE_URL", "https://", "an http:// or https:// address"),
        ("COZE_BASE_URL", "https://api.coze.com#a", "an http:// or https:// address"),
        ("COZE_BASE_URL", "https://api.coze.com:port", "an http:// or https:// address"),
        ("COZE_BASE_URL", "https://api.coze.com:99999", "an http:// or https:// address"),
        ("COZE_BASE_URL", "https://[::1", "an http:// or https:// address"),
        ("COZE_BASE_URL", "https://api.coze .com", "an http:// or https:// address"),
        ("COZE_BASE_URL", "https://api.coze.com/open_api/v2", "the address alone"),
        ("COZE_BASE_URL", "https://api.coze.com/v3/chat", "the address alone"),
        ("COZE_BOT_ID", "https://www.coze.com/space/1/bot/2", "the id alone"),
        ("COZE_WORKFLOW_ID", "1" * 65, "the id alone"),
        ("HOST", "http://localhost", "a host name or an IP address"),
        ("HOST", "localhost:3000", "a host name or an IP address"),
        ("PORT", "http", "a whole number from 0 to 65535"),
        ("PORT", "-1", "a whole number from 0 to 65535"),
        ("PORT", "65536", "a whole number from 0 to 65535"),
        ("PORT", "3000.0", "a whole number from 0 to 65535"),
        ("PORT", "³", "a whole number from 0 to 65535"),
        ("DEFAULT_MODEL_TYPE", "gpt-4", "chat, conversation, workflow or chatflow"),
        ("ENABLE_CORS", "maybe", "true or false"),
        ("ALLOWED_ORIGINS", "chat.example.com", "* or origins such as"),
        ("ALLOWED_ORIGINS", "https://chat.example.com/page", "* or origins such as"),
        ("ALLOWED_ORIGINS", ",", "* or origins such as"),
        ("COZE_SPACE_ID", "1,a b", "ids with commas between"),
        ("MODELS_TTL", "0", "a positive number of seconds"),
        ("MODELS_TTL", "nan", "a positive number of seconds"),
        ("UNKNOWN_MODEL", "no", "default or reject"),
        ("WORKFLOW_OUTPUT", "json", "auto or raw"),
        ("WORKFLOW_INPUT_KEY", "a b", "a name of letters"),
        ("LOG_FORMAT", "xml", "text or json"),
        ("LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("MODEL_MAP", "{", "JSON such as"),
        ("MODEL_MAP", "/nowhere/models.json", "JSON such as"),
        ("COZE_CA_FILE", "/nowhere/ca.pem", "the path of a file that can be read"),
        ("COZE_JWT_PRIVATE_KEY_FILE", "/nowhere/key.pem", "the path of a file that can be read"),
        ("COZE_JWT_TTL", "0", "a whole number of seconds from 1 to 86399"),
        ("COZE_JWT_TTL", "86400", "a whole number of seconds from 1 to 86399"),
        ("COZE_JWT_TTL", "60.5", "a whole number of seconds from 1 to 86399"),
        ("COZE_JWT_ACCOUNT_ID", "7/8", "the id alone"),
        ("COZE_JWT_SCOPE", "[]", "a JSON object"),
        ("COZE_JWT_SCOPE", "{", "a JSON object"),
        ("VOICE_MAP", "{", "JSON such as"),
        ("VOICE_MAP", "/nowhere/voices.json", "JSON such as"),
        ("VOICE_MAP", '{"alloy": "a b"}', "JSON such as"),
        ("VOICE_MAP", '{"alloy": 7426}', "JSON such as"),
        ("VOICE_MAP", '{"alloy": "1", "alloy": "2"}', "JSON such as"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_what_is_allowed(name, text, allowed):
    with pytest.raises(BadValueError) as caught:
        Settings.from_env({name: text})
    assert caught.value.name == name
    assert caught.value.allowed.startswith(allowed)
    shown = MASK if name == "COZE_API_KEY" else text
    assert caught.value.value == shown
    assert str(caught.value) == f"{name} is {shown!r}, but must be {caught.value.allowed}"


@pytest.mark.parametrize(
    ("entry", "wrong"),
    [
        ("5", "there is no object"),
        ("{}", "'type' must be one of"),
        ('{"type": "robot"}', "'type' must be one of"),
        ('{"type": "chat", "bot": "1"}', "'bot' is unknown"),
        ('{"type": "chat", "bot_id": 1}', "'bot_id' must be the id as a string"),
        ('{"type": "chat", "bot_id": "a b"}', "'bot_id' must be the id as a string"),
        ('{"type": "workflow", "parameters": []}', "'parameters' must be an object"),
    ],
)
def test_a_bad_entry_of_the_model_map_is_named(entry, wrong):
    with pytest.raises(BadValueError) as caught:
        Settings.from_env({"MODEL_MAP": f'{{"good": {{"type": "chat"}}, "report": {entry}}}'})
    assert f"in the entry 'report' {wrong}" in str(caught.value)


def test_the_model_map_may_stand_in_a_file(tmp_path):
    path = tmp_path / "models.json"
    path.write_text('{"机器人": {"type": "chat", "bot_id": "1"}}', encoding="utf-8")
    settings = Settings.from_env({"MODEL_MAP": str(path)})
    assert settings.model_map == {"机器人": {"type": "chat", "bot_id": "1"}}


def test_the_voice_map_may_stand_in_a_file(tmp_path):
    path = tmp_path / "voices.json"
    path.write_text('{"温柔": "7426"}', encoding="utf-8")
    assert Settings.from_env({"VOICE_MAP": str(path)}).voice_map == {"温柔": "7426"}


def test_a_bad_entry_of_the_voice_map_is_named():
    with pytest.raises(BadValueError, match="what 'echo' stands for must be an id as text"):
        Settings.from_env({"VOICE_MAP": '{"alloy": "7426", "echo": 7427}'})


def test_the_password_in_a_refused_address_is_not_shown():
    with pytest.raises(BadValueError) as caught:
        Settings.from_env({"COZE_BASE_URL": "https://me:hunter2@api.coze.com"})
    assert caught.value.value == f"https://{MASK}@api.coze.com"


@pytest.mark.parametrize("text", ["", "  ", "your-coze-api-key", "your_api_key", "Your-key"])
def test_an_empty_value_or_a_placeholder_counts_as_unset(text):
    assert Settings.from_env({"COZE_API_KEY": text, "PORT": text}) == Settings()


APP, KEY_ID, KEY = "COZE_JWT_APP_ID", "COZE_JWT_KEY_ID", "COZE_JWT_PRIVATE_KEY"
KEY_FILE = "COZE_JWT_PRIVATE_KEY_FILE"


@pytest.mark.parametrize("names", [["COZE_API_KEY"], [APP, KEY_ID, KEY], [APP, KEY_ID, KEY_FILE]])
def test_credentials_are_an_api_key_or_all_that_oauth_needs(names):
    settings = Settings.from_env(dict.fromkeys(names, __file__))
    assert settings.has_credentials
    settings.check_credentials()


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        ([APP], f"{KEY_ID} and {KEY} or {KEY_FILE}"),
        ([APP, KEY_ID], f"{KEY} or {KEY_FILE}"),
        ([APP, KEY], KEY_ID),
        ([KEY_ID, KEY], APP),
        ([KEY_FILE], f"{APP} and {KEY_ID}"),
    ],
)
def test_a_part_of_oauth_is_no_credentials_and_names_the_rest(names, missing):
    settings = Settings.from_env(dict.fromkeys(names, __file__))
    assert not settings.has_credentials
    with pytest.raises(CombinationError) as caught:
        settings.check_credentials()
    assert str(caught.value) == f"OAuth (COZE_JWT_*) also needs {missing}"


def test_an_app_id_asks_for_oauth_whatever_the_api_key():
    with pytest.raises(CombinationError, match=KEY_ID):
        Settings.from_env({"COZE_API_KEY": TOKEN, APP: "1"}).check_credentials()
    Settings.from_env({"COZE_API_KEY": TOKEN, KEY_ID: "1", KEY: "2"}).check_credentials()


def test_two_private_keys_are_refused():
    both = dict.fromkeys([APP, KEY_ID, KEY, KEY_FILE], __file__)
    with pytest.raises(CombinationError, match=f"^{KEY} and {KEY_FILE} are both set"):
        Settings.from_env(both).check_credentials()


def test_no_credentials_are_no_contradiction():
    assert not Settings().has_credentials
    Settings().check_credentials()


def test_a_secret_shows_itself_only_when_asked():
    secret = Secret(TOKEN)
    settings = Settings(coze_api_key=secret)
    for text in (
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>40}",
        repr(settings),
    ):
        assert TOKEN not in text
    assert settings.shown("COZE_API_KEY") == MASK
    assert secret.reveal() == TOKEN
    assert secret == Secret(TOKEN)
    assert hash(secret) == hash(Secret(TOKEN))
    assert secret != TOKEN


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("COZE_BOT_ID", ""),
        ("PORT", "3000"),
        ("ENABLE_CORS", "true"),
        ("ALLOWED_ORIGINS", "*"),
    ],
)
def test_a_shown_value_is_as_one_would_write_it(name, text):
    assert Settings().shown(name) == text


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("PORT=1001\nHOST=file\nCOZE_BOT_ID=file\n")
    monkeypatch.setenv("PORT", "1002")
    monkeypatch.setenv("HOST", "environment")
    settings = load(command_line={"PORT": "1003"})
    assert (settings.port, settings.host, settings.coze_bot_id) == (1003, "environment", "file")


def test_a_placeholder_in_the_environment_does_not_hide_the_file(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text(f"COZE_API_KEY={TOKEN}\n")
    monkeypatch.setenv("COZE_API_KEY", "your-coze-api-key")
    assert load().coze_api_key == Secret(TOKEN)


def test_each_source_is_named(monkeypatch, tmp_path):
    env_file = tmp_path / "other.env"
    env_file.write_text("HOST=file\nOTHER=1\n")
    monkeypatch.setenv("COZE_BOT_ID", "1")
    assert read_sources(env_file, {"PORT": "1"}) == {
        "command line": {"PORT": "1"},
        "environment": {"COZE_BOT_ID": "1"},
        str(env_file): {"HOST": "file"},
    }


def test_a_file_may_have_quotes_comments_exports_windows_lines_and_a_byte_order_mark(tmp_path):
    (tmp_path / ".env").write_bytes(
        b"\xef\xbb\xbfCOZE_BOT_ID=1 # the good one\r\n"
        b"export HOST='localhost'\r\n"
        b"# PORT=1\r\n"
        b'COZE_JWT_PRIVATE_KEY="-----BEGIN\\nKEY-----"\r\n'
        b"COZE_API_KEY=a${HOME}b\r\n"
        b"COZE_SPACE_ID\r\n"
    )
    assert load() == Settings(
        coze_bot_id="1",
        host="localhost",
        coze_jwt_private_key=Secret("-----BEGIN\nKEY-----"),
        coze_api_key=Secret("a${HOME}b"),
    )


def test_a_missing_file_is_an_error_only_if_it_was_named(tmp_path):
    assert load() == Settings()
    with pytest.raises(EnvFileError, match="No such file") as caught:
        load(tmp_path / "gone.env")
    assert str(tmp_path / "gone.env") in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / ".env").write_bytes(b"PORT=\xff\n")
    with pytest.raises(EnvFileError, match="not UTF-8"):
        load()


@pytest.mark.parametrize(
    "error",
    [
        BadValueError("PORT", "x", "a number"),
        CombinationError("one must go"),
        EnvFileError("x.env", "gone"),
    ],
)
def test_an_error_survives_pickling(error):
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def example_lines():
    """What ``.env.example`` has to say on each variable: its description, then its line."""
    for name, row in Settings.variables.items():
        value = Settings().shown(name) or row.example
        mark = "#" if name.startswith("COZE_JWT_") else ""
        yield f"# {row.description}\n{mark}{name}={value}\n"


def test_the_example_file_has_each_variable_once_in_their_order():
    text = (ROOT / ".env.example").read_text()
    assert re.findall(r"^# .*\n#?[A-Z_]+=.*\n", text, re.MULTILINE) == list(example_lines())


def test_the_example_file_as_it_stands_changes_nothing():
    text = (ROOT / ".env.example").read_text()
    assert load(ROOT / ".env.example") == Settings()
    # Nor with the OAuth block in force: what has no default there is a placeholder.
    values = dotenv_values(stream=io.StringIO(re.sub(r"(?m)^#(?=[A-Z])", "", text)))
    assert set(values) == set(Settings.variables)
    assert Settings.from_env(values) == Settings()


def test_the_readme_has_each_variable_with_its_default_in_their_order():
    text = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| `([A-Z_]+)` \| (?:`(.*)` )?\| (.*) \|$", text, re.MULTILINE)
    assert rows == [
        (name, Settings().shown(name), row.description) for name, row in Settings.variables.items()
    ]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("me:hunter2@api.coze.com", f"{MASK}@api.coze.com"),
        ("https://me:hunter2@api.coze.com/x", f"https://{MASK}@api.coze.com/x"),
        ("https://api.coze.com?token=hunter2", f"https://api.coze.com?{MASK}"),
    ],
)
def test_secrets_in_a_refused_address_are_not_shown(address, shown):
    with pytest.raises(BadValueError) as caught:
        Settings.from_env({"COZE_BASE_URL": address})
    assert caught.value.value == shown


@pytest.mark.parametrize(
    ("entry", "fields", "missing"),
    [
        ({"type": "chat"}, {}, "bot_id, or COZE_BOT_ID"),
        ({"type": "conversation", "workflow_id": "1"}, {}, "bot_id, or COZE_BOT_ID"),
        ({"type": "workflow"}, {}, "workflow_id, or COZE_WORKFLOW_ID"),
        ({"type": "chatflow", "workflow_id": "1"}, {}, "bot_id or app_id, or COZE_BOT_ID"),
        ({"type": "chat"}, {"COZE_BOT_ID": "1"}, None),
        ({"type": "workflow"}, {"COZE_WORKFLOW_ID": "1"}, None),
        ({"type": "chatflow", "workflow_id": "1", "app_id": "2"}, {}, None),
    ],
)
def test_a_name_of_the_map_must_lead_somewhere(entry, fields, missing):
    settings = Settings.from_env({"MODEL_MAP": json.dumps({"report": entry}), **fields})
    if missing is None:
        check_models(settings)
        return
    with pytest.raises(CombinationError, match=f"the entry 'report' needs {missing}"):
        check_models(settings)


@pytest.mark.parametrize("text", ['{"a": {"type": "chat"}, "a": {"type": "chat"}}', '{"": {}}'])
def test_a_name_stands_once_and_is_not_empty(text):
    with pytest.raises(BadValueError, match="a name stands twice, or is empty"):
        Settings.from_env({"MODEL_MAP": text})


def test_the_key_of_the_owner_is_none_of_the_callers():
    settings = Settings.from_env({"PROXY_API_KEYS": "ann:12345678", "PROXY_ADMIN_KEY": "12345678"})
    with pytest.raises(CombinationError, match="PROXY_ADMIN_KEY"):
        check_doors(settings)


def test_the_key_of_the_owner_is_no_shorter_than_those_of_callers():
    with pytest.raises(BadValueError, match=r"PROXY_ADMIN_KEY is .* at least 8 characters"):
        Settings.from_env({"PROXY_ADMIN_KEY": "1234567"})
