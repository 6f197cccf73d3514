"""The JWT flow, through cozepy and with every kind of wrong JWT."""

import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cozeproxy.sandbox import Sandbox
from tests.sandbox.raw import call, chat_body, request
from tests.sandbox.sdk import cozepy, in_thread

pytestmark = [
    pytest.mark.gen_test,
    # cozepy 0.20.0 signs with a part of Authlib that is deprecated.
    pytest.mark.filterwarnings("ignore::authlib.deprecate.AuthlibDeprecationWarning"),
]

APP_ID, KEY_ID = "1200000000000000001", "key-1"
PATH = "/api/permission/oauth2/token"
NOW = 1_800_000_000


def new_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private, public.decode()


PRIVATE, PUBLIC = new_key()
STRANGER, _ = new_key()


class Clock:
    """A time that tests set."""

    now = float(NOW)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sandbox(io_loop, clock):
    made = Sandbox(clock=clock)
    made.register_oauth_app(APP_ID, KEY_ID, PUBLIC)

    async def start():
        made.listen()

    io_loop.run_sync(start)
    yield made
    io_loop.run_sync(made.stop)


def assertion(key=PRIVATE, kid=KEY_ID, algorithm="RS256", without=(), **claims):
    """Return a JWT that is good unless told otherwise."""
    whole = {
        "iss": APP_ID,
        "aud": "api.coze.cn",
        "iat": NOW,
        "exp": NOW + 3600,
        "jti": "random",
    } | claims
    kept = {name: value for name, value in whole.items() if name not in without}
    return jwt.encode(kept, key, algorithm=algorithm, headers={"kid": kid})


async def exchange(sandbox, token, **body):
    """Return status and answer of the token endpoint."""
    whole = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"} | body
    async with request(sandbox, "POST", PATH, whole, token=token) as response:
        return response.status, await response.json()


async def test_sync_sdk_gets_one_token_and_uses_it_twice(sandbox, clock):
    # cozepy goes by the real time.
    clock.now = time.time()

    def talk():
        with cozepy.SyncHTTPClient() as client:
            app = cozepy.JWTOAuthApp(APP_ID, PRIVATE, KEY_ID, base_url=sandbox.base_url)
            app._requester = cozepy.request.Requester(sync_client=client)
            auth = cozepy.JWTAuth(oauth_app=app, base_url=sandbox.base_url)
            coze = cozepy.Coze(auth, base_url=sandbox.base_url, http_client=client)
            return [coze.users.me().user_name for _ in range(2)]

    assert await in_thread(talk) == ["sandbox"] * 2
    # One exchange: expires_in is a time. Taken for one, a duration would have passed long ago.
    assert [record.path for record in sandbox.requests].count(PATH) == 1


async def test_async_sdk_gets_one_token_and_uses_it_twice(sandbox, clock):
    clock.now = time.time()
    async with cozepy.AsyncHTTPClient() as client:
        app = cozepy.AsyncJWTOAuthApp(APP_ID, PRIVATE, KEY_ID, base_url=sandbox.base_url)
        app._requester = cozepy.request.Requester(async_client=client)
        auth = cozepy.AsyncJWTAuth(oauth_app=app, base_url=sandbox.base_url)
        coze = cozepy.AsyncCoze(auth, base_url=sandbox.base_url, http_client=client)
        for _ in range(2):
            assert (await coze.users.me()).user_name == "sandbox"
    assert [record.path for record in sandbox.requests].count(PATH) == 1


async def test_sdk_raises_what_the_token_endpoint_says(sandbox, clock):
    clock.now = time.time()

    def ask():
        with cozepy.SyncHTTPClient() as client:
            app = cozepy.JWTOAuthApp(APP_ID, STRANGER, KEY_ID, base_url=sandbox.base_url)
            app._requester = cozepy.request.Requester(sync_client=client)
            app.get_access_token()

    with pytest.raises(cozepy.CozeAPIError) as caught:
        await in_thread(ask)
    assert "Signature verification failed" in str(caught.value)


async def test_token_comes_without_an_envelope_and_expires_at_a_time(sandbox):
    status, answer = await exchange(sandbox, assertion(), duration_seconds=60, scope=None)
    assert status == 200
    assert answer == {"access_token": answer["access_token"], "expires_in": NOW + 60}
    assert answer["access_token"].startswith("czs_")


@pytest.mark.parametrize(
    "path",
    ["/api/permission/oauth2/account/1/token", "/api/permission/oauth2/enterprise_id/1/token"],
)
async def test_token_can_be_had_for_an_account(sandbox, path):
    body = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
    answer = await call(sandbox, "POST", path, body, token=assertion())
    assert answer["expires_in"] == NOW + 900


@pytest.mark.parametrize("audience", ["api.coze.com", "api.coze.cn", "127.0.0.1", "{host}"])
async def test_audience_may_be_hosted_coze_or_the_host_called(sandbox, audience):
    audience = audience.format(host=sandbox.base_url.removeprefix("http://"))
    assert (await exchange(sandbox, assertion(aud=audience)))[0] == 200


