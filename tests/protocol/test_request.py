"""From OpenAI's messages to Coze's."""

import json

import pytest

from cozeproxy.errors import RequestError
from cozeproxy.protocol.messages import coze_messages, read_turn
from cozeproxy.protocol.request import chat_call, user_id
from cozeproxy.protocol.routing import Route
from tests.support.files import PNG, WAV, base64_of, data_url
from tests.support.requests import request, says


def sent(asked, *, continues=False, file_ids=()):
    """Coze's messages for a request."""
    return coze_messages(read_turn(asked, continues=continues), iter(file_ids))


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
                says("user", "Run"),
                says(
                    "assistant",
                    None,
                    tool_calls=[
                        {"id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls"}}
                    ],
                ),
                says("tool", "a.txt", tool_call_id="c"),
            ],
            [question("Run"), answer("[Call of sh] ls"), question("[Result of sh] a.txt")],
            id="custom_tools_too",
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


def with_image(url, *texts):
    parts = [{"type": "text", "text": text} for text in texts]
    return says("user", [*parts, {"type": "image_url", "image_url": {"url": url}}])


def object_string(*items):
    return {"role": "user", "type": "question", "content_type": "object_string", "content": items}


def decoded(message):
    """A message with its object_string as what is in it."""
    if message["content_type"] == "object_string":
        return {**message, "content": tuple(json.loads(message["content"]))}
    return message


WEB = "https://example.com/a.png"


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param(
            [with_image(WEB, "What", "is this?")],
            [
                object_string(
                    {"type": "text", "text": "What\nis this?"}, {"type": "image", "file_url": WEB}
                )
            ],
            id="one_text_item_at_most",
        ),
        pytest.param(
            [
                with_image(data_url(PNG), "First"),
                says("assistant", "A dot"),
                with_image(WEB, "And?"),
            ],
            [
                object_string(
                    {"type": "text", "text": "First"}, {"type": "image", "file_id": "901"}
                ),
                answer("A dot"),
                object_string({"type": "text", "text": "And?"}, {"type": "image", "file_url": WEB}),
            ],
            id="images_of_earlier_messages_too",
        ),
        pytest.param(
            [
                says(
                    "user",
                    [
                        {"type": "input_audio", "input_audio": {"data": base64_of(WAV)}},
                        {"type": "file", "file": {"file_id": "55"}},
                        {"type": "image_url", "image_url": data_url(PNG)},
                        {"type": "text", "text": "Compare"},
                    ],
                )
            ],
            [
                object_string(
                    {"type": "text", "text": "Compare"},
                    {"type": "audio", "file_id": "901"},
                    {"type": "file", "file_id": "55"},
                    {"type": "image", "file_id": "902"},
                )
            ],
            id="ids_of_uploads_in_their_order",
        ),
        pytest.param(
            [with_image(WEB), says("user", "What is this?")],
            [object_string({"type": "image", "file_url": WEB}), question("What is this?")],
            id="image_alone_beside_a_text",
        ),
        pytest.param(
            [says("system", "Describe images."), with_image(WEB)],
            [
                object_string(
                    {"type": "text", "text": "Describe images."}, {"type": "image", "file_url": WEB}
                )
            ],
            id="image_alone_with_system_text",
        ),
    ],
)
def test_files_go_into_an_object_string(messages, expected):
    found = sent(request(*messages), file_ids=["901", "902"])
    assert [decoded(message) for message in found] == expected


@pytest.mark.parametrize(
    "messages",
    [
        [with_image(WEB)],
        [with_image(WEB), with_image(WEB)],
        [with_image(WEB, "text"), with_image(WEB)],
    ],
)
def test_image_without_any_text_is_refused_as_coze_would(messages):
    with pytest.raises(RequestError) as caught:
        sent(request(*messages))
    assert caught.value.param == "messages"


@pytest.mark.parametrize("role", ["system", "assistant", "tool"])
def test_files_of_others_than_the_user_are_refused_with_their_place(role):
    other = {**with_image(WEB), "role": role}
    with pytest.raises(RequestError) as caught:
        sent(request(says("user", "Hi"), other))
    assert caught.value.param == "messages[1].content[0].type"


def test_conversation_that_coze_holds_gets_only_what_is_new():
    messages = [
        says("system", "Be kind."),
        says("user", "One"),
        says("assistant", "1"),
        says("user", "Two"),
        says("user", "Three"),
    ]
    assert sent(request(*messages), continues=True) == [question("Two"), question("Three")]
    assert sent(request(*messages[:2]), continues=True) == [question("Be kind.\n\nOne")]


def test_too_many_messages_lose_the_oldest_but_neither_system_text_nor_the_last():
    messages = [says("user", str(i)) for i in range(150)]
    turn = read_turn(request(says("system", "Be kind."), *messages), continues=False)
    assert turn.left_out == 50
    found = coze_messages(turn, iter(()))
    assert len(found) == 100
    assert found[0] == question("Be kind.\n\n50")
    assert found[-1] == question("149")


