"""From OpenAI's messages to Coze's."""

import json

import msgspec
import pytest

from cozeproxy.errors import RequestError
from cozeproxy.protocol.messages import coze_messages, read_turn
from cozeproxy.protocol.openai import ChatRequest
from cozeproxy.protocol.request import chat_call, user_id
from cozeproxy.protocol.routing import route


def request(*messages, **fields):
    return msgspec.convert(
        {"model": "gpt-4", "messages": list(messages), **fields}, ChatRequest, strict=True
    )


def sent(asked, *, continues=False, file_ids=()):
    """Coze's messages for a request."""
    return coze_messages(read_turn(asked, continues=continues), iter(file_ids))


def says(role, content, **fields):
    return {"role": role, "content": content, **fields}


def question(text):
    return {"role": "user", "type": "question", "content_type": "text", "content": text}


def answer(text):
    return {"role": "assistant", "type": "answer", "content_type": "text", "content": text}


CALL = {"id": "call_1", "type": "function", "function": {"name": "rain", "arguments": '{"at":1}'}}


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param([says("user", "Hi")], [question("Hi")], id="user"),
        pytest.param(
            [says("user", "Hi"), says("assistant", "Hello"), says("user", "How?")],
            [question("Hi"), answer("Hello"), question("How?")],
            id="history",
        ),
        pytest.param(
            [says("system", "Be kind."), says("user", "Hi")],
            [question("Be kind.\n\nHi")],
            id="system_is_folded_in",
        ),
        pytest.param(
            [
                says("system", "One."),
                says("assistant", "Welcome"),
                says("user", "Hi"),
                says("developer", "Two."),
                says("user", "There"),
            ],
            [answer("Welcome"), question("One.\n\nTwo.\n\nHi"), question("There")],
            id="all_system_texts_go_to_the_first_question",
        ),
        pytest.param([says("system", "Say hi.")], [question("Say hi.")], id="system_alone"),
        pytest.param([says("system", ""), says("user", "Hi")], [question("Hi")], id="empty_system"),
        pytest.param(
            [says("user", [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])],
            [question("a\nb")],
            id="text_parts_are_joined",
        ),
        pytest.param(
            [says("user", "a"), says("assistant", None, refusal="I won't"), says("user", "b")],
            [question("a"), answer("I won't"), question("b")],
            id="refusal",
        ),
        pytest.param(
            [says("user", "a"), says("assistant", None), says("user", "b")],
            [question("a"), question("b")],
            id="assistant_without_content",
        ),
        pytest.param(
            [
                says("user", "Rain?"),
                says("assistant", None, tool_calls=[CALL]),
                says("tool", "50%", tool_call_id="call_1"),
                says("user", "So?"),
            ],
            [
                question("Rain?"),
                answer('[Call of rain] {"at":1}'),
                question("[Result of rain] 50%"),
                question("So?"),
            ],
            id="tools_of_the_past_are_context",
        ),
        pytest.param(
            [
                says("user", "Rain?"),
                says("assistant", None, function_call={"name": "rain", "arguments": "{}"}),
                says("function", "50%", name="rain"),
            ],
            [question("Rain?"), answer("[Call of rain] {}"), question("[Result of rain] 50%")],
            id="legacy_functions_too",
        ),
    ],
)
def test_messages_become_coze_messages(messages, expected):
    assert sent(request(*messages)) == expected


def test_messages_without_any_text_are_refused():
    with pytest.raises(RequestError) as caught:
        sent(request(says("assistant", None)))
    assert caught.value.param == "messages"


def test_chat_is_asked_for_as_a_stream_that_coze_does_not_keep():
    asked = request(says("user", "你好"))
    call = chat_call(asked, read_turn(asked, continues=False), iter(()), bot_id="7", user_id="u1")
    assert call.path == "/v3/chat"
    assert call.query == {}
    assert json.loads(call.body) == {
        "bot_id": "7",
        "user_id": "u1",
        "stream": True,
        "auto_save_history": False,
        "additional_messages": [question("你好")],
    }


def test_user_is_the_first_that_is_named_or_a_digest_of_the_key():
    message = says("user", "Hi")
    headers = {"x-user-id": "h", "x-openwebui-user-id": "o", "Authorization": "Bearer secret-key"}
    both = request(message, user="u", safety_identifier="s")
    assert user_id(both, headers, "d") == "s"
    assert user_id(request(message, user="u"), headers, "d") == "u"
    assert user_id(request(message), headers, "d") == "h"
    assert user_id(request(message), {"x-openwebui-user-id": "o"}, "d") == "o"
    assert user_id(request(message), {}, "d") == "d"
    key = {"Authorization": "Bearer secret-key"}
    digest = user_id(request(message), key, None)
    assert "secret-key" not in digest
    assert digest == user_id(request(message), key, None)
    assert digest != user_id(request(message), {"Authorization": "Bearer other-key"}, None)


@pytest.mark.parametrize(
    ("headers", "fields", "default", "expected"),
    [
        ({"x-bot-id": "1"}, {"x-bot-id": "2", "model": "bot-3"}, "4", "1"),
        ({}, {"x-bot-id": "2", "model": "bot-3"}, "4", "2"),
        ({}, {"model": "bot-3"}, "4", "3"),
        ({}, {"model": "gpt-4"}, "4", "4"),
        ({}, {"model": "robot-3"}, "4", "4"),
        ({}, {"model": "bot-"}, "4", "4"),
    ],
)
def test_first_place_that_names_a_bot_wins(headers, fields, default, expected):
    asked = request(says("user", "Hi"), **fields)
    assert route(asked, headers, model_type="chat", bot_id=default).bot_id == expected


def test_request_without_any_bot_is_refused_in_the_documented_words():
    with pytest.raises(RequestError) as caught:
        route(request(says("user", "Hi")), {}, model_type="chat", bot_id=None)
    assert str(caught.value) == "Bot ID is required for chat completion"
    assert caught.value.answer[:3] == (400, "invalid_request_error", "missing_bot_id")


@pytest.mark.parametrize("bot", ["../v1", "a b", "1\r\nX: y", "x" * 65, "机器人", "1?a=b"])
def test_id_that_is_none_is_refused(bot):
    with pytest.raises(RequestError) as caught:
        route(request(says("user", "Hi")), {"x-bot-id": bot}, model_type="chat", bot_id=None)
    assert caught.value.param == "x-bot-id"
    assert bot not in str(caught.value)


@pytest.mark.parametrize("kind", ["workflow", "CHAT", "nonsense"])
def test_model_type_that_is_not_served_is_refused(kind):
    with pytest.raises(RequestError) as caught:
        route(request(says("user", "Hi")), {"x-model-type": kind}, model_type="chat", bot_id="1")
    assert caught.value.answer[:3] == (400, "invalid_request_error", "invalid_model_type")
