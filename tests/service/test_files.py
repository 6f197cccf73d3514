"""Images, recordings and files inside messages, and what arrives of them at Coze."""

import json

import pytest

from tests.service.asking import body, error_of, messages_arrived, says, text_part, to
from tests.support.files import DOCX, PDF, PNG, WAV, base64_of, data_url

pytestmark = pytest.mark.gen_test(timeout=15)

UPLOAD = "/v1/files/upload"


def image(url):
    return {"type": "image_url", "image_url": {"url": url}}


def file(**fields):
    return {"type": "file", "file": fields}


def uploaded(sandbox):
    """The names of the files that were uploaded, in order."""
    bodies = [request.body for request in sandbox.requests if request.path == UPLOAD]
    return [data.partition(b'filename="')[2].partition(b'"')[0].decode() for data in bodies]


def items_of(message):
    """What an object_string holds."""
    assert message["content_type"] == "object_string"
    return json.loads(message["content"])


async def test_images_by_address_are_passed_on_and_not_fetched(caller, sandbox):
    address = f"{sandbox.base_url}/picture.png"
    for part in (image(address), {"type": "image_url", "image_url": address}):
        await caller.chat.completions.create(**to("hello", [text_part(), part]))
        (message,) = messages_arrived(sandbox)
        assert items_of(message) == [text_part(), {"type": "image", "file_url": address}]
    assert {request.path for request in sandbox.requests} == {"/v3/chat"}


@pytest.mark.parametrize(
    ("part", "kind", "name"),
    [
        (image(data_url(PNG, "image/png")), "image", "upload.png"),
        # What it is shows in the bytes, whatever it is called.
        (image(data_url(PNG, "image/jpeg")), "image", "upload.png"),
        ({"type": "image_url", "image_url": data_url(PNG)}, "image", "upload.png"),
        (
            {"type": "input_audio", "input_audio": {"data": base64_of(WAV), "format": "mp3"}},
            "audio",
            "upload.wav",
        ),
        (file(file_data=data_url(PDF), filename="report.pdf"), "file", "report.pdf"),
        (file(file_data=base64_of(PDF), filename="report.txt"), "file", "report.pdf"),
        (file(file_data=base64_of(DOCX), filename="letter.docx"), "file", "letter.docx"),
        (file(file_data=base64_of(b"a,b\n"), filename="t.csv"), "file", "t.csv"),
        (file(file_data=base64_of(b"Hello")), "file", "upload.txt"),
        (file(file_data=base64_of(PNG), filename="a.png"), "image", "a.png"),
        (file(file_data=base64_of(PDF), filename='a"\r\nb.pdf'), "file", "a___b.pdf"),
    ],
)
async def test_base64_is_uploaded_with_the_extension_that_fits(caller, sandbox, part, kind, name):
    await caller.chat.completions.create(**to("hello", [text_part(), part]))
    (message,) = messages_arrived(sandbox)
    (file_id,) = [item["file_id"] for item in items_of(message) if item["type"] == kind]
    assert sandbox.state.files[file_id].name == name
    assert uploaded(sandbox) == [name]


async def test_file_is_uploaded_once_however_often_it_is_sent(caller, sandbox):
    picture = image(data_url(PNG))
    messages = [says([text_part("1"), picture, picture]), says("Nice", "assistant")]
    for number in range(2):
        messages.append(says([text_part(f"again {number}"), picture]))
        await caller.chat.completions.create(**to("hello", messages=messages))
        messages.append(says("Still nice", "assistant"))
    assert uploaded(sandbox) == ["upload.png"]
    ids = {
        item["file_id"]
        for message in messages_arrived(sandbox)
        if message["content_type"] == "object_string"
        for item in items_of(message)
        if item["type"] == "image"
    }
    assert len(ids) == 1


async def test_file_id_is_cozes_or_inside_one_of_ours(caller, sandbox):
    await caller.chat.completions.create(
        **to("hello", [text_part(), file(file_data=base64_of(PDF))])
    )
    (file_id,) = sandbox.state.files
    for given in (file_id, f"file-{file_id}-user_data"):
        await caller.chat.completions.create(**to("hello", [text_part(), file(file_id=given)]))
        (message,) = messages_arrived(sandbox)
        assert items_of(message) == [text_part(), {"type": "file", "file_id": file_id}]


async def test_message_with_a_file_has_one_text_at_most(caller, sandbox):
    content = [text_part("a"), image("https://x.example/1.png"), text_part("b")]
    await caller.chat.completions.create(
        **to("hello", messages=[says("Be kind.", "system"), says(content)])
    )
    (message,) = messages_arrived(sandbox)
    assert items_of(message)[0] == text_part("Be kind.\n\na\nb")
    assert [item["type"] for item in items_of(message)] == ["text", "image"]


@pytest.mark.parametrize(
    ("content", "param", "code"),
    [
        ([image("ftp://x.example/1.png")], "content[1].image_url.url", "invalid_value"),
        ([image("file:///etc/passwd")], "content[1].image_url.url", "invalid_value"),
        ([image("data:image/png;base64,@@@")], "content[1].image_url.url", "invalid_value"),
        ([image(data_url(b"no image"))], "content[1].image_url.url", "invalid_value"),
        ([{"type": "image_url"}], "content[1].image_url", "missing_required_parameter"),
        ([file(filename="x.pdf")], "content[1].file.file_id", "missing_required_parameter"),
        ([file(file_id="../7")], "content[1].file.file_id", "invalid_value"),
        (
            [{"type": "input_audio", "input_audio": {"data": base64_of(PNG), "format": "wav"}}],
            "content[1].input_audio.data",
            "invalid_value",
        ),
    ],
)
async def test_part_that_cannot_be_read_is_named(post, sandbox, content, param, code):
    response = await post(body("hello", [text_part(), *content]))
    error = error_of(response)
    assert response.code == 400
    assert (error["param"], error["code"]) == (f"messages[0].{param}", code)
    assert sandbox.requests == []


async def test_file_that_coze_does_not_take_is_its_error(post):
    program = file(file_data=base64_of(b"MZ"), filename="a.exe")
    response = await post(body("hello", [text_part(), program]))
    assert response.code == 415
    assert "code 4303" in error_of(response)["message"]


@pytest.mark.parametrize(
    ("model", "coze"), [("bot-hello", {"app_id": "7"}), ("workflow-echo", {"enable_card": True})]
)
async def test_nothing_is_uploaded_for_a_request_that_is_refused(post, sandbox, model, coze):
    content = [text_part(), image(data_url(PNG))]
    response = await post(body("", content, coze=coze) | {"model": model})
    assert response.code == 400
    assert sandbox.requests == []


async def test_same_bytes_under_another_name_are_another_file(post, sandbox):
    parts = [file(file_data=base64_of(DOCX), filename=name) for name in ("a.docx", "b.docx")]
    response = await post(body("hello", [text_part(), *parts]))
    assert response.code == 200
    assert sorted(uploaded(sandbox)) == ["a.docx", "b.docx"]
