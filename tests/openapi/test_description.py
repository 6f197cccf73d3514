"""openapi.json, held against the routes, and the answers against it."""

import io
import json

import pytest
from tornado.httpclient import HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders

from tests.doors.access import ANN, bearer
from tests.doors.everything import EVERYTHING
from tests.endpoints.forms import KIND, field_part, file_part, form
from tests.responses.asking import RAIN
from tests.responses.asking import body as to
from tests.service.asking import body, says
from tests.support.described import read
from tests.support.files import PNG, WAV
from tests.support.routes import METHODS, served, without_names

CHAT = "/v1/chat/completions"
HELLO = [says("Hi")]
# What makes an answer have other fields than most.
ANSWERS = {
    "reasoning": body("reasoning"),
    "usage": body("hello", stream_options={"include_usage": True}),
    "follow-ups and steps": body("plugin", coze={"follow_ups": True, "events": True}),
    "tools": body("tools-parallel", tools=[{"type": "function"}]),
    "tools of nobody": body("tools"),
    "demand for JSON": body("json-fenced", response_format={"type": "json_object"}, top_p=1),
    "too many messages": body("hello", messages=HELLO * 150),
    "conversation": {"model": "conversation-memory", "messages": HELLO},
    "workflow": {"model": "workflow-usage", "messages": HELLO},
    "workflow's question": {"model": "workflow-question", "messages": HELLO},
    "chatflow's question": {"model": "chatflow-question", "messages": HELLO},
    "failed": body("failed-after-text"),
    "quota": body("failed-quota"),
    "limit": body("rate-limited"),
    "empty": body("empty"),
    "wrong type": {"model": 1, "messages": HELLO},
}
TEXTS = {
    "text": {"model": "bot-hello", "prompt": "Hi", "stream_options": {"include_usage": True}},
    "steps": {"model": "bot-plugin", "prompt": "Hi", "coze": {"events": True, "follow_ups": True}},
    "question": {"model": "workflow-question", "prompt": "Hi"},
    "text that fails": {"model": "bot-failed-after-text", "prompt": "Hi"},
    "tools": {"model": "bot-tools", "prompt": "Hi"},
}
A_FORM = {"content_type": KIND}
RECORDING = form(file_part(WAV, "a.wav"), field_part("model", "whisper-1"))
PICTURE = form(file_part(PNG), field_part("purpose", "vision"))
ITEM = {"type": "message", "role": "user", "content": "Hi"}
BACKGROUND = {"model": "bot-gated", "input": "Hi", "background": True}
# One after the other, with the ids of what came before.
STEPS = {
    "transcription": ("POST", "/v1/audio/transcriptions", RECORDING, A_FORM),
    "file": ("POST", "/v1/files", PICTURE, A_FORM),
    "file again": ("GET", "/v1/files/{file}", None, {}),
    "response": ("POST", "/v1/responses", {"model": "bot-hello", "input": "Hi"}, {}),
    "response again": ("GET", "/v1/responses/{response}", None, {}),
    "input": ("GET", "/v1/responses/{response}/input_items", None, {}),
    "response, deleted": ("DELETE", "/v1/responses/{response}", None, {}),
    "background": ("POST", "/v1/responses", BACKGROUND, {}),
    "cancelled": ("POST", "/v1/responses/{background}/cancel", b"", {}),
    "conversation": ("POST", "/v1/conversations", {"metadata": {"name": "a"}}, {}),
    "conversation again": ("GET", "/v1/conversations/{conversation}", None, {}),
    "renamed": ("POST", "/v1/conversations/{conversation}", {"metadata": {"name": "b"}}, {}),
    "item": ("POST", "/v1/conversations/{conversation}/items", {"items": [ITEM]}, {}),
    "items": ("GET", "/v1/conversations/{conversation}/items", None, {}),
    "item again": ("GET", "/v1/conversations/{conversation}/items/{item}", None, {}),
    "history": ("GET", "/v1/conversations/{conversation}/history", None, {}),
    "item, deleted": ("DELETE", "/v1/conversations/{conversation}/items/{item}", None, {}),
    "list": ("GET", "/v1/conversations", None, {"owner": True}),
    "gone": ("DELETE", "/v1/conversations/{conversation}", None, {}),
}
RESPONSES = {
    "reasoning": to("reasoning"),
    "steps": to("plugin", coze={"events": True, "follow_ups": True}),
    "tools": to("tools-parallel", tools=[RAIN], metadata={"a": "b"}),
    "failed": to("failed-after-text"),
    "quota": to("failed-quota"),
    "json": to("json-fenced", text={"format": {"type": "json_object"}}),
    "workflow": {"model": "workflow-question", "input": "Hi"},
    "not kept": to("hello", store=False, user="ann", instructions="Be kind."),
}


