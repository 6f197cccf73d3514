"""Files and images in an input, and the form of the answer's text."""

import json

import pydantic
import pytest

from tests.responses.asking import body, says, text_of, to
from tests.service.asking import last_arrived, messages_arrived
from tests.support.files import PDF, PNG, WAV, base64_of, data_url

pytestmark = pytest.mark.gen_test(timeout=15)

TEXT = {"type": "input_text", "text": "What is this?"}


@pytest.mark.parametrize(
    ("part", "item"),
    [
        (
            {"type": "input_image", "image_url": "https://x.example/y.png", "detail": "auto"},
            {"type": "image", "file_url": "https://x.example/y.png"},
        ),
        (
            {"type": "input_file", "file_url": "https://x.example/y.pdf"},
            {"type": "file", "file_url": "https://x.example/y.pdf"},
        ),
    ],
)
async def test_addresses_are_passed_on(ask, sandbox, part, item):
    await ask(**to("hello", [says([TEXT, part])]))
    (message,) = messages_arrived(sandbox)
    assert json.loads(message["content"]) == [{"type": "text", "text": TEXT["text"]}, item]


@pytest.mark.parametrize(
    ("part", "kind", "name"),
    [
        ({"type": "input_image", "image_url": data_url(PNG)}, "image", "upload.png"),
        (
            {"type": "input_file", "filename": "a.pdf", "file_data": data_url(PDF)},
            "file",
            "a.pdf",
        ),
        (
            {"type": "input_audio", "input_audio": {"data": base64_of(WAV), "format": "wav"}},
            "audio",
            "upload.wav",
        ),
    ],
)
async def test_data_is_uploaded(post, sandbox, part, kind, name):
    response = await post(body("hello", [says([TEXT, part])]), "/v1/responses")
    assert response.code == 200
    (stored,) = sandbox.state.files.values()
    assert stored.name == name
    (message,) = messages_arrived(sandbox)
    assert json.loads(message["content"])[1] == {"type": kind, "file_id": stored.id}


@pytest.mark.parametrize("kind", ["image", "file"])
async def test_uploaded_files_are_named_by_their_ids(post, ask, sandbox, kind):
    await post(
        body("hello", [says([TEXT, {"type": "input_image", "image_url": data_url(PNG)}])]),
        "/v1/responses",
    )
    (stored,) = sandbox.state.files.values()
    part = {"type": f"input_{kind}", "file_id": f"file-{stored.id}-user_data"}
    await ask(**to("hello", [says([TEXT, part])]))
    (message,) = messages_arrived(sandbox)
    assert json.loads(message["content"])[1] == {"type": kind, "file_id": stored.id}


async def test_files_are_replayed_in_a_fork(ask, sandbox):
    image = {"type": "input_image", "image_url": data_url(PNG)}
    first = await ask(**to("hello", [says([TEXT, image])]))
    await ask(**to("hello", "Two", previous_response_id=first.id))
    await ask(**to("hello", "Other", previous_response_id=first.id))
    (stored,) = sandbox.state.files.values()
    question, answer, _ = messages_arrived(sandbox)
    assert question["content_type"] == "object_string"
    assert json.loads(question["content"])[1] == {"type": "image", "file_id": stored.id}
    assert (answer["type"], answer["content"]) == ("answer", "Hello")


class Weather(pydantic.BaseModel):
    city: str
    temperature: int


@pytest.mark.parametrize("bot", ["json", "json-fenced"])
async def test_parsed_answer_has_the_form_that_was_asked_for(strict, sandbox, bot):
    response = await strict.responses.parse(**to(bot, "Weather?"), text_format=Weather)
    assert response.output_parsed == Weather(city="Oslo", temperature=21)
    demand = messages_arrived(sandbox)[0]["content"]
    assert demand.startswith("Weather?\n\nAnswer with one valid JSON value")
    assert json.loads(demand.partition("Schema: ")[2])["required"] == ["city", "temperature"]
    assert response.text.format.type == "json_schema"
    async with strict.responses.stream(**to(bot, "Weather?"), text_format=Weather) as stream:
        assert (await stream.get_final_response()).output_parsed.city == "Oslo"


async def test_answer_after_a_tools_output_has_the_form_too(ask, sandbox):
    form = {"text": {"format": {"type": "json_object"}}}
    response = await ask(**to("json-fenced", **form))
    assert json.loads(text_of(response))["city"] == "Oslo"
    assert response.text.format.type == "json_object"
    assert "JSON" in last_arrived(sandbox).body["additional_messages"][0]["content"]
