"""Failures of responses: a status before the first event, two events after it."""

import asyncio

import openai
import pytest

from tests.responses.asking import body, frames, says, to
from tests.service.asking import error_of
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=15)

SPOKEN = coze.CREATED + coze.delta("All is ") + coze.delta("well, 一切顺利")


@pytest.mark.parametrize(
    ("bot", "status", "code"),
    [
        ("code-4010", 400, "context_length_exceeded"),
        ("code-4028", 429, "insufficient_quota"),
        ("failed", 502, "upstream_error"),
        ("failed-quota", 429, "insufficient_quota"),
        ("error-event", 429, "rate_limit_exceeded"),
        ("eof", 502, "upstream_error"),
        ("unpublished", 403, "model_not_available"),
    ],
)
async def test_failure_before_the_first_event_has_a_status(ask, bot, status, code):
    with pytest.raises(openai.APIStatusError) as caught:
        await ask(**to(bot))
    assert (caught.value.status_code, caught.value.code) == (status, code)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("asked", "param", "code"),
    [
        ({"input": 1}, "input", "invalid_type"),
        ({}, "input", "missing_required_parameter"),
        ({"model": None, "input": "Hi"}, "model", "missing_required_parameter"),
        ({"input": []}, "input", "invalid_value"),
        ({"input": ""}, "input", "invalid_value"),
        ({"input": [{"role": "user", "content": ""}]}, "input", "invalid_value"),
        ({"input": [{"content": "Hi"}]}, "input[0].role", "missing_required_parameter"),
        ({"input": [says("Hi", "tool")]}, "input[0].role", "invalid_value"),
        ({"input": [{"type": "web_search_call", "id": "ws_1"}]}, "input[0].type", "invalid_value"),
        (
            {"input": [says("Hi"), says([{"type": "video"}])]},
            "input[1].content[0].type",
            "invalid_value",
        ),
        (
            {"input": [says([{"type": "input_image", "image_url": "ftp://x"}])]},
            "input[0].content[0].image_url",
            "invalid_value",
        ),
        (
            {"input": [says([{"type": "input_image"}])]},
            "input[0].content[0].image_url",
            "missing_required_parameter",
        ),
        (
            {"input": [says([{"type": "input_file", "file_data": "%"}])]},
            "input[0].content[0].file_data",
            "invalid_value",
        ),
        (
            {"input": [says([{"type": "input_file", "file_url": "data:x"}])]},
            "input[0].content[0].file_url",
            "invalid_value",
        ),
        (
            {"input": [says([{"type": "input_image", "image_url": "https://x/y"}], "system")]},
            "input[0].content[0].type",
            "invalid_value",
        ),
        (
            {"input": [{"type": "function_call_output", "output": "x"}]},
            "input[0].call_id",
            "missing_required_parameter",
        ),
        (
            {"input": [{"type": "function_call_output", "call_id": "call_coze_x", "output": "x"}]},
            "input[0].call_id",
            "invalid_value",
        ),
        ({"input": "Hi", "tool_choice": "required"}, "tool_choice", "unsupported_value"),
        ({"input": "Hi", "top_logprobs": 2}, "top_logprobs", "unsupported_parameter"),
        ({"input": "Hi", "prompt": {"id": "p"}}, "prompt", "unsupported_parameter"),
        (
            {"input": "Hi", "include": ["message.output_text.logprobs"]},
            "include",
            "unsupported_value",
        ),
        (
            {"input": "Hi", "text": {"format": {"type": "json_schema", "name": "n"}}},
            "text.format.schema",
            "missing_required_parameter",
        ),
        ({"input": "Hi", "background": True, "store": False}, "background", "unsupported_value"),
        ({"input": "Hi", "metadata": {"k": ""}}, "metadata", "invalid_value"),
        ({"input": "Hi", "stop": ["a"] * 5}, "stop", "invalid_value"),
        ({"input": "Hi", "coze": {"x": 1}}, "coze.x", "unknown_parameter"),
        ({"input": "Hi", "x-bot-id": "/"}, "x-bot-id", "invalid_value"),
    ],
)
async def test_request_that_cannot_be_is_a_400_that_names_the_place(
    post, sandbox, asked, param, code, stream
):
    response = await post({"model": "gpt-4", **asked, "stream": stream}, "/v1/responses")
    error = error_of(response)
    assert (response.code, error["param"], error["code"]) == (400, param, code)
    assert error["type"] == "invalid_request_error"
    assert param in error["message"]
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "asked",
    [
        {"tool_choice": "auto", "include": ["reasoning.encrypted_content"], "top_logprobs": 0},
        {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}},
        {"tool_choice": "none", "text": None, "reasoning": None, "store": None, "stop": None},
        {"text": {"verbosity": "low"}, "stream_options": {"include_obfuscation": False}},
        {"nobody_knows": {"this": 1}, "context_management": None},
    ],
)
async def test_request_with_what_has_no_effect_is_served(post, asked):
    assert (await post(body("hello", **asked), "/v1/responses")).code == 200


