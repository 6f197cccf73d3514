"""Workflows: what the caller says, and what arrives at Coze of it."""

import json

import openai
import pytest

from cozeproxy.sandbox import Sandbox
from tests.service.asking import says
from tests.support.files import PDF, PNG, WAV, base64_of, data_url
from tests.types.asking import arrived

pytestmark = pytest.mark.gen_test(timeout=15)

WEB_IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
IMAGE = {"type": "image_url", "image_url": {"url": data_url(PNG, "image/png")}}
AUDIO = {"type": "input_audio", "input_audio": {"data": base64_of(WAV), "format": "wav"}}
FILE = {"type": "file", "file": {"file_data": base64_of(PDF), "filename": "a.pdf"}}
TEXT = {"type": "text", "text": "Look"}


@pytest.fixture
def run(sandbox):
    """The body of the latest run, and that it was streamed, whatever the caller wanted."""

    def run():
        (latest,) = arrived(sandbox, "/v1/workflow/stream_run")[-1:]
        return latest.body

    return run


async def test_last_user_message_is_the_input_and_nothing_else_is_sent(ask, run):
    messages = [says("Be kind.", "system"), says("Old"), says("1", "assistant"), says("你好 👋")]
    answer = await ask("workflow-echo", messages=messages, user="ann")
    assert answer.text == "You said: 你好 👋"
    assert run() == {
        "workflow_id": "echo",
        "parameters": {"input": "你好 👋"},
        "ext": {"user_id": "ann"},
    }


@pytest.mark.parametrize(
    "named",
    [
        lambda ids: {"headers": {"x-workflow-id": "echo", **ids}},
        lambda ids: {"body": {"x-workflow-id": "echo", **ids}},
        lambda ids: {"body": {"extra_headers": {"x-workflow-id": "echo", **ids}}},
    ],
    ids=["headers", "body", "extra_headers_in_body"],
)
@pytest.mark.parametrize("ids", [{}, {"x-model-type": "workflow"}, {"x-bot-id": "7"}])
async def test_workflow_may_be_named_in_any_place_with_its_bot(ask, run, named, ids):
    answer = await ask("gpt-4", **named(ids))
    assert answer.text == "You said: Hi"
    # The default bot is not the workflow's.
    assert run().get("bot_id") == ids.get("x-bot-id")


async def test_parameters_of_the_request_replace_the_text(ask, run):
    parameters = {"city": "Oslo", "days": 3, "tags": ["a", {"b": None}]}
    await ask("workflow-echo", "not said", coze={"parameters": parameters})
    assert run()["parameters"] == parameters


async def test_json_in_the_message_is_text_by_default(ask, run):
    await ask("workflow-echo", '{"city": "Oslo"}')
    assert run()["parameters"] == {"input": '{"city": "Oslo"}'}


class TestJsonInput:
    @pytest.fixture
    def environment(self):
        return {"WORKFLOW_JSON_INPUT": "true", "WORKFLOW_INPUT_KEY": "BOT_USER_INPUT"}

    @pytest.mark.parametrize(
        ("text", "parameters"),
        [
            ('{"city": "Oslo", "days": 3}', {"city": "Oslo", "days": 3}),
            (' \n{"天气": true} ', {"天气": True}),
            ("{}", {}),
            ("[1]", {"BOT_USER_INPUT": "[1]"}),
            ('"Oslo"', {"BOT_USER_INPUT": '"Oslo"'}),
            ("{city}", {"BOT_USER_INPUT": "{city}"}),
            ("{" * 5000, {"BOT_USER_INPUT": "{" * 5000}),
            ("Oslo", {"BOT_USER_INPUT": "Oslo"}),
        ],
    )
    async def test_json_object_becomes_the_parameters_and_other_text_the_input(
        self, ask, run, text, parameters
    ):
        await ask("workflow-echo", text)
        assert run()["parameters"] == parameters

    async def test_parameters_of_the_request_go_first(self, ask, run):
        await ask("workflow-echo", '{"city": "Oslo"}', coze={"parameters": {"city": "Bergen"}})
        assert run()["parameters"] == {"city": "Bergen"}


