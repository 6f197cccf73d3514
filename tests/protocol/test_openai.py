"""Reading requests: what callers send passes, what is wrong is told with its place."""

import pytest

from cozeproxy.errors import RequestError
from cozeproxy.protocol.openai import ChatRequest
from cozeproxy.protocol.parsing import IGNORED, ignored_fields, parse_chat_request

USER = '{"role": "user", "content": "hi"}'


def _with(fields):
    return f'{{"model": "m", "messages": [{USER}], {fields}}}'


def parse(text):
    return parse_chat_request(text.encode() if isinstance(text, str) else text)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param('"temperature": 0.7, "top_p": null, "seed": 1, "logit_bias": {}', id="known"),
        pytest.param('"num_ctx": 4096, "thinking": {"type": "enabled"}', id="unknown"),
        pytest.param('"stream": null, "stream_options": null, "user": null', id="null"),
        pytest.param('"big": 123456789012345678901234567890, "huge": 1e999', id="huge_numbers"),
        pytest.param('"model": "a", "model": "gpt-4"', id="twice"),
        pytest.param('"n": 1, "logprobs": false, "top_logprobs": 0', id="defaults"),
        pytest.param(
            '"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}',
            id="allowed_tools",
        ),
        pytest.param('"modalities": ["text"], "tool_choice": "auto", "tools": null', id="harmless"),
    ],
)
def test_fields_that_are_not_used_pass(fields):
    request = parse(f'{{"model": "gpt-4", "messages": [{USER}], {fields}}}')
    assert request.model == "gpt-4"
    assert not request.stream


@pytest.mark.parametrize(
    "message",
    [
        '{"role": "system", "content": "x", "name": "n"}',
        '{"role": "developer", "content": [{"type": "text", "text": "x"}]}',
        '{"role": "assistant", "content": null, "refusal": null, "reasoning_content": "hm"}',
        '{"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}',
        '{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f"}}]}',
        '{"role": "tool", "tool_call_id": "c", "content": "42"}',
        '{"role": "function", "name": "f", "content": "42"}',
    ],
)
def test_messages_that_clients_send_pass(message):
    assert len(parse(f'{{"model": "m", "messages": [{message}, {USER}]}}').messages) == 2


def test_known_fields_without_effect_are_named():
    body = b'{"model": "m", "messages": [], "top_p": 0.5, "seed": null, "tools": [ ], "foo": 1}'
    assert ignored_fields(body) == ["top_p"]


def test_fields_that_are_used_are_not_called_ignored():
    used = set(ChatRequest.__struct_encode_fields__) - {
        # Read to know whether the caller can run tools, without effect on which the bot has.
        "tools",
        "tool_choice",
        "functions",
        "function_call",
    }
    assert not used & set(IGNORED)


