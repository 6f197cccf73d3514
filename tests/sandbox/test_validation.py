"""What Coze would not take, the stand-in does not take."""

import json

import pytest

from cozeproxy.sandbox import Sandbox
from tests.sandbox.raw import call, chat_body, request, stream

pytestmark = pytest.mark.gen_test

USER = {"role": "user", "content": "Hello", "content_type": "text"}
ANSWER = {"role": "assistant", "type": "answer", "content": "Hi", "content_type": "text"}
IMAGE = {"type": "image", "file_url": "https://example.com/cat.png"}
TEXT = {"type": "text", "text": "What is this?"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16


def objects(*items):
    return {"role": "user", "content": json.dumps(items), "content_type": "object_string"}


def messages(*given):
    return {"additional_messages": list(given)}


ACCEPTED = {
    "no messages": messages(),
    "null messages": {"additional_messages": None},
    "one message": messages(USER),
    "a hundred messages": messages(*[USER] * 100),
    "an answer in the history": messages(USER, ANSWER, USER),
    "nulls everywhere": messages({**USER, "id": None, "type": None, "meta_data": None}),
    "unknown fields": {**messages({**USER, "mood": 1}), "mood": "good"},
    "text and image": messages(objects(TEXT, IMAGE)),
    "an image after a text": messages(USER, objects(IMAGE)),
    "an image before a text": messages(objects(IMAGE), USER),
    "meta data at its limits": {"meta_data": {f"{n:064}": "v" * 512 for n in range(16)}},
    "steps, not kept": {
        **messages({**ANSWER, "type": "function_call"}, USER),
        "auto_save_history": False,
    },
    "parameters": {"parameters": {"a": {"b": 1}}},
}
REFUSED = {
    "a number as user_id": ({"user_id": 7}, 4000),
    "no user_id": ({"user_id": None}, 4000),
    "an empty user_id": ({"user_id": ""}, 4000),
    "a number as bot_id": ({"bot_id": 7}, 4000),
    "no bot_id": ({"bot_id": None}, 4000),
    "an unknown bot": ({"bot_id": "1"}, 4200),
    "a string as stream": ({"stream": "true"}, 4000),
    "not kept and not streamed": ({"stream": False, "auto_save_history": False}, 4007),
    "over a hundred messages": (messages(*[USER] * 101), 4004),
    "messages that are no list": ({"additional_messages": "Hello"}, 4000),
    "a message that is no object": (messages("Hello"), 4000),
    "the role system": (messages({**USER, "role": "system"}), 4000),
    "the role tool": (messages({**USER, "role": "tool"}), 4000),
    "an answer that is not called one": (messages({**ANSWER, "type": None}, USER), 4000),
    "a question of the assistant": (messages({**ANSWER, "type": "question"}), 4000),
    "a step, kept": (messages({**ANSWER, "type": "function_call"}), 4000),
    "a follow-up": (
        {**messages({**ANSWER, "type": "follow_up"}), "auto_save_history": False},
        4000,
    ),
    "content that is no string": (messages({**USER, "content": [TEXT]}), 4000),
    "the content type card": (messages({**USER, "content_type": "card"}), 4000),
    "objects that are no JSON": (messages({**objects(), "content": "{"}), 4000),
    "no objects": (messages(objects()), 4000),
    "text alone as objects": (messages(objects(TEXT)), 4000),
    "two texts": (messages(objects(TEXT, TEXT, IMAGE)), 4000),
    "an image alone": (messages(objects(IMAGE)), 4000),
    "an image with no text beside it": (messages(USER, objects(TEXT, IMAGE), objects(IMAGE)), 4000),
    "an image with neither id nor URL": (messages(objects(TEXT, {"type": "image"})), 4000),
    "an image as data URL": (
        messages(objects(TEXT, {"type": "image", "file_url": "data:image/png;base64,AAAA"})),
        4000,
    ),
    "an unknown kind of object": (messages(objects(TEXT, {"type": "video"})), 4000),
    "an unknown file": (messages(objects(TEXT, {"type": "image", "file_id": "1"})), 4000),
    "too much meta data": ({"meta_data": {str(n): "v" for n in range(17)}}, 4003),
    "a meta data key too long": ({"meta_data": {"k" * 65: "v"}}, 4003),
    "a meta data value too long": ({"meta_data": {"k": "v" * 513}}, 4003),
    "an empty meta data value": ({"meta_data": {"k": ""}}, 4003),
    "meta data of a message too long": (messages({**USER, "meta_data": {"k": "v" * 513}}), 4003),
    "meta data that is no string": ({"meta_data": {"k": 1}}, 4000),
    "a variable that is no string": ({"custom_variables": {"k": 1}}, 4000),
    "parameters that are no object": ({"parameters": "{}"}, 4000),
    "an unknown publish status": ({"publish_status": "gone"}, 4000),
    "a version of a draft": ({"publish_status": "unpublished_draft", "bot_version": "1"}, 4000),
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
async def test_chat_accepts(sandbox, body):
    assert b'data:"[DONE]"' in await stream(sandbox, "echo", **body)


@pytest.mark.parametrize(("body", "code"), REFUSED.values(), ids=REFUSED)
async def test_chat_refuses(sandbox, body, code):
    async with request(sandbox, "POST", "/v3/chat", chat_body("echo") | body) as response:
        assert response.status == 200
        assert (await response.json())["code"] == code


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000])
async def test_body_that_is_no_json_object_is_refused_in_cozes_words(sandbox, body):
    answer = await call(sandbox, "POST", "/v3/chat", body)
    assert answer["code"] == 4000
    assert answer["msg"].startswith("The field http body provided is not a valid json")


