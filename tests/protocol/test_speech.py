"""Requests for speech: the call that each becomes, or what is wrong with it."""

import json
from typing import get_args

import pytest
from openai.types.audio.speech_create_params import Voice

from cozeproxy.errors import RequestError, UpstreamBrokenError
from cozeproxy.protocol.speech import FORMATS, VOICES, SoundStream, read_speech

MAP = {"alloy": "7426", "narrator": "7427"}


def read(**fields):
    asked = {"model": "tts-1", "input": "Hi", "voice": "alloy", **fields}
    return read_speech(json.dumps(asked).encode(), MAP)


def sent(**fields):
    """What Coze is sent."""
    call = read(**fields).call(iter(()))
    assert (call.path, call.query, call.accept) == ("/v1/audio/speech", {}, "audio/*")
    return json.loads(call.body)


def test_request_becomes_a_call_without_what_was_not_asked_for():
    assert sent() == {"input": "Hi", "voice_id": "7426", "response_format": "mp3"}


def test_null_counts_as_not_given():
    fields = ["response_format", "speed", "instructions", "stream_format", "user", "coze"]
    assert sent(**dict.fromkeys(fields)) == sent()


@pytest.mark.parametrize(
    ("voice", "id_"),
    [
        ("alloy", "7426"),
        ("narrator", "7427"),
        ("7428", "7428"),
        ("zh_female_1", "zh_female_1"),
        ({"id": "alloy"}, "7426"),
        ({"id": "7428"}, "7428"),
    ],
)
def test_voice_is_a_name_of_the_map_or_an_id(voice, id_):
    assert sent(voice=voice)["voice_id"] == id_


@pytest.mark.parametrize(
    ("name", "form", "content_type"),
    [
        (None, "mp3", "audio/mpeg"),
        ("mp3", "mp3", "audio/mpeg"),
        ("opus", "ogg_opus", "audio/opus"),
        ("wav", "wav", "audio/wav"),
        ("pcm", "pcm", "audio/pcm"),
    ],
)
def test_format_has_cozes_name_and_its_type(name, form, content_type):
    assert sent(response_format=name)["response_format"] == form
    assert read(response_format=name).content_type == content_type


@pytest.mark.parametrize("speed", [0.2, 0.25, 1, 3])
def test_speed_that_coze_has_is_passed_on(speed):
    assert sent(speed=speed)["speed"] == speed


def test_instructions_and_options_have_cozes_names():
    options = {"sample_rate": 8000, "emotion": "happy", "emotion_scale": 3.5, "loudness_rate": -50}
    fields = sent(instructions="Whisper.", coze=options)
    assert fields.items() >= {"context_texts": "Whisper.", **options}.items()


@pytest.mark.parametrize("text", ["x" * 1024, "字" * 341 + "x", "👋" * 256])
def test_input_of_1024_bytes_is_taken(text):
    assert sent(input=text)["input"] == text


@pytest.mark.parametrize("text", ["x" * 1025, "字" * 342, "👋" * 257])
def test_longer_input_is_refused_with_the_limit(text):
    with pytest.raises(RequestError) as caught:
        read(input=text)
    error = caught.value
    assert (error.param, error.answer.code) == ("input", "string_above_max_length")
    assert error.answer.status == 400
    assert "1024 bytes" in str(error)
    assert str(len(text.encode())) in str(error)


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"input": ""}, "input", "invalid_value"),
        ({"input": 5}, "input", "invalid_type"),
        ({"model": None}, "model", "invalid_type"),
        ({"voice": "echo"}, "voice", "invalid_value"),
        ({"voice": "a b"}, "voice", "invalid_value"),
        ({"voice": ""}, "voice", "invalid_value"),
        ({"voice": "../1"}, "voice", "invalid_value"),
        ({"voice": {"id": "echo"}}, "voice", "invalid_value"),
        ({"voice": {}}, "voice.id", "missing_required_parameter"),
        ({"voice": 5}, "voice", "invalid_type"),
        ({"response_format": "aac"}, "response_format", "unsupported_value"),
        ({"response_format": "flac"}, "response_format", "unsupported_value"),
        ({"response_format": 5}, "response_format", "invalid_type"),
        ({"stream_format": "sse"}, "stream_format", "unsupported_value"),
        ({"speed": 0.1}, "speed", "invalid_value"),
        ({"speed": 3.1}, "speed", "invalid_value"),
        ({"speed": 4}, "speed", "invalid_value"),
        ({"speed": "1"}, "speed", "invalid_type"),
        ({"coze": {"pitch": 1}}, "coze.pitch", "unknown_parameter"),
    ],
)
def test_what_coze_cannot_speak_is_refused_with_its_place(fields, param, code):
    with pytest.raises(RequestError) as caught:
        read(**fields)
    assert (caught.value.param, caught.value.answer.code) == (param, code)


@pytest.mark.parametrize("field", ["model", "input", "voice"])
def test_missing_field_is_named(field):
    asked = {"model": "tts-1", "input": "Hi", "voice": "alloy"}
    with pytest.raises(RequestError) as caught:
        read_speech(json.dumps({k: v for k, v in asked.items() if k != field}).encode(), MAP)
    assert caught.value.param == field


def test_formats_that_are_missing_are_told():
    with pytest.raises(RequestError, match=", ".join(FORMATS)):
        read(response_format="flac")


def test_voices_are_those_of_the_sdk():
    names = {name for part in get_args(Voice) for name in get_args(part)}
    assert names == set(VOICES)


def test_sound_is_given_on_as_it_comes():
    stream = SoundStream()
    assert stream.start() == b""
    assert stream.receive_data(b"RIFF") == b"RIFF"
    assert not stream.ended
    assert stream.receive_eof() == b""
    assert stream.ended
    assert stream.error is None


def test_sound_of_no_length_is_a_failure():
    stream = SoundStream()
    assert stream.receive_eof() == b""
    assert isinstance(stream.error, UpstreamBrokenError)
    assert not stream.ended
