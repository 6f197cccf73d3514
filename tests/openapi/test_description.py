"""openapi.json, held against the routes, and the answers against it."""

import io
import json

import pytest
from tornado.httpclient import HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders

from tests.doors.access import ANN, bearer
from tests.doors.everything import EVERYTHING
from tests.endpoints.forms import KIND, field_part, file_part, form
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
RECORDING = form(file_part(WAV, "a.wav"), field_part("model", "whisper-1"))
# The last one is a file that can be asked for.
FORMS = {
    "/v1/audio/transcriptions": RECORDING,
    "/v1/files": form(file_part(PNG), field_part("purpose", "vision")),
}


def exchange(method, path, status, content, kind="application/json"):
    """A request, and an answer that was never given."""
    request = HTTPRequest(f"http://localhost{path}", method)
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    headers = HTTPHeaders({"Content-Type": kind})
    return request, HTTPResponse(request, status, headers, io.BytesIO(data))


def operations(document):
    return {
        (method.upper(), without_names(path))
        for path, item in document["paths"].items()
        for method in item.keys() & set(METHODS)
    }


def test_every_route_is_described_and_nothing_else(app):
    assert operations(read()) == set(served(app))


def test_operations_have_names_of_their_own():
    paths = read()["paths"]
    names = [o["operationId"] for item in paths.values() for o in item.values()]
    assert len(set(names)) == len(names)


class TestAnswers:
    pytestmark = pytest.mark.gen_test(timeout=30)

    @pytest.fixture
    def environment(self, oauth_app):
        return {**oauth_app, "PROXY_ADMIN_KEY": ANN}

    async def test_every_operation_answers_as_it_is_described(self, post, described):
        answered = set()
        for path, method, data, _ in EVERYTHING.values():
            key = {} if path.startswith("/v1/") else bearer(ANN)
            response = await post(data, path, method, **key)
            described.check(response.request, response)
            if response.code == 200:
                answered.add(described.operation(response.request))
        for path, data in FORMS.items():
            response = await post(data, path, content_type=KIND)
            described.check(response.request, response)
            assert response.code == 200, path
            answered.add(described.operation(response.request))
        response = await post(None, f"/v1/files/{json.loads(response.body)['id']}", "GET")
        described.check(response.request, response)
        answered.add(described.operation(response.request))
        document = read()["paths"]
        assert answered - {None} == {
            operation["operationId"] for item in document.values() for operation in item.values()
        }

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
