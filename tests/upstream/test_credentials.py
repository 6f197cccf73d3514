"""What the settings say Coze is to be shown."""

import pytest

from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import MASK, BadValueError, CombinationError, Secret, Settings
from cozeproxy.upstream.credentials import StaticCredentials, load_credentials
from cozeproxy.upstream.tokens import TokenManager
from tests.upstream.keys import APP_ID, KEY_ID, PEM, base64_of
from tests.upstream.timing import at_once

pytestmark = pytest.mark.gen_test

OAUTH = {
    "COZE_JWT_APP_ID": APP_ID,
    "COZE_JWT_KEY_ID": KEY_ID,
    "COZE_JWT_PRIVATE_KEY": PEM.replace("\n", "\\n"),
}


@pytest.fixture
def load(io_loop, sandbox):
    """Makes the credentials for some variables, in front of the stand-in."""
    made = []

    def load(variables):
        settings = Settings.from_env({"COZE_BASE_URL": sandbox.base_url, **variables})
        made.append(load_credentials(settings))
        return made[-1]

    yield load
    for each in made:
        io_loop.run_sync(each.stop)


async def test_api_key_is_given_at_once_and_there_is_no_other(load):
    credentials = load({"COZE_API_KEY": "pat_1"})
    assert isinstance(credentials, StaticCredentials)
    credentials.start()
    token = at_once(credentials.token("ann"))
    assert token == Secret("pat_1")
    assert credentials.rejected(token, "ann") is False


@pytest.mark.parametrize("real_time", [True])
async def test_oauth_goes_before_the_api_key(load, sandbox):
    credentials = load({**OAUTH, "COZE_API_KEY": Sandbox.API_KEY})
    assert isinstance(credentials, TokenManager)
    token = await credentials.token("ann")
    assert sandbox.tokens.owner_of(token.reveal()) == "openai-proxy"


@pytest.mark.parametrize("real_time", [True])
@pytest.mark.parametrize(
    ("variables", "owner"),
    [
        ({"COZE_JWT_SESSION_NAME": "team"}, "team"),
        ({"COZE_JWT_SESSION_PER_USER": "true"}, "ann"),
        ({"COZE_JWT_AUD": "api.coze.cn"}, "openai-proxy"),
        ({"COZE_JWT_ACCOUNT_ID": "77"}, "openai-proxy"),
    ],
)
async def test_settings_of_oauth_reach_the_exchange(load, sandbox, variables, owner):
    token = await load({**OAUTH, **variables}).token("ann")
    assert sandbox.tokens.owner_of(token.reveal()) == owner
    path = "/account/77/token" if "COZE_JWT_ACCOUNT_ID" in variables else "/oauth2/token"
    assert sandbox.requests[-1].path.endswith(path)


@pytest.mark.parametrize("real_time", [True])
async def test_life_and_scope_are_asked_for_as_they_are_set(load, sandbox):
    credentials = load({**OAUTH, "COZE_JWT_TTL": "60", "COZE_JWT_SCOPE": '{"a": [1]}'})
    await credentials.token()
    body = sandbox.requests[-1].body
    assert (body["duration_seconds"], body["scope"]) == (60, {"a": [1]})
    assert 50 < credentials.status.expires_in <= 60


@pytest.mark.parametrize("real_time", [True])
@pytest.mark.parametrize("text", [PEM, base64_of(PEM)])
async def test_private_key_may_be_in_a_file(load, sandbox, tmp_path, text):
    path = tmp_path / "private_key.pem"
    path.write_text(text)
    others = {name: OAUTH[name] for name in ("COZE_JWT_APP_ID", "COZE_JWT_KEY_ID")}
    token = await load({**others, "COZE_JWT_PRIVATE_KEY_FILE": str(path)}).token()
    assert sandbox.tokens.owner_of(token.reveal()) == "openai-proxy"


def test_bad_key_is_not_shown(load):
    with pytest.raises(BadValueError) as caught:
        load({**OAUTH, "COZE_JWT_PRIVATE_KEY": "canary"})
    assert (caught.value.name, caught.value.value) == ("COZE_JWT_PRIVATE_KEY", MASK)
    assert caught.value.allowed.startswith("an RSA private key as PEM text")
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"canary", b"\xff\x00", b""])
def test_bad_key_file_is_named(load, tmp_path, data):
    path = tmp_path / "private_key.pem"
    path.write_bytes(data)
    others = {name: OAUTH[name] for name in ("COZE_JWT_APP_ID", "COZE_JWT_KEY_ID")}
    with pytest.raises(BadValueError) as caught:
        load({**others, "COZE_JWT_PRIVATE_KEY_FILE": str(path)})
    text = f"COZE_JWT_PRIVATE_KEY_FILE is '{path}', but must be a file with an RSA private key"
    assert str(caught.value).startswith(text)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("missing", OAUTH)
def test_part_of_oauth_is_refused_with_what_is_missing(load, missing):
    with pytest.raises(CombinationError, match=missing):
        load({name: value for name, value in OAUTH.items() if name != missing})


def test_without_credentials_there_is_nothing_to_show(load):
    with pytest.raises(CombinationError, match="no credentials"):
        load({})