class TestAfterText:
    """The server in Coze's place says its text, waits until the caller has it, and fails then."""

    @pytest.fixture
    def environment(self, raw_coze):
        return {"COZE_BASE_URL": raw_coze.base_url}

    @pytest.fixture
    def broken(self, connect, raw_coze):
        """What a caller gets where this failure comes after the text."""

        async def broken(*failure):
            exchange = await connect(body("7", stream=True), path="/v1/responses")
            call = await raw_coze.called()
            await call.start(SPOKEN)
            await exchange.until("一切顺利")
            if failure:
                await call.say(*failure)
            else:
                call.close()
            return frames(await exchange.rest())

        return broken

    @pytest.mark.parametrize(
        ("failure", "type_", "code", "final"),
        [
            ((), "server_error", "upstream_error", "server_error"),
            (
                (coze.chat("failed", last_error={"code": 5000, "msg": "interval"}),),
                "server_error",
                "upstream_error",
                "server_error",
            ),
            (
                (coze.event("error", {"code": 4013, "msg": "rate"}),),
                "requests",
                "rate_limit_exceeded",
                "rate_limit_exceeded",
            ),
            (
                (coze.event("error", {"code": 4014, "msg": "no"}),),
                "invalid_request_error",
                "content_filter",
                "invalid_prompt",
            ),
        ],
    )
    async def test_error_comes_and_then_the_failed_response(
        self, broken, failure, type_, code, final
    ):
        found = await broken(*failure)
        assert [name for name, _ in found[-2:]] == ["error", "response.failed"]
        (_, error), (_, failed) = found[-2:]
        flat = {key: error[key] for key in ("code", "message", "param")}
        assert flat == {"code": code, "message": error["message"], "param": None}
        assert error["error"] == {"type": type_, **flat}
        response = failed["response"]
        assert response["status"] == "failed"
        assert response["error"] == {"code": final, "message": error["message"]}
        (message,) = response["output"]
        assert message["status"] == "incomplete"
        assert message["content"][0]["text"] == "All is well, 一切顺利"
        assert response["id"] == found[0][1]["response"]["id"]

    @pytest.mark.parametrize("helped", [False, True])
    async def test_sdk_raises_and_its_helper_too(self, strict, raw_coze, helped):
        heard = asyncio.Event()

        async def listen(stream):
            async for event in stream:
                if event.type == "response.output_text.delta" and "顺利" in event.delta:
                    heard.set()

        async def read():
            if not helped:
                return await listen(await strict.responses.create(**to("7"), stream=True))
            async with strict.responses.stream(**to("7")) as stream:
                return await listen(stream)

        reading = asyncio.create_task(read())
        call = await raw_coze.called()
        await call.start(SPOKEN)
        await heard.wait()
        await call.say(coze.event("error", {"code": 5000, "msg": "oh"}))
        with pytest.raises(openai.APIError) as caught:
            await reading
        assert caught.value.code == "upstream_error"
        assert "oh" in caught.value.message

    async def test_whole_response_has_a_status_all_the_same(self, post, raw_coze):
        asked = asyncio.create_task(post(body("7"), "/v1/responses"))
        call = await raw_coze.called()
        await call.start(SPOKEN)
        call.close()
        response = await asked
        assert response.code == 502
        assert error_of(response)["code"] == "upstream_error"
