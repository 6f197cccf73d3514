"""Speech: the sound that callers get, and what they are told where there is none."""

import io
import json

import openai
import pytest
import soundfile

from cozeproxy.sandbox import Sandbox
from tests.doors.access import bearer
from tests.service.asking import error_of, last_arrived

pytestmark = pytest.mark.gen_test(timeout=15)

PATH = "/v1/audio/speech"
# The stand-in takes 20 ms for a character.
TEXT = "x" * 100
SECONDS = 2.0
SAMPLES = {
    "format": "RAW",
    "subtype": "PCM_16",
    "channels": 1,
    "samplerate": 24000,
    "endian": "LITTLE",
}


@pytest.fixture
def environment():
    return {"VOICE_MAP": json.dumps({"alloy": Sandbox.VOICE_ID, "breaks": "cut"})}


def asked(**fields):
    return {"model": "tts-1", "input": TEXT, "voice": "alloy", **fields}


def seconds(sound, **form):
    """How long a sound is, decoded whole."""
    samples, rate = soundfile.read(io.BytesIO(sound), **form)
    return len(samples) / rate


@pytest.mark.parametrize(
    ("response_format", "content_type", "form"),
    [
        ("mp3", "audio/mpeg", {}),
        ("opus", "audio/opus", {}),
        ("wav", "audio/wav", {}),
        ("pcm", "audio/pcm", SAMPLES),
    ],
)
async def test_sdk_gets_a_whole_sound_in_each_format(
    strict, post, response_format, content_type, form
):
    answer = await strict("audio.speech.create", **asked(response_format=response_format))
    assert seconds(answer.content, **form) == pytest.approx(SECONDS, abs=0.05)
    response = await post(asked(response_format=response_format), PATH)
    assert response.body == answer.content
    assert response.headers["Content-Type"] == content_type
    assert response.headers["X-Coze-Logid"]
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert "Content-Encoding" not in response.headers


async def test_sound_is_mp3_where_no_format_is_named(post, sandbox):
    response = await post(asked(), PATH)
    assert response.headers["Content-Type"] == "audio/mpeg"
    assert last_arrived(sandbox, PATH).body["response_format"] == "mp3"


async def test_streaming_sdk_gets_each_piece_before_the_next_one_exists(caller, sandbox):
    sandbox.gates.release("held")
    request = asked(input="held", voice="gated", response_format="wav")
    async with caller.audio.speech.with_streaming_response.create(**request) as answer:
        pieces = answer.iter_bytes()
        sound = await anext(pieces)
        assert sound.startswith(b"RIFF")
        for _ in range(2):
            await sandbox.gates.reached("held")
            sandbox.gates.release("held")
            sound += await anext(pieces)
        assert [piece async for piece in pieces] == []
    assert seconds(sound) == pytest.approx(0.08)


async def test_blocking_streaming_sdk_writes_a_file(sync_caller, in_thread, tmp_path):
    def speak():
        speech = sync_caller.audio.speech.with_streaming_response
        with speech.create(**asked(response_format="wav")) as answer:
            answer.stream_to_file(tmp_path / "speech.wav")

    await in_thread(speak)
    assert seconds((tmp_path / "speech.wav").read_bytes()) == SECONDS


@pytest.mark.parametrize("voice", ["alloy", "tone", Sandbox.VOICE_ID, {"id": "alloy"}])
async def test_voice_is_a_name_of_the_map_or_an_id_of_cozes(caller, sandbox, voice):
    await caller.audio.speech.create(**asked(voice=voice))
    id_ = "tone" if voice == "tone" else Sandbox.VOICE_ID
    assert last_arrived(sandbox, PATH).body["voice_id"] == id_


async def test_all_that_coze_has_can_be_asked_for(caller, sandbox):
    options = {"sample_rate": 8000, "emotion": "sad", "emotion_scale": 2, "loudness_rate": 10}
    await caller.audio.speech.create(
        **asked(speed=0.5, instructions="Whisper."), extra_body={"coze": options}
    )
    body = last_arrived(sandbox, PATH).body
    assert body.items() >= {"speed": 0.5, "context_texts": "Whisper.", **options}.items()


