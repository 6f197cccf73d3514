"""Transcriptions: the text that callers get for a recording."""

import json

import openai
import pytest

from cozeproxy.protocol.transcription import FORMATS, IGNORED, MAX_RECORDING_BYTES
from cozeproxy.sandbox.audio import heard
from cozeproxy.sandbox.sound import FORMATS as SOUNDS
from tests.doors.access import bearer
from tests.endpoints.forms import KIND, field_part, file_part, form
from tests.service.asking import error_of, last_arrived, payloads
from tests.support.files import PDF, PNG, WAV

pytestmark = pytest.mark.gen_test(timeout=15)

PATH = "/v1/audio/transcriptions"
MODEL = field_part("model", "whisper-1")
WEBM = b"\x1a\x45\xdf\xa3" + bytes(20) + b"\x42\x82\x84webm" + bytes(100)
FLAC = b"fLaC" + bytes(100)


def asked(**fields):
    return {"file": ("a.wav", WAV), "model": "whisper-1", **fields}


@pytest.fixture
def send(post):
    """Post a form that has these parts."""

    async def send(*parts, **headers):
        return await post(form(*parts), PATH, Content_Type=KIND, **headers)

    return send


async def test_sdk_gets_the_text_as_an_object(strict):
    answer = await strict("audio.transcriptions.create", **asked())
    assert answer.text == heard(WAV)
    again = await strict("audio.transcriptions.create", **asked(response_format="json"))
    assert again == answer


async def test_sdk_gets_the_text_as_text(strict):
    answer = await strict("audio.transcriptions.create", **asked(response_format="text"))
    assert answer == heard(WAV)


async def test_sdk_gets_the_text_as_a_stream(strict):
    delta, done = await strict("audio.transcriptions.create", **asked(stream=True))
    assert (delta.type, delta.delta) == ("transcript.text.delta", heard(WAV))
    assert (done.type, done.text) == ("transcript.text.done", heard(WAV))


async def test_text_depends_on_the_recording(caller):
    texts = set()
    for content in (WAV, WAV + b"\0\0"):
        answer = await caller.audio.transcriptions.create(**asked(file=("a.wav", content)))
        texts.add(answer.text)
    assert texts == {heard(WAV), heard(WAV + b"\0\0")}


async def test_each_form_says_what_it_is(send):
    for wanted, kind, body in [
        ("json", "application/json", json.dumps({"text": heard(WAV)}).encode()),
        ("text", "text/plain; charset=utf-8", heard(WAV).encode()),
    ]:
        response = await send(file_part(WAV, "a.wav"), MODEL, field_part("response_format", wanted))
        assert response.headers["Content-Type"] == kind
        assert response.body.replace(b'":"', b'": "') == body
    stream = field_part("stream", "true")
    response = await send(file_part(WAV, "a.wav"), MODEL, stream)
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert len(payloads(response.body)) == 2


@pytest.mark.parametrize(
    ("name", "arrived"),
    [
        ("a.wav", "a.wav"),
        ("a.mp3", "a.wav"),
        ("blob", "blob.wav"),
        ("录音.wav", "录音.wav"),
        ("a/../b.wav", "a_.._b.wav"),
    ],
)
async def test_recording_arrives_whole_under_a_name_that_coze_takes(caller, sandbox, name, arrived):
    await caller.audio.transcriptions.create(**asked(file=(name, WAV)))
    body = last_arrived(sandbox, PATH).body
    assert WAV in body
    assert f'filename="{arrived}"'.encode() in body


@pytest.mark.parametrize("made", SOUNDS)
async def test_each_sound_of_cozes_own_is_taken(caller, made):
    make, _ = SOUNDS[made]
    sound = make(0.5, 24000)
    name = f"a.{made.removesuffix('_opus')}"
    answer = await caller.audio.transcriptions.create(**asked(file=(name, sound)))
    assert answer.text == heard(sound)