@pytest.mark.parametrize("query", ["?conversation_id=1", "?conversation_id=7400000000000000001"])
async def test_unknown_conversation_is_refused(sandbox, query):
    answer = await call(sandbox, "POST", f"/v3/chat{query}", chat_body("echo"))
    assert answer["code"] == 4002


async def test_unknown_chat_is_refused(sandbox):
    made = await call(sandbox, "POST", "/v1/conversation/create", {})
    query = f"?conversation_id={made['data']['id']}&chat_id=1"
    assert (await call(sandbox, "GET", f"/v3/chat/retrieve{query}"))["code"] == 4001


async def test_chat_that_is_not_kept_cannot_be_polled(sandbox):
    body = await stream(sandbox, "echo", auto_save_history=False)
    chat = json.loads(body.split(b"data:")[1].split(b"\n")[0])
    query = f"?conversation_id={chat['conversation_id']}&chat_id={chat['id']}"
    assert (await call(sandbox, "GET", f"/v3/chat/retrieve{query}"))["code"] == 4001


@pytest.mark.parametrize(
    ("name", "content", "accepted"),
    [
        ("cat.png", PNG, True),
        ("CAT.PNG", PNG, True),
        ("cat.jpg", PNG, False),
        ("cat.png", b"GIF89a....", False),
        ("notes.txt", b"just text", True),
        ("notes.txt", b"%PDF-1.7", False),
    ],
)
async def test_extension_must_fit_the_content_once_a_file_is_used(sandbox, name, content, accepted):
    file_id = (await upload(sandbox, name, content))["data"]["id"]
    item = {"type": "image", "file_id": file_id}
    body = chat_body("echo", **messages(objects(TEXT, item)))
    async with request(sandbox, "POST", "/v3/chat", body) as response:
        raw = await response.body()
    if accepted:
        assert f"[image {file_id}]".encode() in raw
    else:
        assert json.loads(raw)["code"] == 4000


async def upload(sandbox, name, content, *, field="file", copies=1):
    """Upload a file by hand, so that everything about it can be wrong."""
    head = (
        "--b\r\n"
        f'Content-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = (head.encode() + content + b"\r\n") * copies + b"--b--\r\n"
    content_type = "multipart/form-data; boundary=b"
    path = "/v1/files/upload"
    return await call(sandbox, "POST", path, body, content_type=content_type)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"content": b""}, 4300),
        ({"copies": 2}, 4301),
        ({"name": "virus.exe"}, 4303),
        ({"name": "noextension"}, 4303),
        ({"field": "Data"}, 4000),
    ],
)
async def test_upload_refuses(sandbox, changes, code):
    answer = await upload(sandbox, **{"name": "cat.png", "content": PNG} | changes)
    assert answer["code"] == code


