"""What goes wrong before Coze is asked: always OpenAI's JSON, with the status that fits."""

import openai
import pytest

from tests.service.asking import body, error_of, says, to

pytestmark = pytest.mark.gen_test(timeout=15)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"model": "m", "messages": [', id="cut"),
        pytest.param(b"[]", id="array"),
        pytest.param(b'"text"', id="string"),
        pytest.param(b'{"model": "\xff", "messages": []}', id="not_utf8"),
        pytest.param(b'{"model": "\\ud800", "messages": []}', id="lone_surrogate"),
        pytest.param(b'{"model": "m", "temperature": NaN}', id="nan"),
        pytest.param(b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deep"),
    ],
)
async def test_body_that_is_no_json_object_is_a_400(post, sandbox, data):
    response = await post(data)
    assert response.code == 400
    error = error_of(response)
    assert (error["type"], error["param"]) == ("invalid_request_error", None)
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"messages": 1}, "messages", "invalid_type"),
        ({"messages": "Hi"}, "messages", "invalid_type"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": None}, "messages", "invalid_type"),
        ({"model": 5}, "model", "invalid_type"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"messages": [says("Hi", "robot")]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content", "invalid_type"),
        (
            {"messages": [says("a"), says("b"), says([{"type": "smell"}])]},
            "messages[2].content[0].type",
            "invalid_value",
        ),
        (
            {"messages": [says([{"text": "x"}])]},
            "messages[0].content[0].type",
            "missing_required_parameter",
        ),
        ({"n": 2}, "n", "unsupported_value"),
        ({"logprobs": True}, "logprobs", "unsupported_parameter"),
        ({"top_logprobs": 2}, "top_logprobs", "unsupported_parameter"),
        ({"modalities": ["text", "audio"]}, "modalities", "unsupported_value"),
        ({"audio": {"voice": "alloy", "format": "wav"}}, "audio", "unsupported_parameter"),
        ({"tool_choice": "required"}, "tool_choice", "unsupported_value"),
        (
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
            "tool_choice",
            "unsupported_value",
        ),
        ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
        ({"stop": ["1", "2", "3", "4", "5"]}, "stop", "invalid_value"),
        ({"coze": {"bot": "7"}}, "coze.bot", "unknown_parameter"),
        ({"coze": {"app_id": "7"}}, "coze.app_id", "invalid_value"),
    ],
)
async def test_wrong_request_is_a_400_that_names_the_place(post, sandbox, fields, param, code):
    response = await post({**body("hello"), **fields})
    assert response.code == 400
    error = error_of(response)
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert sandbox.requests == []


@pytest.mark.parametrize("field", ["model", "messages"])
async def test_missing_field_is_a_400_that_names_it(post, field):
    response = await post({k: v for k, v in body("hello").items() if k != field})
    assert response.code == 400
    error = error_of(response)
    assert (error["param"], error["code"]) == (field, "missing_required_parameter")


@pytest.mark.parametrize("stream", [False, True])
async def test_sdk_raises_bad_request_whether_streaming_or_not(caller, stream):
    with pytest.raises(openai.BadRequestError) as caught:
        await caller.chat.completions.create(**to("hello", n=2, stream=stream))
    assert caught.value.param == "n"
    assert caught.value.code == "unsupported_value"


class TestWithoutDefaultBot:
    @pytest.fixture
    def environment(self):
        return {"COZE_BOT_ID": ""}

    async def test_request_that_names_no_bot_is_told_so(self, post):
        response = await post({"model": "gpt-4", "messages": [says("Hi")]})
        assert response.code == 400
        assert error_of(response) == {
            "message": "Bot ID is required for chat completion",
            "type": "invalid_request_error",
            "param": "x-bot-id",
            "code": "missing_bot_id",
        }

    async def test_request_that_names_one_is_answered(self, post):
        assert (await post(body("hello"))).code == 200


async def test_bot_id_that_cannot_be_one_is_a_400(post, sandbox):
    for name in ("no id", "../v1/files", "x" * 65):
        response = await post({**body("hello"), "x-bot-id": name})
        assert response.code == 400
        assert error_of(response)["code"] == "invalid_value"
    assert sandbox.requests == []


async def test_unknown_model_type_is_a_400(post):
    response = await post(body("hello"), x_model_type="parrot")
    assert response.code == 400
    assert error_of(response)["code"] == "invalid_model_type"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/embeddings", "/v1/chat/completions/x", "/%00"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_unknown_path_is_a_404(post, path, method):
    response = await post(None, path, method)
    assert response.code == 404
    error = error_of(response)
    assert error["message"].startswith(f"Invalid URL ({method} {path})")
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", None, None)


async def test_base_url_without_v1_is_told_what_lacks(caller):
    wrong = caller.with_options(base_url=str(caller.base_url).replace("/v1", ""))
    with pytest.raises(openai.NotFoundError, match="must end in /v1"):
        await wrong.chat.completions.create(**to("hello"))


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/chat/completions", "POST, OPTIONS"),
        ("DELETE", "/v1/chat/completions", "POST, OPTIONS"),
        ("POST", "/v1/models", "GET, OPTIONS"),
        ("DELETE", "/v1/models/gpt-4", "GET, OPTIONS"),
        ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("BREW", "/v1/chat/completions", "POST, OPTIONS"),
    ],
)
async def test_wrong_method_is_a_405_that_says_which_are_served(post, method, path, allowed):
    response = await post(None, path, method)
    assert response.code == 405
    assert response.headers["Allow"] == allowed
    error = error_of(response)
    assert (error["type"], error["code"]) == ("invalid_request_error", "method_not_supported")


async def test_connection_goes_on_after_an_error(connect):
    exchange = await connect({"model": 5})
    await exchange.rest()
    assert exchange.status == 400
    exchange.send(body("hello"))
    await exchange.head()
    assert exchange.status == 200
    assert b"Hello" in await exchange.rest()
