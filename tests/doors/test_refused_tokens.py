"""Tokens that Coze refuses: exchanged, where that can help, and the call made once more."""

import asyncio
import json

import openai
import pytest

from cozeproxy.sandbox import Sandbox
from tests.doors.access import EXCHANGE, exchanges, tokens_seen
from tests.doors.conftest import OLD
from tests.service.asking import TOOLS, body, error_of, outputs, says, text_part
from tests.support import coze
from tests.support.files import PDF, PNG, WAV, data_url
from tests.types.asking import arrived

pytestmark = pytest.mark.gen_test(timeout=15)

PICTURE = {"type": "image_url", "image_url": {"url": data_url(PNG)}}
PAPER = {"type": "file", "file": {"filename": "a.pdf", "file_data": data_url(PDF)}}


@pytest.fixture
def environment(oauth_app, sandbox):
    return {
        **oauth_app,
        "COZE_SPACE_ID": sandbox.SPACE_ID,
        "MAX_CONCURRENT_REQUESTS": "100",
    }


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("bot-auth-once", "/v3/chat"),
        ("bot-auth-once-700012006", "/v3/chat"),
        # In the words that Coze has for a wrong token, not those for a permission.
        ("bot-auth-once-4101", "/v3/chat"),
        ("conversation-auth-once", "/v3/chat"),
        ("workflow-auth-once", "/v1/workflow/stream_run"),
    ],
)
async def test_refused_token_is_exchanged_and_the_call_made_once_more(
    ask, sandbox, grown_old, model, path
):
    await grown_old()
    answer = await ask(model)
    assert "Hi" in answer.text
    assert answer.finish_reason == "stop"
    tokens = tokens_seen(sandbox, path)
    assert len(tokens) == len(set(tokens)) == 2
    assert exchanges(sandbox) == 1
    # The new one is good for all that come.
    await ask(model)
    assert tokens_seen(sandbox, path)[2:] == tokens[1:]
    assert exchanges(sandbox) == 1


REQUESTS = {
    "chat": {"model": "bot-echo"},
    "conversation": {"model": "conversation-echo"},
    "workflow": {"model": "workflow-echo"},
    "chatflow": {"model": "chatflow-echo"},
    "upload": {"model": "bot-echo", "messages": [says([text_part(), PICTURE])]},
    "two uploads": {"model": "bot-echo", "messages": [says([text_part(), PICTURE, PAPER])]},
}


@pytest.mark.parametrize("fields", REQUESTS.values(), ids=REQUESTS.keys())
async def test_token_that_was_revoked_is_not_noticed_by_callers(ask, sandbox, grown_old, fields):
    await grown_old()
    sandbox.tokens.revoke_issued()
    answer = await ask(**fields)
    assert answer.text
    assert exchanges(sandbox) == 1


async def test_what_is_no_chat_survives_a_revoked_token(caller, sandbox, grown_old):
    for path, call in {
        "/v1/audio/speech": lambda: caller.audio.speech.create(
            model="tts-1", input="Hi", voice="tone"
        ),
        "/v1/audio/transcriptions": lambda: caller.audio.transcriptions.create(
            model="whisper-1", file=("a.wav", WAV)
        ),
        "/v1/files/upload": lambda: caller.files.create(file=("a.png", PNG), purpose="vision"),
    }.items():
        await grown_old()
        sandbox.tokens.revoke_issued()
        assert await call()
        assert len(set(tokens_seen(sandbox, path))) == 2
        assert exchanges(sandbox) == 1


async def test_list_of_models_survives_a_revoked_token(post, sandbox, grown_old):
    await grown_old()
    sandbox.tokens.revoke_issued()
    response = await post(None, "/v1/models", "GET")
    assert Sandbox.BOT_ID.encode() in response.body
    assert exchanges(sandbox) == 1


async def test_waiting_tool_survives_a_revoked_token(ask, sandbox, grown_old):
    await grown_old()
    question = says("Rain?")
    call = await ask("bot-tools", messages=[question], tools=TOOLS)
    sandbox.tokens.revoke_issued()
    messages = [question, call.message, *outputs(call.message, "0.5")]
    assert (await ask("bot-tools", messages=messages, tools=TOOLS)).text
    assert exchanges(sandbox) == 1