async def test_files_are_uploaded_and_stand_beside_the_text_by_kind(ask, run, sandbox):
    content = [TEXT, WEB_IMAGE, IMAGE, AUDIO, FILE]
    await ask("workflow-echo", messages=[says(content)])
    uploads = arrived(sandbox, "/v1/files/upload")
    assert len(uploads) == 3
    parameters = run()["parameters"]
    assert parameters.keys() == {"input", "image", "audio", "file"}
    assert parameters["input"] == "Look"
    web, uploaded = parameters["image"]
    assert web == "https://example.com/a.png"
    ids = [json.loads(value) for value in (uploaded, parameters["audio"], parameters["file"])]
    names = [sandbox.state.files[id_["file_id"]].name for id_ in ids]
    assert names == ["upload.png", "upload.wav", "a.pdf"]


async def test_file_that_coze_has_is_named_by_its_id(ask, run, sandbox):
    content = [TEXT, {"type": "file", "file": {"file_id": "7400000000000000010"}}]
    await ask("workflow-echo", messages=[says(content)], coze={"parameters": {"n": 1}})
    assert run()["parameters"] == {"n": 1, "file": '{"file_id":"7400000000000000010"}'}
    assert arrived(sandbox, "/v1/files/upload") == []


async def test_image_needs_no_text_beside_it(ask, run):
    await ask("workflow-echo", messages=[says([WEB_IMAGE])])
    assert run()["parameters"] == {"image": "https://example.com/a.png"}


async def test_options_of_workflows_are_passed_on(ask, run):
    options = {"workflow_version": "v0.0.1", "app_id": "7", "ext": {"latitude": "59.9"}}
    await ask("workflow-echo", user="ann", coze=options)
    assert run() == {
        "workflow_id": "echo",
        "parameters": {"input": "Hi"},
        **options,
        "ext": {"latitude": "59.9", "user_id": "ann"},
    }


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"coze": {"app_id": "7"}, "headers": {"x-bot-id": "8"}}, "coze.app_id"),
        ({"coze": {"custom_variables": {"a": "b"}}}, "coze.custom_variables"),
        ({"coze": {"parameters": ["Oslo"]}}, "coze.parameters"),
        ({"messages": [says("Hi", "assistant")]}, "messages"),
    ],
)
async def test_what_a_workflow_cannot_take_is_a_400_before_any_upload(ask, sandbox, fields, param):
    messages = fields.get("messages") or [says([TEXT, IMAGE])]
    with pytest.raises(openai.BadRequestError) as caught:
        await ask("workflow-echo", **{**fields, "messages": messages})
    assert caught.value.param == param
    assert sandbox.requests == []


class TestDefaultWorkflow:
    @pytest.fixture
    def environment(self):
        return {"COZE_WORKFLOW_ID": Sandbox.WORKFLOW_ID, "DEFAULT_MODEL_TYPE": "workflow"}

    async def test_any_model_name_runs_it_and_is_echoed(self, ask, caller, run):
        assert (await ask("gpt-4")).text == "You said: Hi"
        assert run()["workflow_id"] == Sandbox.WORKFLOW_ID
        assert "bot_id" not in run()
        answer = await caller.chat.completions.create(model="gpt-4", messages=[says("Hi")])
        assert answer.model == "gpt-4"

    async def test_bot_is_asked_as_a_bot_all_the_same(self, ask):
        assert (await ask("bot-hello")).text == "Hello"


async def test_form_of_the_output_cannot_be_demanded_and_that_is_told(ask, run):
    answer = await ask("workflow-echo", response_format={"type": "json_object"})
    assert answer.headers["x-cozeproxy-ignored"] == "response_format"
    assert run()["parameters"] == {"input": "Hi"}
