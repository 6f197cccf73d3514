"""Whose memory, whose files: sessions of OAuth for each user, and callers with their own tokens."""

import openai
import pytest

from cozeproxy.sandbox import Sandbox
from cozeproxy.upstream.assertion import OAuthApp, audience_of, load_key
from cozeproxy.upstream.exchange import Exchange, Terms
from tests.doors.access import ANN, BOB, bearer, exchanges, shown, tokens_seen
from tests.service.asking import body, error_of, says, text_part
from tests.support.files import PNG, data_url
from tests.types.asking import arrived

pytestmark = pytest.mark.gen_test(timeout=15)

UPLOAD = "/v1/files/upload"
PICTURE = [text_part(), {"type": "image_url", "image_url": {"url": data_url(PNG)}}]


async def conversation_of(ask, user):
    """Begin a conversation; gives its id."""
    answer = await ask("conversation-memory", "I am Ann.", user=user)
    return answer.coze["conversation_id"]


class TestOneSession:
    @pytest.fixture
    def environment(self, oauth_app):
        return oauth_app

    async def test_all_users_share_a_token_and_what_it_can_see(self, ask, sandbox):
        headers = {"x-conversation-id": await conversation_of(ask, "ann")}
        answer = await ask("conversation-memory", "Who am I?", user="bob", headers=headers)
        assert "I am Ann." in answer.text
        assert exchanges(sandbox) == 1

    async def test_file_of_two_users_is_uploaded_once(self, ask, sandbox):
        for user in ("ann", "bob"):
            await ask("bot-echo", messages=[says(PICTURE)], user=user)
        assert len(arrived(sandbox, UPLOAD)) == 1


class TestSessionPerUser:
    @pytest.fixture
    def environment(self, oauth_app, sandbox):
        return {
            **oauth_app,
            "COZE_JWT_SESSION_PER_USER": "true",
            "COZE_SPACE_ID": sandbox.SPACE_ID,
        }

    async def test_users_cannot_see_each_others_conversations(self, ask, sandbox):
        headers = {"x-conversation-id": await conversation_of(ask, "ann")}
        with pytest.raises(openai.NotFoundError):
            await ask("conversation-memory", "Who am I?", user="bob", headers=headers)
        answer = await ask("conversation-memory", "Who am I?", user="ann", headers=headers)
        assert "I am Ann." in answer.text
        assert exchanges(sandbox) == 2

    async def test_users_cannot_see_each_others_responses(self, caller, sandbox):
        ann, bob = ({"x-user-id": name} for name in ("ann", "bob"))
        asked = {"model": "bot-memory", "input": "I am Ann."}
        response = await caller.responses.create(**asked, user="ann")
        again = await caller.responses.retrieve(response.id, extra_headers=ann)
        assert again.output_text == response.output_text
        for other in (bob, {}):
            with pytest.raises(openai.NotFoundError):
                await caller.responses.retrieve(response.id, extra_headers=other)
        asked = {**asked, "input": "Who am I?", "previous_response_id": response.id}
        with pytest.raises(openai.BadRequestError):
            await caller.responses.create(**asked, user="bob")
        answer = await caller.responses.create(**asked, user="ann")
        assert "I am Ann." in answer.output_text
        made = await caller.conversations.create(extra_headers=ann)
        await caller.conversations.retrieve(made.id, extra_headers=ann)
        with pytest.raises(openai.NotFoundError):
            await caller.conversations.retrieve(made.id, extra_headers=bob)
        assert len(sandbox.state.conversations) == 2

    async def test_each_user_has_a_token_for_all_requests(self, ask, sandbox):
        for user in ("ann", "bob", "ann", "bob", "ann"):
            await ask("bot-hello", user=user)
        ann, bob, *rest = tokens_seen(sandbox, "/v3/chat")
        assert ann != bob
        assert rest == [ann, bob, ann]
        assert exchanges(sandbox) == 2

    async def test_file_is_uploaded_for_each_user_who_sends_it(self, ask, sandbox):
        for user in ("ann", "bob", "ann", "bob"):
            answer = await ask("bot-echo", messages=[says(PICTURE)], user=user)
            assert "[image " in answer.text
        assert len(set(tokens_seen(sandbox, UPLOAD))) == 2
        assert len(arrived(sandbox, UPLOAD)) == 2

    async def test_kept_file_is_of_the_user_who_keeps_it(self, caller, sandbox):
        ann, bob = ({"extra_headers": {"x-user-id": name}} for name in ("ann", "bob"))
        kept = await caller.files.create(file=("a.png", PNG), purpose="vision", **ann)
        named = await caller.files.create(
            file=("b.png", PNG), purpose="vision", extra_body={"user": "ann"}
        )
        assert len(set(tokens_seen(sandbox, UPLOAD))) == 1
        for file in (kept, named):
            assert await caller.files.retrieve(file.id, **ann) == file
            with pytest.raises(openai.NotFoundError):
                await caller.files.retrieve(file.id, **bob)

    async def test_list_of_models_is_for_no_user(self, post, sandbox):
        for user in ("ann", "bob"):
            response = await post(None, "/v1/models", "GET", **{"x-user-id": user})
            assert Sandbox.BOT_ID.encode() in response.body
        assert exchanges(sandbox) == 1
        assert len(arrived(sandbox, "/v1/bots")) == 1

    async def test_refused_token_of_one_user_leaves_those_of_others(self, ask, sandbox, clock):
        for user in ("ann", "bob"):
            await ask("bot-hello", user=user)
        clock.now += 11
        await ask("bot-auth-once", user="ann")
        assert exchanges(sandbox) == 3
        await ask("bot-hello", user="bob")
        assert tokens_seen(sandbox, "/v3/chat")[1] == tokens_seen(sandbox, "/v3/chat")[-1]
        assert exchanges(sandbox) == 3