async def test_many_requests_with_a_refused_token_make_one_exchange(caller, sandbox, grown_old):
    await grown_old()
    sandbox.tokens.revoke_issued()
    create = caller.chat.completions.create
    await asyncio.gather(
        *(
            create(model="bot-hello", messages=[says("Hi")], stream=bool(number % 2))
            for number in range(100)
        )
    )
    assert exchanges(sandbox) == 1


async def test_young_token_is_not_exchanged_for_every_refusal(ask, post, sandbox, clock):
    await post(body("hello"))
    clock.now += OLD - 2
    for _ in range(3):
        with pytest.raises(openai.AuthenticationError):
            await ask("bot-code-4100")
    assert exchanges(sandbox) == 1
    assert len(arrived(sandbox, "/v3/chat")) == 1 + 3


@pytest.mark.parametrize("bot", ["code-4100", "code-700012006", "http-401", "old-envelope"])
async def test_refusal_of_the_new_token_too_is_a_401(ask, sandbox, grown_old, bot):
    await grown_old()
    with pytest.raises(openai.AuthenticationError):
        await ask(f"bot-{bot}")
    assert len(arrived(sandbox, "/v3/chat")) == 2
    assert exchanges(sandbox) == 1


@pytest.mark.parametrize("bot", ["no-permission", "code-4102", "code-4028"])
async def test_what_another_token_would_lack_too_is_not_tried_again(ask, sandbox, grown_old, bot):
    await grown_old()
    with pytest.raises(openai.APIStatusError):
        await ask(f"bot-{bot}")
    assert len(arrived(sandbox, "/v3/chat")) == 1
    assert exchanges(sandbox) == 0


@pytest.mark.parametrize(
    "bot", ["failed-auth", "failed-auth-after-text", "error-event-4100-after-text", "failed-4101"]
)
async def test_chat_that_coze_has_accepted_is_not_sent_again(ask, sandbox, grown_old, bot):
    await grown_old()
    with pytest.raises(openai.APIError):
        await ask(f"bot-{bot}")
    assert len(arrived(sandbox, "/v3/chat")) == 1
    assert exchanges(sandbox) == 0


def unauthorized(**fields):
    """A 401 with JSON, to the byte."""
    data = json.dumps(fields).encode()
    head = (
        b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    return head % len(data) + data


class TestWordsOfGateways:
    """Refusals without a code of Coze's that is known: HTTP's status has to do."""

    @pytest.fixture
    def environment(self, oauth_app, raw_coze):
        return {**oauth_app, "COZE_BASE_URL": raw_coze.base_url}

    @pytest.fixture
    def give_token(self, raw_coze):
        async def give_token(token):
            call = await raw_coze.called()
            assert call.path == EXCHANGE
            await call.reply(access_token=token, expires_in=3600)

        return give_token

    @pytest.mark.parametrize(
        "refusal",
        [
            unauthorized(code=799999999, msg="authentication failed"),
            unauthorized(error="Unauthorized"),
            b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        ],
    )
    async def test_401_is_met_with_a_new_token(self, post, raw_coze, give_token, clock, refusal):
        asking = asyncio.create_task(post(body("7")))
        await give_token("first")
        call = await raw_coze.called()
        clock.now += OLD
        await call.write(refusal)
        call.over.set()
        await give_token("second")
        call = await raw_coze.called()
        await call.start(coze.answer("Fine"))
        await call.end()
        assert b'"Fine"' in (await asking).body

    async def test_second_refusal_is_the_last_though_that_token_has_grown_old_too(
        self, post, raw_coze, give_token, clock
    ):
        asking = asyncio.create_task(post(body("7")))
        for token in ("first", "second"):
            await give_token(token)
            call = await raw_coze.called()
            clock.now += OLD
            await call.write(unauthorized(code=4100, msg="authentication is invalid"))
            call.over.set()
        response = await asking
        assert response.code == 401
        assert error_of(response)["code"] == "invalid_api_key"
