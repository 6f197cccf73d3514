"""/v1/audio/... (docs.coze.cn: text_to_speech, audio_transcriptions)."""

import hashlib
from collections.abc import Mapping
from typing import Any

from cozeproxy.sandbox import scenarios, validation
from cozeproxy.sandbox.errors import CozeError, missing_resource
from cozeproxy.sandbox.handler import Handler
from cozeproxy.sandbox.scenarios.voices import Speech
from cozeproxy.sandbox.sound import FORMATS, FRAMES
from cozeproxy.sandbox.stage import Left, Stage, play
from cozeproxy.sandbox.state import Script

MOST_INPUT_BYTES = 1024
MOST_RECORDING_BYTES = 10 * 1024 * 1024
SECONDS_A_CHARACTER = 0.02
# Those of both kinds of speech recognition (docs.coze.cn, audio_transcriptions).
RECORDINGS = ("opus", "ogg", "mp3", "wav", "m4a", "mp4", "pcm", "raw", "spx", "aac", "amr")
EMOTIONS = ["happy", "sad", "angry", "surprised", "fear", "hate", "excited", "coldness", "neutral"]


class SpeechHandler(Handler):
    """POST /v1/audio/speech: what is said comes as bytes, what is wrong as JSON."""

    async def post(self) -> None:
        """Speak with a voice; its id chooses the script."""
        self.authorize()
        body = self.json_body()
        text = _checked(body)
        voice = scenarios.VOICES.find(body["voice_id"])
        if voice is None:
            raise missing_resource("voice_id", body["voice_id"])
        make, content_type = FORMATS[body.get("response_format") or "mp3"]
        seconds = len(text) * SECONDS_A_CHARACTER / (body.get("speed") or 1)
        sound = make(seconds, body.get("sample_rate") or 24000)
        script = voice.script(Speech(body["voice_id"], sound, content_type))
        # There are no events.
        self.stage = Stage(self, lambda _number, _event: [])
        await self.sandbox.play(self._play(script, self.stage, text))

    async def _play(self, script: Script, stage: Stage, gate: str) -> None:
        try:
            await play(
                script,
                stage,
                watch=lambda _event: None,
                gate=lambda: self.sandbox.gates.step(gate),
            )
        except Left:
            return


class TranscriptionHandler(Handler):
    """POST /v1/audio/transcriptions."""

    def post(self) -> None:
        """Tell what was heard: of the same bytes the same, of others something else."""
        self.authorize()
        parts = self.request.files.get("file", [])
        if not parts:
            raise CozeError(4000, "A multipart field named file is required.")
        content, name = parts[0].body, parts[0].filename
        if not content:
            raise CozeError(4300)
        if len(content) > MOST_RECORDING_BYTES:
            raise CozeError(4302)
        if name.rpartition(".")[2].lower() not in RECORDINGS:
            raise CozeError(4303)
        self.succeed({"text": heard(content)})


def heard(content: bytes) -> str:
    """Return what stands for the words in a recording."""
    return f"{len(content)} bytes were heard, {hashlib.sha256(content).hexdigest()[:8]}."


def _checked(body: Mapping[str, Any]) -> str:
    """Check the body of a request for speech and return its text."""
    text = validation.text_field(body, "input")
    validation.text_field(body, "voice_id")
    if len(text.encode()) > MOST_INPUT_BYTES:
        raise CozeError(4000, f"input is longer than {MOST_INPUT_BYTES} bytes.")
    _one_of(body, "response_format", FORMATS)
    _one_of(body, "sample_rate", FRAMES)
    _one_of(body, "emotion", EMOTIONS)
    _between(body, "speed", 0.2, 3)
    _between(body, "emotion_scale", 1, 5)
    _between(body, "loudness_rate", -50, 100)
    if not isinstance(body.get("context_texts") or "", str):
        raise CozeError(4000)
    return text


def _one_of(body: Mapping[str, Any], name: str, allowed: Any) -> None:
    if body.get(name) is not None and body[name] not in allowed:
        raise CozeError(4000, f"{name} cannot be {body[name]!r}.")


def _between(body: Mapping[str, Any], name: str, least: float, most: float) -> None:
    value = body.get(name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise CozeError(4000, f"{name} must be a number from {least} to {most}.")
