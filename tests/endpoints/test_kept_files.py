"""Files that callers keep at Coze, and what Coze cannot do with them."""

import io
import json

import openai
import pytest

from cozeproxy.sandbox import Sandbox
from tests.doors.access import bearer
from tests.endpoints.forms import KIND, field_part, file_part, form
from tests.service.asking import error_of, last_arrived, text_part
from tests.support.files import DOCX, PDF, PNG, WAV

pytestmark = pytest.mark.gen_test(timeout=15)

UPLOAD = "/v1/files/upload"
PURPOSES = ["assistants", "batch", "fine-tune", "vision", "user_data"]


PURPOSE = field_part("purpose", "vision")


@pytest.fixture
def send(post):
    """Post a form that has these parts."""

    async def send(*parts, content_type=KIND, **headers):
        return await post(form(*parts), "/v1/files", Content_Type=content_type, **headers)

    return send


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_file_is_kept_and_told_about_with_its_purpose(strict, sandbox, purpose):
    kept = await strict("files.create", file=("cat.png", PNG), purpose=purpose)
    (stored,) = sandbox.state.files.values()
    assert kept.id == f"file-{stored.id}-{purpose}"
    assert kept.filename == stored.name == "cat.png"
    assert kept.bytes == len(PNG)
    assert kept.created_at == stored.created_at
    assert kept.purpose == purpose
    assert kept.status == "processed"
    assert await strict("files.retrieve", kept.id) == kept
    assert await strict("files.wait_for_processing", kept.id) == kept


async def test_purpose_of_evals_is_kept_as_well(caller):
    # Its type has it for requests, and lacks it for answers, so that it is not validated.
    kept = await caller.files.create(file=("a.txt", b"text"), purpose="evals")
    assert (await caller.files.retrieve(kept.id)).purpose == "evals"


@pytest.mark.parametrize("kind", [bytes, io.BytesIO, "path"])
async def test_file_arrives_byte_by_byte(caller, sandbox, tmp_path, kind):
    content = bytes(range(256)) * 1000 + b"\r\n--x--\r\n"
    (tmp_path / "a.bin.txt").write_bytes(content)
    file = tmp_path / "a.bin.txt" if kind == "path" else ("a.bin.txt", kind(content))
    await caller.files.create(file=file, purpose="user_data")
    arrived = last_arrived(sandbox, UPLOAD)
    assert arrived.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert arrived.body.count(content) == 1


@pytest.mark.parametrize(
    ("content", "name", "kept"),
    [
        (PDF, "report.txt", "report.pdf"),
        (PNG, "picture", "picture.png"),
        (DOCX, "letter.docx", "letter.docx"),
        (b"text", "notes", "notes.txt"),
        (b"a,b\n", "table.csv", "table.csv"),
        (WAV, "你好.wav", "你好.wav"),
        (b"x", "../../etc/passwd.txt", ".._.._etc_passwd.txt"),
    ],
)
async def test_name_is_one_that_coze_takes(caller, sandbox, content, name, kept):
    told = await caller.files.create(file=(name, content), purpose="user_data")
    (stored,) = sandbox.state.files.values()
    assert told.filename == stored.name == kept


async def test_every_upload_is_a_file_of_its_own(caller):
    ids = [(await caller.files.create(file=("a.png", PNG), purpose="vision")).id for _ in range(2)]
    assert len(set(ids)) == 2


async def test_kept_file_can_be_sent_in_a_message(caller, sandbox):
    kept = await caller.files.create(file=("report.pdf", PDF), purpose="user_data")
    content = [text_part("Read it."), {"type": "file", "file": {"file_id": kept.id}}]
    await caller.chat.completions.create(
        model="bot-hello", messages=[{"role": "user", "content": content}]
    )
    (message,) = last_arrived(sandbox).body["additional_messages"]
    (stored,) = sandbox.state.files
    assert json.loads(message["content"])[1] == {"type": "file", "file_id": stored}