async def test_token_is_good_until_it_expires(sandbox, clock):
    _, answer = await exchange(sandbox, assertion(), duration_seconds=2)
    token = answer["access_token"]
    clock.now += 1.9
    assert (await call(sandbox, "GET", "/v1/users/me", token=token))["code"] == 0
    clock.now += 0.1
    assert (await call(sandbox, "GET", "/v1/users/me", token=token))["code"] == 700012006


async def test_token_can_be_revoked(sandbox):
    _, answer = await exchange(sandbox, assertion())
    sandbox.tokens.revoke_issued()
    answer = await call(sandbox, "GET", "/v1/users/me", token=answer["access_token"])
    assert answer["code"] == 700012006


REFUSED = {
    "no JWT": ("", "invalid_client"),
    "no real JWT": ("a.b.c", "invalid_client"),
    "another key": (assertion(key=STRANGER), "invalid_client"),
    "an unknown key id": (assertion(kid="key-2"), "invalid_client"),
    "another algorithm": (
        assertion(key="s" * 32, algorithm="HS256"),
        "invalid_client",
    ),
    "another app": (assertion(iss="2"), "invalid_client"),
    "another audience": (assertion(aud="api.example.com"), "invalid_client"),
    "an audience with a scheme": (assertion(aud="https://api.coze.cn"), "invalid_client"),
    "expired": (assertion(exp=NOW), "invalid_client"),
    "expired before it was issued": (assertion(iat=NOW + 20, exp=NOW + 10), "invalid_client"),
    **{
        f"no {claim}": (assertion(without=[claim]), "invalid_client")
        for claim in ("iss", "aud", "iat", "exp", "jti")
    },
}


@pytest.mark.parametrize(("token", "code"), REFUSED.values(), ids=REFUSED)
async def test_jwt_is_refused(sandbox, token, code):
    status, answer = await exchange(sandbox, token)
    assert (status, answer["error_code"], answer["error"]) == (401, code, code)
    assert answer["error_message"].startswith("invalid jwt: ")


async def test_jwt_works_once(sandbox):
    assert (await exchange(sandbox, assertion()))[0] == 200
    status, answer = await exchange(sandbox, assertion())
    assert (status, answer["error_message"]) == (401, "invalid jwt: jti has been used")
    assert (await exchange(sandbox, assertion(jti="another")))[0] == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"duration_seconds": 0}, "invalid_request"),
        ({"duration_seconds": 86400}, "invalid_request"),
        ({"duration_seconds": "900"}, "invalid_request"),
    ],
)
async def test_token_request_is_refused(sandbox, body, code):
    status, answer = await exchange(sandbox, assertion(), **body)
    assert (status, answer["error_code"]) == (400, code)


async def test_token_request_that_is_no_json_is_refused(sandbox):
    async with request(sandbox, "POST", PATH, b"grant_type=x", token=assertion()) as response:
        assert (response.status, (await response.json())["error_code"]) == (400, "invalid_request")


async def test_outage_of_the_token_endpoint_leaves_tokens_good(sandbox):
    _, answer = await exchange(sandbox, assertion())
    sandbox.tokens.outage = True
    status, failure = await exchange(sandbox, assertion(jti="another"))
    assert (status, failure["error_code"]) == (500, "internal_error")
    token = answer["access_token"]
    assert (await call(sandbox, "GET", "/v1/users/me", token=token))["code"] == 0
    sandbox.tokens.outage = False
    assert (await exchange(sandbox, assertion(jti="a third")))[0] == 200


async def test_sessions_do_not_see_the_conversations_of_each_other(sandbox):
    tokens = []
    for name in ("ann", "bob"):
        _, answer = await exchange(sandbox, assertion(jti=name, session_name=name))
        tokens.append(answer["access_token"])
    made = await call(sandbox, "POST", "/v1/conversation/create", {}, token=tokens[0])
    path = f"/v1/conversation/retrieve?conversation_id={made['data']['id']}"
    assert (await call(sandbox, "GET", path, token=tokens[0]))["code"] == 0
    assert (await call(sandbox, "GET", path, token=tokens[1]))["code"] == 4002
    path = f"/v3/chat?conversation_id={made['data']['id']}"
    refused = await call(sandbox, "POST", path, chat_body("echo"), token=tokens[1])
    assert refused["code"] == 4002


@pytest.mark.parametrize(("bot", "code"), [("auth-once", 4100), ("auth-once-700012006", 700012006)])
async def test_first_token_is_refused_and_others_are_not(sandbox, bot, code):
    for _ in range(2):
        answer = await call(sandbox, "POST", "/v3/chat", chat_body(bot))
        assert answer["code"] == code
    _, issued = await exchange(sandbox, assertion())
    async with request(
        sandbox, "POST", "/v3/chat", chat_body(bot), token=issued["access_token"]
    ) as response:
        assert b"[DONE]" in await response.body()


async def test_apps_can_be_registered_over_http(sandbox):
    private, public = new_key()
    body = {"app_id": "7", "key_id": "key-7", "public_key": public}
    async with request(sandbox, "POST", "/sandbox/oauth_apps", body, token=None) as response:
        assert response.status == 204
    token = assertion(key=private, kid="key-7", iss="7")
    assert (await exchange(sandbox, token))[0] == 200
    async with request(sandbox, "POST", "/sandbox/oauth_apps", {}, token=None) as response:
        assert response.status == 400