def exchange(method, path, status, content, kind="application/json"):
    """A request, and an answer that was never given."""
    request = HTTPRequest(f"http://localhost{path}", method)
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    headers = HTTPHeaders({"Content-Type": kind})
    return request, HTTPResponse(request, status, headers, io.BytesIO(data))


def operations():
    """Each operation, by its method and path."""
    return {
        (method.upper(), without_names(path)): item[method]
        for path, item in read()["paths"].items()
        for method in item.keys() & set(METHODS)
    }


def test_every_route_is_described_and_nothing_else(app):
    assert operations().keys() == set(served(app))


def test_operations_have_names_of_their_own():
    names = [operation["operationId"] for operation in operations().values()]
    assert len(set(names)) == len(names)


class TestAnswers:
    pytestmark = pytest.mark.gen_test(timeout=30)

    @pytest.fixture
    def environment(self, oauth_app):
        return {**oauth_app, "PROXY_ADMIN_KEY": ANN}

    async def test_every_operation_answers_as_it_is_described(self, post, described):
        answered = set()
        ids = {}

        async def ask(path, method, data, *, owner=False, **headers):
            is_owners = owner or not path.startswith("/v1/")
            key = bearer(ANN) if is_owners else {}
            response = await post(data, path, method, **key, **headers)
            described.check(response.request, response)
            if response.code == 200:
                answered.add(described.operation(response.request))
            return response

        for path, method, data, _ in EVERYTHING.values():
            await ask(path, method, data)
        for name, (method, path, data, headers) in STEPS.items():
            response = await ask(path.format(**ids), method, data, **headers)
            assert response.code == 200, (name, response.body)
            found = json.loads(response.body)
            ids[name] = found.get("id") or found.get("first_id")
        assert answered - {None} == {o["operationId"] for o in operations().values()}

    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize("asked", ANSWERS.values(), ids=ANSWERS)
    async def test_answers_have_nothing_that_is_not_described(self, post, described, asked, stream):
        response = await post({**asked, "stream": stream})
        described.check(response.request, response)

    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize("asked", TEXTS.values(), ids=TEXTS)
    async def test_texts_have_nothing_that_is_not_described(self, post, described, asked, stream):
        response = await post({**asked, "stream": stream}, "/v1/completions")
        described.check(response.request, response)

    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize("asked", RESPONSES.values(), ids=RESPONSES)
    async def test_responses_have_nothing_that_is_not_described(
        self, post, described, asked, stream
    ):
        response = await post({**asked, "stream": stream}, "/v1/responses")
        described.check(response.request, response)

    @pytest.mark.parametrize("field", [("stream", "true"), ("response_format", "text")])
    async def test_what_was_heard_has_nothing_that_is_not_described(self, post, described, field):
        data = form(file_part(WAV), field_part("model", "whisper-1"), field_part(*field))
        response = await post(data, "/v1/audio/transcriptions", content_type=KIND)
        assert response.code == 200
        described.check(response.request, response)

    async def test_strangers_are_told_no_more_of_it_than_the_owner(self, post):
        response = await post(None, "/openapi.json", "GET")
        assert response.code == 200
        assert json.loads(response.body) == read()


def test_an_answer_with_a_field_too_many_is_seen(described):
    with pytest.raises(AssertionError, match="surprise"):
        described.check(*exchange("GET", "/health", 200, {"status": "ok", "surprise": 1}))


def test_a_status_that_is_not_described_is_seen(described):
    with pytest.raises(AssertionError, match="201 is not described"):
        described.check(*exchange("GET", "/health", 201, {"status": "ok"}))


def test_a_method_that_is_not_described_is_seen(described):
    with pytest.raises(AssertionError, match="is served and not described"):
        described.check(*exchange("POST", "/health", 200, {"status": "ok"}))


def test_a_chunk_that_is_not_as_described_is_seen(described):
    with pytest.raises(AssertionError, match="choices"):
        described.check(*exchange("POST", CHAT, 200, b'data: {"id": "1"}\n\n', "text/event-stream"))