async def test_fields_without_effect_are_named(caller):
    raw = await caller.audio.transcriptions.with_raw_response.create(
        **asked(
            language="en",
            prompt="Weather.",
            temperature=0.5,
            chunking_strategy={"type": "server_vad", "threshold": 0.5},
            keywords=["rain"],
            languages=["en", "zh"],
            known_speaker_names=["ann"],
            known_speaker_references=["data:audio/wav;base64,AAAA"],
        )
    )
    assert raw.headers["X-Cozeproxy-Ignored"].split(", ") == list(IGNORED)
    assert raw.parse().text == heard(WAV)


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"response_format": "verbose_json"}, "response_format", "unsupported_value"),
        ({"response_format": "srt"}, "response_format", "unsupported_value"),
        ({"response_format": "vtt"}, "response_format", "unsupported_value"),
        ({"response_format": "diarized_json"}, "response_format", "unsupported_value"),
        ({"include": ["logprobs"]}, "include", "unsupported_parameter"),
        (
            {"timestamp_granularities": ["word"]},
            "timestamp_granularities",
            "unsupported_parameter",
        ),
    ],
)
async def test_what_coze_does_not_tell_is_a_400_that_names_the_place(
    caller, sandbox, fields, param, code
):
    with pytest.raises(openai.BadRequestError) as caught:
        await caller.audio.transcriptions.create(**asked(**fields))
    assert (caught.value.param, caught.value.code) == (param, code)
    if param == "response_format":
        assert " or ".join(FORMATS) in caught.value.message
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("parts", "param", "code"),
    [
        ([MODEL], "file", "missing_required_parameter"),
        ([file_part(WAV, "a.wav")], "model", "missing_required_parameter"),
        ([file_part(WAV, "a.wav"), MODEL, field_part("stream", "yes")], "stream", "invalid_value"),
    ],
)
async def test_wrong_form_is_a_400_that_names_the_place(send, sandbox, parts, param, code):
    response = await send(*parts)
    assert response.code == 400
    assert (error_of(response)["param"], error_of(response)["code"]) == (param, code)
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (bytes(MAX_RECORDING_BYTES + 1), 413, "file_too_large"),
        (WEBM, 415, "unsupported_file_type"),
        (FLAC, 415, "unsupported_file_type"),
        (PNG, 415, "unsupported_file_type"),
        (PDF, 415, "unsupported_file_type"),
    ],
)
async def test_recording_that_coze_does_not_take_is_not_sent(
    caller, sandbox, content, status, code
):
    with pytest.raises(openai.APIStatusError) as caught:
        await caller.audio.transcriptions.create(**asked(file=("a.wav", content)))
    assert caught.value.status_code == status
    assert (caught.value.param, caught.value.code) == ("file", code)
    assert sandbox.requests == []


async def test_largest_recording_is_taken(caller):
    sound = WAV + bytes(MAX_RECORDING_BYTES - len(WAV))
    answer = await caller.audio.transcriptions.create(**asked(file=("a.wav", sound)))
    assert answer.text == heard(sound)


@pytest.mark.parametrize(("content", "name", "status"), [(b"", "a.wav", 400), (b"?", "a.x", 415)])
async def test_refusal_of_cozes_is_its_error(caller, content, name, status):
    with pytest.raises(openai.APIStatusError) as caught:
        await caller.audio.transcriptions.create(**asked(file=(name, content)))
    assert caught.value.status_code == status
    assert "Coze:" in caught.value.message


class TestKeys:
    @pytest.fixture
    def environment(self):
        return {"PROXY_API_KEYS": "ann:sk-door-ann", "ALLOWED_BOT_IDS": "7"}

    async def test_key_is_asked_for_and_bots_do_not_matter(self, send, sandbox):
        parts = [file_part(WAV, "a.wav"), MODEL]
        assert (await send(*parts)).code == 401
        assert sandbox.requests == []
        assert (await send(*parts, **bearer("sk-door-ann"))).code == 200