async def test_when_it_expires_is_cozes_business_and_a_header_says_so(caller):
    raw = await caller.files.with_raw_response.create(
        file=("a.png", PNG),
        purpose="vision",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert raw.headers["X-Cozeproxy-Ignored"] == "expires_after"


@pytest.mark.parametrize(
    ("parts", "param", "code"),
    [
        ([PURPOSE], "file", "missing_required_parameter"),
        ([], "file", "missing_required_parameter"),
        ([PURPOSE, field_part("file", "x")], "file", "missing_required_parameter"),
        ([PURPOSE, file_part(PNG, field="data")], "file", "missing_required_parameter"),
        ([PURPOSE, file_part(PNG), file_part(PNG)], "file", "invalid_value"),
        ([file_part(PNG)], "purpose", "missing_required_parameter"),
        ([file_part(PNG), field_part("purpose", "")], "purpose", "missing_required_parameter"),
        ([file_part(PNG), field_part("purpose", "fun")], "purpose", "invalid_value"),
    ],
)
async def test_wrong_form_is_a_400_that_names_the_place(send, sandbox, parts, param, code):
    response = await send(*parts)
    assert response.code == 400
    error = error_of(response)
    assert (error["param"], error["code"]) == (param, code)
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/mixed; boundary=x",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=y",
        "multipart/form-dataxyz; boundary=x",
        "",
    ],
)
async def test_body_that_is_no_form_is_a_400(send, sandbox, content_type):
    response = await send(PURPOSE, file_part(PNG), content_type=content_type)
    assert response.code == 400
    assert error_of(response)["type"] == "invalid_request_error"
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"--x--",
        b"--x\r\n",
        b"--x\r\nContent-Disposition: form-data\r\n\r\nb\r\n--x--\r\n",
        b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nb",
        b'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n\xff\r\n--x--\r\n',
        b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\na\r\n--x--\r\n',
        b"--x\r\n" + b"a: b\r\n" * 5000 + b"\r\nc\r\n--x--\r\n",
        b"--x\r\nno colon\r\n\r\nc\r\n--x--\r\n",
        form(*[field_part("a", "b")] * 200),
    ],
)
async def test_form_that_cannot_be_read_is_a_400(post, sandbox, data):
    response = await post(data, "/v1/files", Content_Type=KIND)
    assert response.code == 400
    assert len(error_of(response)["message"]) < 400
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("content", "name", "status"), [(b"", "a.txt", 400), (b"MZ", "a.exe", 415)]
)
async def test_file_that_coze_does_not_take_is_its_error(caller, content, name, status):
    with pytest.raises(openai.APIStatusError) as caught:
        await caller.files.create(file=(name, content), purpose="user_data")
    assert caught.value.status_code == status
    assert "Coze:" in caught.value.message


@pytest.mark.parametrize(
    "id_",
    [
        "file-1-vision",
        "file-abc",
        "7400",
        "file-1-",
        "file-1-VISION",
        "file-x-vision",
        "a/b",
        "%2e",
    ],
)
async def test_file_that_is_not_there_is_a_404(caller, id_):
    with pytest.raises(openai.NotFoundError) as caught:
        await caller.files.retrieve(id_)
    assert caught.value.param == "id"
    assert "No such File object" in caught.value.message


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("GET", "/v1/files", "does not list"),
        ("DELETE", "/v1/files/file-1-vision", "does not delete"),
        ("GET", "/v1/files/file-1-vision/content", "does not give"),
    ],
)
async def test_what_coze_cannot_do_is_a_404_that_says_so(post, sandbox, method, path, words):
    response = await post(None, path, method)
    assert response.code == 404
    error = error_of(response)
    assert words in error["message"]
    assert "POST /v1/files" in error["message"]
    assert error["code"] == "unsupported_operation"
    assert sandbox.requests == []


async def test_sdk_does_not_repeat_what_coze_cannot_do(caller, caplog):
    patient = caller.with_options(max_retries=2)
    for call, *id_ in (
        (patient.files.list,),
        (patient.files.delete, "file-1-vision"),
        (patient.files.content, "file-1-vision"),
    ):
        with pytest.raises(openai.NotFoundError):
            await call(*id_)
    assert sum(r.name == "cozeproxy.access" for r in caplog.records) == 3


@pytest.mark.parametrize("path", ["/v1/files", "/v1/files/file-1-vision"])
async def test_other_methods_are_a_405(post, path):
    response = await post(b"", path, "PUT")
    assert response.code == 405


class TestTokensOfCallers:
    @pytest.fixture
    def environment(self):
        return {"COZE_TOKEN_PASSTHROUGH": "true", "COZE_API_KEY": ""}

    async def test_file_is_of_whoever_owns_the_token(self, send, post):
        assert (await send(PURPOSE, file_part(PNG))).code == 401
        kept = await send(PURPOSE, file_part(PNG), **bearer(Sandbox.API_KEY))
        assert kept.code == 200
        path = f"/v1/files/{json.loads(kept.body)['id']}"
        assert (await post(None, path, "GET", **bearer(Sandbox.API_KEY))).body == kept.body
        assert (await post(None, path, "GET", **bearer("pat_another"))).code == 401


class TestKeys:
    @pytest.fixture
    def environment(self):
        return {"PROXY_API_KEYS": "ann:sk-door-ann"}

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/v1/files"),
            ("GET", "/v1/files"),
            ("GET", "/v1/files/file-1-vision"),
            ("DELETE", "/v1/files/file-1-vision"),
            ("GET", "/v1/files/file-1-vision/content"),
        ],
    )
    async def test_key_is_asked_for_first(self, post, sandbox, method, path):
        data = form(PURPOSE, file_part(PNG)) if method == "POST" else None
        for headers in ({}, bearer("sk-door-nobody")):
            response = await post(data, path, method, **headers)
            assert response.code == 401
        assert sandbox.requests == []
