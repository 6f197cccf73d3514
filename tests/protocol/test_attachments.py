"""Files inside messages: decoded, recognised by their bytes, named so that Coze takes them."""

import msgspec
import pytest

from cozeproxy.errors import RequestError
from cozeproxy.protocol.attachments import Attachment, Item, read_part
from cozeproxy.protocol.openai import Part
from tests.support.files import DOCX, PDF, PNG, WAV, ZIP, base64_of, data_url


def read(**part):
    return read_part(msgspec.convert(part, Part), "messages[0].content[1]")


def image(url):
    return {"type": "image_url", "image_url": {"url": url}}


def file(data, name=None):
    return {"type": "file", "file": {"file_data": data, "filename": name}}


@pytest.mark.parametrize(
    ("part", "item"),
    [
        pytest.param(
            image("https://example.com/a.png"),
            Item("image", url="https://example.com/a.png"),
            id="image_by_address",
        ),
        pytest.param(
            {"type": "image_url", "image_url": "HTTP://example.com/a"},
            Item("image", url="HTTP://example.com/a"),
            id="address_as_a_bare_string",
        ),
        pytest.param(
            image(data_url(PNG, "image/jpeg")),
            Item("image", attachment=Attachment("upload.png", PNG)),
            id="image_is_what_its_bytes_say",
        ),
        pytest.param(
            {"type": "input_audio", "input_audio": {"data": base64_of(WAV), "format": "mp3"}},
            Item("audio", attachment=Attachment("upload.wav", WAV)),
            id="recording_too",
        ),
        pytest.param(
            file(data_url(PDF, "application/pdf"), "Report (1).pdf"),
            Item("file", attachment=Attachment("Report (1).pdf", PDF)),
            id="file_as_data_url",
        ),
        pytest.param(
            file(base64_of(PDF), "report.txt"),
            Item("file", attachment=Attachment("report.pdf", PDF)),
            id="file_as_base64_with_a_wrong_extension",
        ),
        pytest.param(
            file(base64_of(PNG), "picture.png"),
            Item("image", attachment=Attachment("picture.png", PNG)),
            id="file_that_is_an_image",
        ),
        pytest.param(
            file(base64_of(WAV)),
            Item("audio", attachment=Attachment("upload.wav", WAV)),
            id="file_that_is_a_recording",
        ),
        pytest.param(
            file(base64_of(b"a,b\n1,2\n"), "table.CSV"),
            Item("file", attachment=Attachment("table.csv", b"a,b\n1,2\n")),
            id="text_keeps_its_extension",
        ),
        pytest.param(
            file(base64_of(b"hello")),
            Item("file", attachment=Attachment("upload.txt", b"hello")),
            id="text_without_a_name",
        ),
        pytest.param(
            file(base64_of(DOCX), "letter.docx"),
            Item("file", attachment=Attachment("letter.docx", DOCX)),
            id="document",
        ),
        pytest.param(
            file(base64_of(ZIP), "book.epub"),
            Item("file", attachment=Attachment("book.epub", ZIP)),
            id="format_built_on_zip_keeps_its_extension",
        ),
        pytest.param(
            file(base64_of(PDF), 'a"\r\nX: y/../b.pdf'),
            Item("file", attachment=Attachment("a___X_ y_.._b.pdf", PDF)),
            id="name_cannot_break_out_of_its_header",
        ),
        pytest.param(
            {"type": "file", "file": {"file_id": "7400000000000000001"}},
            Item("file", file_id="7400000000000000001"),
            id="file_by_its_coze_id",
        ),
        pytest.param(
            {"type": "file", "file": {"file_id": "file-7400000000000000001-vision"}},
            Item("file", file_id="7400000000000000001"),
            id="file_by_an_id_of_ours",
        ),
    ],
)
def test_part_is_read(part, item):
    assert read(**part) == item


@pytest.mark.parametrize(
    ("part", "param", "code"),
    [
        ({"type": "image_url"}, "image_url", "missing_required_parameter"),
        (image("file:///etc/passwd"), "image_url.url", "invalid_value"),
        (image("ftp://example.com/a.png"), "image_url.url", "invalid_value"),
        (image("https://"), "image_url.url", "invalid_value"),
        (image(""), "image_url.url", "invalid_value"),
        (image("data:image/png;base64,%%%"), "image_url.url", "invalid_value"),
        (image("data:image/png;base64,"), "image_url.url", "invalid_value"),
        (image(data_url(b"no image")), "image_url.url", "invalid_value"),
        (image(data_url(PDF)), "image_url.url", "invalid_value"),
        ({"type": "image_url", "image_url": "nowhere"}, "image_url", "invalid_value"),
        ({"type": "input_audio"}, "input_audio", "missing_required_parameter"),
        (
            {"type": "input_audio", "input_audio": {"data": base64_of(PNG)}},
            "input_audio.data",
            "invalid_value",
        ),
        ({"type": "file"}, "file", "missing_required_parameter"),
        ({"type": "file", "file": {}}, "file.file_id", "missing_required_parameter"),
        ({"type": "file", "file": {"file_id": "../x"}}, "file.file_id", "invalid_value"),
        (file("not base64!"), "file.file_data", "invalid_value"),
    ],
)
def test_part_that_is_not_what_it_says_names_the_place(part, param, code):
    with pytest.raises(RequestError) as caught:
        read(**part)
    assert caught.value.param == f"messages[0].content[1].{param}"
    assert caught.value.answer[:3] == (400, "invalid_request_error", code)
