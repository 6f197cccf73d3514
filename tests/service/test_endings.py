"""Every way in which Coze refuses or fails, and that the stock SDK raises in each of them.

The failures are the stand-in's. Whether a script's text goes out before its failure has come is up
to the system; test_broken_off.py holds the failure back until it has.
"""

import re

import openai
import pytest

from cozeproxy.sandbox.scenarios import breakdowns, refusals
from tests.service.asking import body, chunks_of, error_of, text_of, to

pytestmark = pytest.mark.gen_test(timeout=15)

# By bot: the status, OpenAI's code, and what x-should-retry says.
REFUSED = {
    "code-4000": (400, None, None),
    "code-4002": (404, "not_found", None),
    "code-4010": (400, "context_length_exceeded", None),
    "code-4013": (429, "rate_limit_exceeded", None),
    "code-4014": (400, "content_filter", None),
    "code-4016": (409, "conversation_occupied", None),
    "code-4028": (429, "insufficient_quota", "false"),
    "code-4100": (401, "invalid_api_key", None),
    "code-4200": (404, "model_not_found", None),
    "code-5000": (502, "upstream_error", None),
    "code-700012006": (401, "invalid_api_key", None),
    "code-4999": (400, None, None),
    "code-799999999": (502, "upstream_error", None),
    "http-400": (400, None, None),
    "http-401": (401, "invalid_api_key", None),
    "http-404": (404, "model_not_found", None),
    "http-429": (429, "rate_limit_exceeded", None),
    "http-500": (502, "upstream_error", None),
    "http-200-4028": (429, "insufficient_quota", "false"),
    "http-503-4028": (429, "insufficient_quota", "false"),
    "no-permission": (403, "permission_denied", None),
    "unpublished": (403, "model_not_available", None),
    "html-502": (502, "upstream_error", None),
    "empty-body": (502, "upstream_error", None),
    "wrong-content-type": (502, "upstream_error", None),
    "rate-limited": (429, "rate_limit_exceeded", None),
    "redirect": (502, "upstream_error", None),
    "json-garbage": (502, "upstream_error", None),
    "json-array": (502, "upstream_error", None),
    "old-envelope": (401, "invalid_api_key", None),
    "no-content-type": (502, "upstream_error", None),
    "auth-once": (401, "invalid_api_key", None),
    "auth-once-4101": (401, "invalid_api_key", None),
    "empty-stream": (502, "upstream_error", "false"),
    # Compressed, so that nothing of it can be read: a chat may have begun.
    "gzip": (502, "upstream_error", "false"),
    "gzip-bomb": (502, "upstream_error", "false"),
}
# By bot: the status and the code. Coze had accepted the chat, so it must not be sent again.
FAILED = {
    "failed": (502, "upstream_error"),
    "failed-4016": (409, "conversation_occupied"),
    "failed-done": (502, "upstream_error"),
    "failed-code-msg": (502, "upstream_error"),
    "failed-string-code": (404, "not_found"),
    "failed-quota": (429, "insufficient_quota"),
    "failed-auth": (401, "invalid_api_key"),
    "error-event": (429, "rate_limit_exceeded"),
    "error-event-4010": (400, "context_length_exceeded"),
    "error-event-empty": (502, "upstream_error"),
    "error-event-string": (502, "upstream_error"),
    "error-event-string-code": (502, "upstream_error"),
    "bare-error": (502, "upstream_error"),
    "canceled": (502, "upstream_error"),
    "eof": (502, "upstream_error"),
    "cut": (502, "upstream_error"),
    "reset": (502, "upstream_error"),
    "undecodable": (502, "upstream_error"),
    "invalid-utf8": (502, "upstream_error"),
    "endless-line": (502, "upstream_error"),
    "http10": (502, "upstream_error"),
}
# Streams that lack one of Coze's two end marks have ended all the same.
ENDED = ("no-done", "done-only")

SPOKEN = "".join(breakdowns.SPOKEN)

RAISED = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    429: openai.RateLimitError,
    502: openai.InternalServerError,
}


def shape(bot):
    """The name of a bot's scenario, for both ways of failing."""
    return re.sub(r"\d+", "<n>", bot.removesuffix("-after-text"))