@pytest.mark.parametrize(
    ("options", "included"),
    [("null", False), ("{}", False), ('{"include_usage": true}', True), ('{"x": 1}', False)],
)
def test_usage_is_included_where_it_is_asked_for(options, included):
    request = parse(f'{{"model": "m", "messages": [{USER}], "stream_options": {options}}}')
    assert request.include_usage is included


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ('{"model": "m"}', "messages", "missing_required_parameter"),
        (f'{{"messages": [{USER}]}}', "model", "missing_required_parameter"),
        ('{"model": "m", "messages": [{}]}', "messages[0].role", "missing_required_parameter"),
        ('{"model": "m", "messages": []}', "messages", "invalid_value"),
        ('{"model": "m", "messages": 1}', "messages", "invalid_type"),
        ('{"model": "m", "messages": "hi"}', "messages", "invalid_type"),
        ('{"model": 1, "messages": []}', "model", "invalid_type"),
        ('{"model": null, "messages": []}', "model", "invalid_type"),
        (f'{{"model": "m", "messages": [{USER}], "stream": "yes"}}', "stream", "invalid_type"),
        (f'{{"model": "m", "messages": [{USER}], "user": 7}}', "user", "invalid_type"),
        (f'{{"model": "m", "messages": [{USER}, 5]}}', "messages[1]", "invalid_type"),
        (
            f'{{"model": "m", "messages": [{USER}, {{"role": "user", "content": 5}}]}}',
            "messages[1].content",
            "invalid_type",
        ),
        (
            f'{{"model": "m", "messages": [{USER}, {{"role": "robot", "content": "x"}}]}}',
            "messages[1].role",
            "invalid_value",
        ),
        (
            '{"model": "m", "messages": [{"role": "user", "content": [{"type": "smell"}]}]}',
            "messages[0].content[0].type",
            "invalid_value",
        ),
        (
            '{"model": "m", "messages": [{"role": "user", "content": [{"text": "x"}]}]}',
            "messages[0].content[0].type",
            "missing_required_parameter",
        ),
        (_with('"n": 2'), "n", "unsupported_value"),
        (_with('"n": 0'), "n", "unsupported_value"),
        (_with('"logprobs": true'), "logprobs", "unsupported_parameter"),
        (_with('"top_logprobs": 3'), "top_logprobs", "unsupported_parameter"),
        (_with('"modalities": ["text", "audio"]'), "modalities", "unsupported_value"),
        (_with('"audio": {"voice": "alloy"}'), "audio", "unsupported_parameter"),
        (_with('"tool_choice": "required"'), "tool_choice", "unsupported_value"),
        (_with('"tool_choice": {"type": "function"}'), "tool_choice", "unsupported_value"),
        (_with('"function_call": {"name": "f"}'), "function_call", "unsupported_value"),
        (_with('"stop": ["1", "2", "3", "4", "5"]'), "stop", "invalid_value"),
        (_with('"stop": 5'), "stop", "invalid_type"),
        (_with('"response_format": {"type": "xml"}'), "response_format.type", "invalid_value"),
        (_with('"coze": {"botid": "1"}'), "coze.botid", "unknown_parameter"),
        (_with('"coze": {"follow_ups": 1}'), "coze.follow_ups", "invalid_type"),
        (_with('"coze": []'), "coze", "invalid_type"),
        (_with('"metadata": {"a": 1}'), "metadata", "invalid_type"),
        (_with('"coze": {"ext": {"a": 1}}'), "coze.ext", "invalid_type"),
        ("[]", None, None),
        ("null", None, None),
        ('"text"', None, None),
    ],
)
def test_wrong_request_names_the_place(body, param, code):
    with pytest.raises(RequestError) as caught:
        parse(body)
    assert caught.value.param == param
    assert caught.value.answer[:3] == (400, "invalid_request_error", code)
    if param:
        assert f"'{param}'" in str(caught.value)


def test_key_that_is_not_utf8_is_told_so():
    with pytest.raises(RequestError) as caught:
        ignored_fields(b'{"model": "m", "messages": [], "\xff": 1}')
    assert caught.value.answer.status == 400


def test_half_a_character_is_called_by_its_name():
    with pytest.raises(RequestError, match="lone surrogate"):
        parse(b'{"model": "\\ud83d", "messages": []}')


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"{'model': 'm'}", id="single_quotes"),
        pytest.param(b'{"model": "\xff"}', id="not_utf8"),
        pytest.param(b'{"model": "\\ud800", "messages": []}', id="lone_surrogate"),
        pytest.param(b'{"model": "m", "temperature": NaN}', id="nan"),
        pytest.param(b'{"model": "a\nb"}', id="control_character"),
        pytest.param(b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deep"),
        pytest.param(b'{"model": "m", "messages": []} {}', id="more_than_one"),
    ],
)
def test_body_that_is_not_json_is_told_so(body):
    with pytest.raises(RequestError) as caught:
        parse(body)
    assert caught.value.answer.status == 400
    assert caught.value.param is None
