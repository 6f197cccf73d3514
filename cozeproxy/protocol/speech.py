"""Speech: the call of Coze that a request for it becomes, and the sound that comes back.

What Coze takes is in its documentation (docs.coze.cn, text_to_speech): 1024 bytes of text, the id
of a voice, four formats. Its answer is the sound itself, and JSON where it refuses.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from cozeproxy.errors import RequestError, ServiceError, UpstreamBrokenError
from cozeproxy.protocol.attachments import Attachment
from cozeproxy.protocol.ids import ID
from cozeproxy.protocol.parsing import parse
from cozeproxy.protocol.request import Call
from cozeproxy.protocol.response import RunningChat

MAX_INPUT_BYTES = 1024
SLOWEST, FASTEST = 0.2, 3.0
# By OpenAI's name: Coze's name, and the type of the content. Both mean Opus in Ogg, and samples of
# 16 bits and 24 kHz.
FORMATS: Mapping[str, tuple[str, str]] = {
    "mp3": ("mp3", "audio/mpeg"),
    "opus": ("ogg_opus", "audio/opus"),
    "wav": ("wav", "audio/wav"),
    "pcm": ("pcm", "audio/pcm"),
}
# OpenAI's voices (openai-python 3.57, speech_create_params). No id of Coze's is called so.
VOICES = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx"),
    *("sage", "shimmer", "verse"),
)


class CustomVoice(msgspec.Struct):
    """A voice of the caller's own."""

    id: str


class SpeechOptions(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The field ``coze`` of a request: what Coze has, under Coze's names."""

    sample_rate: int | None = None
    emotion: str | None = None
    emotion_scale: float | None = None
    loudness_rate: int | None = None


class SpeechRequest(msgspec.Struct, kw_only=True):
    """The body of ``POST /v1/audio/speech``. The model is that of the voice, whatever is named."""

    model: str
    input: str
    voice: str | CustomVoice
    response_format: str | None = None
    speed: float | None = None
    instructions: str | None = None
    stream_format: str | None = None
    user: str | None = None
    coze: SpeechOptions | None = None


class Speech(NamedTuple):
    """How one request for speech is served.

    Attributes:
        model: that the request names.
        call: makes the call.
        content_type: of the sound.
        user: the end user, where the request names one.
        attachments: none.
    """

    model: str
    call: Callable[[Iterator[str]], Call]
    content_type: str
    user: str | None
    attachments: Sequence[Attachment] = ()


_decoder = msgspec.json.Decoder(SpeechRequest)


def read_speech(body: bytes, voices: Mapping[str, str]) -> Speech:
    """Read a request, and make the call that it becomes.

    Args:
        body: of the request.
        voices: names of voices, and Coze's ids of them.

    Raises:
        RequestError: it cannot be served; ``param`` names the place.
    """
    request = parse(_decoder, body)
    form, content_type = _format(request)
    fields: dict[str, Any] = {
        "input": _input(request.input),
        "voice_id": _voice(request.voice, voices),
        "response_format": form,
        "speed": _speed(request.speed),
        "context_texts": request.instructions or None,
        **msgspec.to_builtins(request.coze or SpeechOptions()),
    }
    sent = {name: value for name, value in fields.items() if value is not None}
    call = Call("/v1/audio/speech", {}, msgspec.json.encode(sent), "audio/*")
    return Speech(request.model, lambda _: call, content_type, request.user)


def _format(request: SpeechRequest) -> tuple[str, str]:
    if request.stream_format not in (None, "audio"):
        raise RequestError(
            "'stream_format' cannot be served: Coze sends the sound itself, which is 'audio'.",
            param="stream_format",
            code="unsupported_value",
        )
    wanted = request.response_format or "mp3"
    if wanted not in FORMATS:
        raise RequestError(
            f"'response_format' cannot be served: Coze has {', '.join(FORMATS)}.",
            param="response_format",
            code="unsupported_value",
        )
    return FORMATS[wanted]


def _input(text: str) -> str:
    size = len(text.encode())
    if size > MAX_INPUT_BYTES:
        raise RequestError(
            f"Invalid 'input': Coze takes {MAX_INPUT_BYTES} bytes of UTF-8 at a time, and these"
            f" are {size}.",
            param="input",
            code="string_above_max_length",
        )
    if not text:
        raise RequestError.invalid("input", "it is empty")
    return text


def _voice(given: str | CustomVoice, voices: Mapping[str, str]) -> str:
    name = given if isinstance(given, str) else given.id
    found = voices.get(name, name)
    if found in VOICES:
        raise RequestError.invalid(
            "voice",
            f"'{found}' is no voice of Coze's, and the service's VOICE_MAP does not say which one"
            " it stands for; the id of a voice at Coze can be sent as well",
        )
    if not ID.fullmatch(found):
        raise RequestError.invalid(
            "voice", "it is neither a name that the service knows nor the id of a voice at Coze"
        )
    return found


def _speed(speed: float | None) -> float | None:
    if speed is not None and not SLOWEST <= speed <= FASTEST:
        raise RequestError.invalid("speed", f"Coze speaks from {SLOWEST:g} to {FASTEST:g}")
    return speed


class SoundStream:
    """Gives a sound on as it comes. From outside it looks like a ChatStream.

    Attributes:
        error: why there is no sound, None where there is one.
        ended: Coze has sent all of it.
        info: ``logid``.
    """

    # There is no call that ends it, and nothing that is counted.
    running: RunningChat | None = None
    tokens: tuple[int, int] | None = None

    def __init__(self) -> None:
        self.error: ServiceError | None = None
        self.ended = False
        self.info: dict[str, Any] = {}
        self._begun = False

    def start(self) -> bytes:
        """Give nothing: a sound has no beginning of our own."""
        return b""

    def failure(self, _error: ServiceError) -> bytes:
        """Give nothing: a sound has no place for it."""
        return b""

    def receive_data(self, data: bytes) -> bytes:
        """Take a piece, and give it on."""
        self._begun = True
        return data

    def receive_eof(self) -> bytes:
        """Take the end of the bytes, which is that of the sound."""
        if self._begun:
            self.ended = True
        else:
            self.error = UpstreamBrokenError("Coze sent a sound of no length.")
        return b""