def test_every_failure_of_the_stand_in_is_in_a_table():
    scenarios = {shape(s.name) for s in [*refusals.SCENARIOS, *breakdowns.SCENARIOS]}
    assert {shape(bot) for bot in [*REFUSED, *FAILED, *ENDED]} == scenarios


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("bot", "expected"), REFUSED.items(), ids=REFUSED.keys())
async def test_refusal_is_raised_with_its_status(caller, bot, expected, stream):
    with pytest.raises(openai.APIStatusError) as caught:
        await caller.chat.completions.create(**to(bot, stream=stream))
    error, (status, code, should_retry) = caught.value, expected
    assert type(error) is RAISED[status]
    assert (error.status_code, error.code) == (status, code)
    assert error.response.headers.get("x-should-retry") == should_retry


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("bot", "expected"), FAILED.items(), ids=FAILED.keys())
async def test_failure_before_any_text_is_raised_with_its_status(caller, bot, expected, stream):
    with pytest.raises(openai.APIStatusError) as caught:
        await caller.chat.completions.create(**to(bot, stream=stream))
    error, (status, code) = caught.value, expected
    assert type(error) is RAISED[status]
    assert (error.status_code, error.code) == (status, code)
    assert error.response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(("bot", "expected"), FAILED.items(), ids=FAILED.keys())
async def test_failure_after_text_is_raised_whole_and_streamed(caller, bot, expected):
    asked, (status, code) = to(f"{bot}-after-text"), expected
    with pytest.raises(RAISED[status]) as caught:
        await caller.chat.completions.create(**asked)
    assert caught.value.code == code
    assert caught.value.response.headers["x-should-retry"] == "false"
    with pytest.raises(openai.APIError) as raised:
        await chunks_of(await caller.chat.completions.create(**asked, stream=True))
    assert raised.value.code == code


@pytest.mark.parametrize("bot", ["code-5000", "failed", "failed-after-text", "reset-after-text"])
async def test_blocking_sdk_raises_as_well(sync_caller, in_thread, bot):
    create = sync_caller.chat.completions.create
    with pytest.raises(openai.InternalServerError):
        await in_thread(lambda: create(**to(bot)))
    with pytest.raises(openai.APIError):
        await in_thread(lambda: list(create(**to(bot), stream=True)))


@pytest.mark.parametrize(("bot", "text"), [("no-done", ""), ("done-only-after-text", SPOKEN)])
async def test_one_of_two_end_marks_is_enough(caller, bot, text):
    answer = await caller.chat.completions.create(**to(bot))
    assert answer.choices[0].message.content == text
    chunks = await chunks_of(await caller.chat.completions.create(**to(bot, stream=True)))
    assert text_of(chunks) == text
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_retry_after_of_coze_is_passed_on(post):
    response = await post(body("rate-limited"))
    assert response.headers["Retry-After"] == "7"


async def test_message_keeps_cozes_text_code_and_logid_and_adds_a_hint(post):
    response = await post(body("unpublished"))
    message = error_of(response)["message"]
    assert "has not been published to the channel Agent As API" in message
    assert re.search(r"\(code 4015, logid \d{14}[0-9A-F]{20}\)", message)
    assert message.endswith("Publish the bot to the API channel in Coze (Publish > API).")


async def test_redirect_is_not_followed(caller, sandbox):
    with pytest.raises(openai.InternalServerError):
        await caller.chat.completions.create(**to("redirect"))
    assert [request.path for request in sandbox.requests] == ["/v3/chat"]


@pytest.mark.parametrize(("bot", "sent"), [("failed", 1), ("code-4028", 1), ("code-5000", 2)])
async def test_sdk_resends_only_what_is_no_second_chat(caller, sandbox, bot, sent):
    with pytest.raises(openai.APIStatusError):
        await caller.with_options(max_retries=1).chat.completions.create(**to(bot))
    assert len(sandbox.requests) == sent


async def test_service_goes_on_after_every_failure(caller):
    for bot in ("reset", "cut-after-text", "gzip", "endless-line", "html-502"):
        with pytest.raises(openai.InternalServerError):
            await caller.chat.completions.create(**to(bot))
        answer = await caller.chat.completions.create(**to("hello"))
        assert answer.choices[0].message.content == "Hello"
