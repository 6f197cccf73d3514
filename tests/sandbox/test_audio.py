"""Speech and transcriptions."""

import asyncio
import io

import pytest
import soundfile

from cozeproxy.sandbox import Sandbox
from cozeproxy.sandbox.sound import FRAMES
from tests.sandbox.raw import call, request
from tests.sandbox.sdk import cozepy, in_thread

pytestmark = pytest.mark.gen_test(timeout=15)

# 20 ms a character.
TEXT = "这是一段五秒钟长的话。" + "x" * 239
SECONDS = 5.0
SPEECH = "/v1/audio/speech"
TRANSCRIPTIONS = "/v1/audio/transcriptions"
# What a sound is read as; samples alone do not say what they are.
SAMPLES = {"format": "RAW", "subtype": "PCM_16", "channels": 1, "endian": "LITTLE"}


async def spoken(coze, **options):
    """What cozepy gets for a text."""
    options = {"input": TEXT, "voice_id": Sandbox.VOICE_ID, **options}
    return await in_thread(lambda: bytes(coze.audio.speech.create(**options)._raw_response.read()))


def read(sound, response_format, rate):
    """The length and the sample rate of a sound, decoded whole."""
    form = {**SAMPLES, "samplerate": rate} if response_format == "pcm" else {}
    samples, found = soundfile.read(io.BytesIO(sound), **form)
    return len(samples) / found, found


@pytest.mark.parametrize("rate", FRAMES)
@pytest.mark.parametrize("response_format", ["mp3", "wav", "pcm", "ogg_opus"])
async def test_speech_is_a_real_sound_as_long_as_its_text(coze, response_format, rate):
    form = cozepy.AudioFormat(response_format)
    sound = await spoken(coze, response_format=form, sample_rate=rate)
    seconds, found = read(sound, response_format, rate)
    assert seconds == pytest.approx(SECONDS, abs=0.05)
    if response_format != "ogg_opus":
        # Opus knows fewer.
        assert found == rate


async def test_speech_twice_as_fast_is_half_as_long(async_coze):
    answer = await async_coze.audio.speech.create(
        input=TEXT, voice_id="tone", response_format=cozepy.AudioFormat.WAV, speed=2
    )
    sound = await answer._raw_response.aread()
    assert read(sound, "wav", 24000)[0] == pytest.approx(SECONDS / 2, abs=0.01)


@pytest.mark.parametrize(
    ("response_format", "content_type"),
    [
        (None, "audio/mpeg"),
        ("mp3", "audio/mpeg"),
        ("wav", "audio/wav"),
        ("pcm", "audio/pcm"),
        ("ogg_opus", "audio/ogg"),
    ],
)
async def test_speech_says_what_it_is(sandbox, response_format, content_type):
    body = {"input": "Hi", "voice_id": "tone", "response_format": response_format}
    async with request(sandbox, "POST", SPEECH, body) as response:
        assert response.status == 200
        assert response.headers["content-type"] == content_type
        assert response.headers["x-tt-logid"]


async def test_each_piece_goes_out_before_the_next_one_exists(sandbox):
    body = {"input": "held", "voice_id": "gated", "response_format": "wav"}
    sandbox.gates.release("held")
    async with request(sandbox, "POST", SPEECH, body) as response:
        assert (await response.piece()).startswith(b"RIFF")
        for _ in range(2):
            await sandbox.gates.reached("held")
            sandbox.gates.release("held")
            assert await response.piece()
        assert await response.piece() == b""


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"input": ""}, 4000),
        ({"input": 5}, 4000),
        ({"input": "x" * 1025}, 4000),
        ({"input": "字" * 342}, 4000),
        ({"voice_id": ""}, 4000),
        ({"voice_id": "none"}, 4200),
        ({"response_format": "aac"}, 4000),
        ({"speed": 0.1}, 4000),
        ({"speed": 3.1}, 4000),
        ({"speed": "1"}, 4000),
        ({"sample_rate": 24001}, 4000),
        ({"emotion": "bored"}, 4000),
        ({"emotion_scale": 6}, 4000),
        ({"loudness_rate": -51}, 4000),
        ({"context_texts": ["slowly"]}, 4000),
    ],
)
async def test_speech_that_coze_cannot_give_is_refused(sandbox, fields, code):
    body = {"input": "Hi", "voice_id": "tone", **fields}
    assert (await call(sandbox, "POST", SPEECH, body))["code"] == code