@pytest.mark.parametrize("system", [[], [says("system", "Be kind.")]])
@pytest.mark.parametrize("kind", ["text", "json_object"])
def test_message_that_folding_adds_has_its_place_among_the_hundred(system, kind):
    answers = [says("assistant", str(i)) for i in range(120)]
    asked = request(*system, *answers, response_format={"type": kind})
    turn = read_turn(asked, continues=False)
    roles = [message["role"] for message in coze_messages(turn, iter(()))]
    added = bool(system) or kind != "text"
    assert roles == ["assistant"] * (100 - added) + ["user"] * added
    assert turn.left_out == 20 + added


def test_files_of_messages_that_are_left_out_are_not_uploaded():
    messages = [with_image(data_url(PNG), "old"), *(says("user", "x") for _ in range(100))]
    assert read_turn(request(*messages), continues=False).attachments == []


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


@pytest.mark.parametrize(
    ("response_format", "demand"),
    [
        ({"type": "json_object"}, "Answer with one valid JSON value and nothing else."),
        (
            {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}},
            (
                "Answer with one valid JSON value and nothing else. It must match this JSON"
                ' Schema: {"type":"object","properties":{"city":{"type":"string"}}}'
            ),
        ),
    ],
)
def test_wish_for_json_is_told_in_the_question(response_format, demand):
    asked = request(
        says("user", "a"),
        says("assistant", "b"),
        says("user", "Where?"),
        response_format=response_format,
    )
    assert sent(asked)[-1] == question(f"Where?\n\n{demand}")


def test_wish_for_text_changes_nothing():
    asked = request(says("user", "Hi"), response_format={"type": "text"})
    assert sent(asked) == [question("Hi")]


def test_messages_without_any_text_are_refused():
    with pytest.raises(RequestError) as caught:
        sent(request(says("assistant", None)))
    assert caught.value.param == "messages"


def test_chat_is_asked_for_as_a_stream_that_coze_does_not_keep():
    asked = request(says("user", "你好"))
    turn = read_turn(asked, continues=False)
    call = chat_call(asked, to_bot(), turn, iter(()), user_id="u1")
    assert call.path == "/v3/chat"
    assert call.query == {}
    assert json.loads(call.body) == {
        "bot_id": "7",
        "user_id": "u1",
        "stream": True,
        "auto_save_history": False,
        "additional_messages": [question("你好")],
    }


def to_bot(kind="chat", conversation_id=None):
    return Route(kind, "7", None, conversation_id, None, {})


def call_of(target=None, **fields):
    asked = request(says("user", "Hi"), **fields)
    turn = read_turn(asked, continues=False)
    return chat_call(asked, target or to_bot(), turn, iter(()), user_id="u")


def test_coze_options_go_to_the_fields_of_their_name():
    options = {
        "custom_variables": {"name": "Ada"},
        "parameters": {"n": 1, "list": [1, None]},
        "meta_data": {"a": "b"},
        "extra_params": {"latitude": "59.9"},
        "shortcut_command": {"command_id": "5", "parameters": {"x": "y"}},
        "enable_card": True,
        "publish_status": "unpublished_draft",
        "connector_id": "1024",
    }
    body = json.loads(call_of(coze=options).body)
    assert {name: body[name] for name in options} == options


def test_conversation_id_goes_into_the_query():
    call = call_of(to_bot("conversation", "72"))
    assert call.query == {"conversation_id": "72"}
    assert "conversation_id" not in json.loads(call.body)


def test_conversation_is_kept_by_coze():
    assert json.loads(call_of(to_bot("conversation")).body)["auto_save_history"] is True
    options = {"auto_save_history": False}
    body = json.loads(call_of(to_bot("conversation"), coze=options).body)
    assert body["auto_save_history"] is False


@pytest.mark.parametrize(
    ("fields", "saved"),
    [
        ({}, False),
        ({"tools": []}, False),
        ({"tools": [{"type": "function"}]}, True),
        ({"functions": [{"name": "f"}]}, True),
        ({"coze": {"auto_save_history": True}}, True),
        ({"tools": [{"type": "function"}], "coze": {"auto_save_history": False}}, False),
    ],
)
def test_coze_keeps_the_chat_where_tools_may_have_to_be_answered(fields, saved):
    assert json.loads(call_of(**fields).body)["auto_save_history"] is saved


def test_metadata_and_meta_data_are_merged():
    body = json.loads(call_of(metadata={"a": "1", "b": "2"}, coze={"meta_data": {"b": "3"}}).body)
    assert body["meta_data"] == {"a": "1", "b": "3"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"metadata": {str(i): "x" for i in range(17)}}, "metadata"),
        ({"metadata": {"k" * 65: "x"}}, "metadata"),
        ({"metadata": {"": "x"}}, "metadata"),
        ({"metadata": {"k": "x" * 513}}, "metadata"),
        ({"metadata": {"k": ""}}, "metadata"),
        ({"coze": {"meta_data": {"k": ""}}}, "coze.meta_data"),
        ({"coze": {"extra_params": {"altitude": "1"}}}, "coze.extra_params"),
        (
            {"coze": {"publish_status": "unpublished_draft", "bot_version": "1"}},
            "coze.bot_version",
        ),
        ({"coze": {"app_id": "1"}}, "coze.app_id"),
        ({"coze": {"ext": {}}}, "coze.ext"),
    ],
)
def test_what_coze_would_refuse_is_refused_here(fields, param):
    with pytest.raises(RequestError) as caught:
        call_of(**fields)
    assert caught.value.param == param


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