class TestSessionPerUserAndKey:
    @pytest.fixture
    def environment(self, oauth_app):
        return {
            **oauth_app,
            "COZE_JWT_SESSION_PER_USER": "true",
            "PROXY_API_KEYS": f"ann:{ANN},bob:{BOB}",
        }

    async def test_users_of_the_same_name_are_parted_by_the_names_of_keys(self, post, sandbox):
        asked = body("hello", user="eve")
        for key in (ANN, BOB, ANN):
            assert (await post(asked, **bearer(key))).code == 200
        first, second, third = tokens_seen(sandbox, "/v3/chat")
        assert first == third != second

    async def test_callers_that_name_no_user_have_a_session_for_each_key(self, post, sandbox):
        for key in (ANN, ANN, BOB):
            assert (await post(body("hello"), **bearer(key))).code == 200
        assert exchanges(sandbox) == 2


class TestPassthrough:
    @pytest.fixture
    def environment(self, oauth_app, sandbox):
        return {
            **oauth_app,
            "COZE_API_KEY": "pat_of_the_service",
            "COZE_TOKEN_PASSTHROUGH": "true",
            "COZE_SPACE_ID": sandbox.SPACE_ID,
        }

    @pytest.fixture
    def two_tokens(self, io_loop, sandbox, oauth_app):
        """Two callers' tokens, each of a session of its own."""
        app = OAuthApp(
            oauth_app["COZE_JWT_APP_ID"],
            oauth_app["COZE_JWT_KEY_ID"],
            load_key(oauth_app["COZE_JWT_PRIVATE_KEY"]),
            audience_of(sandbox.base_url),
        )

        async def get():
            exchange = Exchange(Terms(sandbox.base_url, app, 900))
            grants = [await exchange(session) for session in ("ann", "bob")]
            await exchange.close()
            return [grant.token.reveal() for grant in grants]

        tokens = io_loop.run_sync(get)
        sandbox.records.clear()
        return tokens

    async def test_caller_s_token_is_all_that_coze_is_shown(self, post, sandbox, two_tokens):
        for token in two_tokens:
            asked = body("echo", PICTURE)
            assert (await post(asked, **bearer(token))).code == 200
            assert (await post(body("hello", stream=True), **bearer(token))).code == 200
            assert (await post(None, "/v1/models", "GET", **bearer(token))).code == 200
            assert {r.headers["authorization"] for r in sandbox.requests} == {shown(token)}
            assert "api-key" not in {name for r in sandbox.requests for name in r.headers}
            sandbox.records.clear()

    async def test_file_is_uploaded_for_each_token_and_once_for_each(
        self, post, sandbox, two_tokens
    ):
        for token in two_tokens * 2:
            assert (await post(body("echo", PICTURE), **bearer(token))).code == 200
        assert tokens_seen(sandbox, UPLOAD) == [shown(token) for token in two_tokens]

    async def test_models_are_listed_for_each_token_and_once_for_each(
        self, post, sandbox, two_tokens
    ):
        for token in two_tokens * 2:
            assert (await post(None, "/v1/models", "GET", **bearer(token))).code == 200
        assert tokens_seen(sandbox, "/v1/bots") == [shown(token) for token in two_tokens]

    async def test_list_of_another_token_is_not_for_a_wrong_one(self, post, two_tokens):
        assert (await post(None, "/v1/models", "GET", **bearer(two_tokens[0]))).code == 200
        assert (await post(None, "/v1/models", "GET", **bearer("wrong"))).code == 401

    @pytest.mark.parametrize("stream", [False, True])
    async def test_wrong_token_is_coze_s_401_after_one_call(self, post, sandbox, stream):
        response = await post(body("hello", stream=stream), **bearer("czs_wrong"))
        assert response.code == 401
        assert error_of(response)["code"] == "invalid_api_key"
        assert b"czs_wrong" not in response.body
        assert [r.path for r in sandbox.requests] == ["/v3/chat"]

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            bearer(""),
            {"api-key": Sandbox.API_KEY},
            {"Authorization": f"Basic {Sandbox.API_KEY}"},
            bearer("schlüssel"),
            bearer("a\tb"),
        ],
    )
    @pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models"])
    async def test_without_a_token_nothing_is_sent(self, post, sandbox, path, headers):
        chats = path.endswith("completions")
        response = await post(
            body("hello") if chats else None, path, "POST" if chats else "GET", **headers
        )
        assert response.code == 401
        assert error_of(response)["code"] == "invalid_api_key"
        assert sandbox.requests == []

    async def test_service_gets_no_token_for_itself(self, service, post, sandbox, two_tokens):
        service.start()
        assert (await post(body("hello"), **bearer(two_tokens[0]))).code == 200
        assert exchanges(sandbox) == 0