async def test_speech_within_all_limits_is_given(sandbox):
    body = {
        "input": "字" * 341 + "x",
        "voice_id": "tone",
        "response_format": "mp3",
        "speed": 0.2,
        "sample_rate": 48000,
        "emotion": "happy",
        "emotion_scale": 5,
        "loudness_rate": 100,
        "context_texts": "Slowly.",
    }
    async with request(sandbox, "POST", SPEECH, body) as response:
        assert response.headers["content-type"] == "audio/mpeg"


@pytest.mark.parametrize(
    ("voice", "status", "code"), [("code-4011", 200, 4011), ("http-429-4020", 429, 4020)]
)
async def test_voice_that_refuses_does_it_in_json(coze, sandbox, voice, status, code):
    with pytest.raises(cozepy.CozeAPIError) as caught:
        await spoken(coze, voice_id=voice)
    assert caught.value.code == code
    async with request(sandbox, "POST", SPEECH, {"input": "Hi", "voice_id": voice}) as response:
        assert response.status == status


@pytest.mark.parametrize("voice", ["cut", "reset"])
async def test_sound_that_breaks_off_is_no_whole_one(sandbox, voice):
    body = {"input": TEXT, "voice_id": voice}
    async with request(sandbox, "POST", SPEECH, body) as response:
        assert await response.piece()
        with pytest.raises((EOFError, ConnectionResetError)):
            await response.body()


async def test_empty_sound_is_empty(sandbox):
    async with request(sandbox, "POST", SPEECH, {"input": "Hi", "voice_id": "empty"}) as response:
        assert response.headers["content-type"] == "audio/mpeg"
        assert await response.body() == b""


async def test_voice_that_never_answers_ends_when_its_caller_leaves(sandbox, bounded):
    asking = asyncio.create_task(
        call(sandbox, "POST", SPEECH, {"input": "Hi", "voice_id": "silent"})
    )
    await sandbox.arrived(SPEECH)
    asking.cancel()
    await bounded(asyncio.gather(*sandbox._plays))


async def test_voice_that_falls_silent_ends_when_its_caller_leaves(sandbox, bounded):
    body = {"input": "Hi", "voice_id": "silent-mid-stream"}
    async with request(sandbox, "POST", SPEECH, body) as response:
        assert await response.piece()
    await bounded(asyncio.gather(*sandbox._plays))


async def test_transcription_depends_on_the_bytes(coze, async_coze):
    first, second = await spoken(coze), await spoken(coze, input="x")
    heard = [
        (await in_thread(lambda s=s: coze.audio.transcriptions.create(file=("a.mp3", s)))).text
        for s in (first, first, second)
    ]
    assert heard[0] == heard[1] != heard[2]
    answer = await async_coze.audio.transcriptions.create(file=("b.ogg", second))
    assert answer.text == heard[2]


@pytest.mark.parametrize(
    ("name", "size", "code"),
    [
        ("a.wav", 10 * 2**20 + 1, 4302),
        ("a.wav", 0, 4300),
        ("a.flac", 10, 4303),
        ("a", 10, 4303),
    ],
)
async def test_recording_that_coze_does_not_take_is_refused(sandbox, name, size, code):
    answer = await call(
        sandbox,
        "POST",
        TRANSCRIPTIONS,
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n--x--\r\n'
        % (name.encode(), bytes(size)),
        content_type="multipart/form-data; boundary=x",
    )
    assert answer["code"] == code


async def test_transcription_of_nothing_is_refused(sandbox):
    assert (await call(sandbox, "POST", TRANSCRIPTIONS, {}))["code"] == 4000


@pytest.mark.parametrize("path", [SPEECH, TRANSCRIPTIONS])
async def test_wrong_token_is_refused(sandbox, path):
    async with request(sandbox, "POST", path, {}, token="pat_wrong") as response:
        assert response.status == 401
        assert (await response.json())["code"] == 700012006