CHATFLOW = {"workflow_id": "echo", "app_id": "7400000000000000004", **messages(USER)}
CHATFLOW_REFUSED = {
    "no workflow": ({"workflow_id": None}, 4000),
    "an unknown workflow": ({"workflow_id": "1"}, 4200),
    "neither app nor bot": ({"app_id": None}, 4000),
    "app and bot": ({"bot_id": "7400000000000000001"}, 4000),
    "no messages": (messages(), 4000),
    "over fifty messages": (messages(*[USER] * 51), 4004),
    "an answer last": (messages(USER, ANSWER), 4000),
    "an image": (messages(objects(TEXT, IMAGE)), 4000),
    "an unknown conversation": ({"conversation_id": "1"}, 4002),
    "parameters that are no object": ({"parameters": "{}"}, 4000),
}


@pytest.mark.parametrize(("changes", "code"), CHATFLOW_REFUSED.values(), ids=CHATFLOW_REFUSED)
async def test_chatflow_refuses(sandbox, changes, code):
    assert (await call(sandbox, "POST", "/v1/workflows/chat", CHATFLOW | changes))["code"] == code


@pytest.mark.parametrize("changes", [{}, messages(*[USER] * 50), {"app_id": None, "bot_id": "1"}])
async def test_chatflow_accepts(sandbox, changes):
    async with request(sandbox, "POST", "/v1/workflows/chat", CHATFLOW | changes) as response:
        assert b"event: done" in await response.body()


WORKFLOW_REFUSED = {
    "no workflow": ({"workflow_id": None}, 4000),
    "an unknown workflow": ({"workflow_id": "1"}, 4200),
    "bot and app": ({"bot_id": "1", "app_id": "2"}, 4000),
    "parameters that are a list": ({"parameters": [1]}, 4000),
    "parameters that are broken": ({"parameters": "{"}, 4000),
}


@pytest.mark.parametrize("path", ["run", "stream_run"])
@pytest.mark.parametrize(("changes", "code"), WORKFLOW_REFUSED.values(), ids=WORKFLOW_REFUSED)
async def test_workflow_refuses(sandbox, path, changes, code):
    body = {"workflow_id": "echo"} | changes
    assert (await call(sandbox, "POST", f"/v1/workflow/{path}", body))["code"] == code


async def test_workflow_takes_parameters_serialised_to_a_string(sandbox):
    body = {"workflow_id": "echo", "parameters": '{"input": "Hi"}'}
    answer = await call(sandbox, "POST", "/v1/workflow/run", body)
    assert json.loads(answer["data"]) == {"output": "You said: Hi"}


async def test_asynchronous_run_needs_a_paid_plan(sandbox):
    body = {"workflow_id": "echo", "is_async": True}
    assert (await call(sandbox, "POST", "/v1/workflow/run", body))["code"] == 6003


@pytest.mark.parametrize(
    ("endpoint", "token", "refusal"),
    [
        ("POST /v3/chat", None, (200, 4101)),
        ("POST /v3/chat", "pat_wrong", (200, 4100)),
        ("POST /v1/workflow/stream_run", None, (401, 4100)),
        ("POST /v1/workflow/run", "pat_wrong", (401, 4100)),
        ("POST /v1/workflows/chat", "pat_wrong", (401, 4100)),
        ("POST /v1/conversation/create", "pat_wrong", (401, 700012006)),
        ("POST /v1/files/upload", None, (401, 700012006)),
        ("GET /v1/bots", None, (401, 700012006)),
        ("GET /v1/users/me", "pat_wrong", (401, 700012006)),
    ],
)
async def test_token_is_refused_as_the_endpoint_does(sandbox, endpoint, token, refusal):
    body = chat_body("echo") if endpoint == "POST /v3/chat" else None
    async with request(sandbox, *endpoint.split(), body, token=token) as response:
        assert (response.status, (await response.json())["code"]) == refusal


async def test_unknown_bot_is_refused_before_the_token_is_looked_at(sandbox):
    answer = await call(sandbox, "POST", "/v3/chat", chat_body("1"), token="pat_wrong")
    assert (answer["code"], answer["msg"]) == (
        4200,
        (
            "Requested resource bot_id=1 does not exist."
            " Ensure you are the correct resource identifier."
        ),
    )


@pytest.mark.parametrize(("method", "path"), [("POST", "/v2/chat"), ("GET", "/v3/chat")])
async def test_unknown_endpoint_is_named(sandbox, method, path):
    async with request(sandbox, method, path, token=Sandbox.API_KEY) as response:
        assert response.status == 404
        message = (await response.json())["msg"]
    assert message.startswith(f"The requested API endpoint {method} {path} does not exist.")