async def test_coze_is_asked_with_the_key_and_for_a_sound(caller, sandbox):
    await caller.audio.speech.create(**asked())
    headers = last_arrived(sandbox, PATH).headers
    assert headers["accept"] == "audio/*"
    assert headers["accept-encoding"] == "identity"
    assert headers["authorization"].startswith("Bearer sha256:")
    assert "any-string" not in str(headers)


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"input": "字" * 342}, "input", "string_above_max_length"),
        ({"input": ""}, "input", "invalid_value"),
        ({"voice": "echo"}, "voice", "invalid_value"),
        ({"response_format": "flac"}, "response_format", "unsupported_value"),
        ({"stream_format": "sse"}, "stream_format", "unsupported_value"),
        ({"speed": 4}, "speed", "invalid_value"),
        ({"model": 5}, "model", "invalid_type"),
    ],
)
async def test_what_cannot_be_spoken_is_a_400_that_names_the_place(
    post, sandbox, fields, param, code
):
    response = await post(asked(**fields), PATH)
    assert response.code == 400
    error = error_of(response)
    assert (error["param"], error["code"]) == (param, code)
    assert sandbox.requests == []


async def test_body_that_is_no_json_is_a_400(post):
    assert (await post(b"{", PATH)).code == 400


@pytest.mark.parametrize(
    ("voice", "raised"),
    [
        ("code-4000", openai.BadRequestError),
        ("code-4100", openai.AuthenticationError),
        ("code-4028", openai.RateLimitError),
        ("http-429-4020", openai.RateLimitError),
        ("http-401-700012006", openai.AuthenticationError),
        ("code-5000", openai.InternalServerError),
        ("none", openai.NotFoundError),
        ("empty", openai.InternalServerError),
    ],
)
async def test_refusal_of_cozes_is_a_status(caller, voice, raised):
    for speech in (caller.audio.speech, caller.audio.speech.with_raw_response):
        with pytest.raises(raised) as caught:
            await speech.create(**asked(voice=voice))
        assert "Coze" in caught.value.message


@pytest.mark.parametrize("voice", ["breaks", "cut", "reset"])
async def test_sound_that_breaks_off_is_raised_by_the_sdk(caller, sync_caller, in_thread, voice):
    # The first piece is out before the connection is closed, or it is not.
    with pytest.raises((openai.APIConnectionError, openai.InternalServerError)):
        await caller.audio.speech.create(**asked(voice=voice))
    with pytest.raises((openai.APIConnectionError, openai.InternalServerError)):
        await in_thread(lambda: sync_caller.audio.speech.create(**asked(voice=voice)))


async def test_other_methods_are_a_405(post):
    response = await post(None, PATH, "GET")
    assert response.code == 405
    assert response.headers["Allow"] == "POST, OPTIONS"


class TestWithoutMap:
    @pytest.fixture
    def environment(self):
        return {}

    async def test_openais_voices_are_refused_and_the_setting_is_named(self, caller, sandbox):
        with pytest.raises(openai.BadRequestError, match="VOICE_MAP"):
            await caller.audio.speech.create(**asked())
        assert sandbox.requests == []

    async def test_ids_are_taken(self, caller):
        assert (await caller.audio.speech.create(**asked(voice=Sandbox.VOICE_ID))).content


class TestKeys:
    @pytest.fixture
    def environment(self):
        return {"PROXY_API_KEYS": "ann:sk-door-ann", "ALLOWED_BOT_IDS": "7"}

    async def test_key_is_asked_for_and_bots_do_not_matter(self, post, sandbox):
        request = asked(voice="tone")
        assert (await post(request, PATH)).code == 401
        assert sandbox.requests == []
        assert (await post(request, PATH, **bearer("sk-door-ann"))).code == 200
