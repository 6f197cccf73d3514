"""Transcriptions: what Coze takes as a recording, and what callers get for what it heard.

Coze tells the text and nothing of when it was said (docs.coze.cn, audio_transcriptions). So a
transcription that is streamed is one piece, and its end.
"""

from collections.abc import Sequence

import msgspec

from cozeproxy.errors import RequestError, UpstreamBrokenError
from cozeproxy.protocol import sse
from cozeproxy.protocol.attachments import Attachment, attach, recognise

MAX_RECORDING_BYTES = 10 * 1024 * 1024
# Those of Coze's that show in the bytes; opus and spx are ogg as well, pcm and raw do not show.
RECORDINGS = ("aac", "amr", "m4a", "mp3", "mp4", "ogg", "wav")
FORMATS = ("json", "text")
# Accepted, without effect: Coze has no such settings.
IGNORED = (
    "chunking_strategy",
    "keywords",
    "known_speaker_names",
    "known_speaker_references",
    "language",
    "languages",
    "prompt",
    "temperature",
)
# Whoever sends these would miss what they ask for.
REFUSED = ("include", "timestamp_granularities")

_encode = msgspec.json.encode


class _Heard(msgspec.Struct):
    text: str


class _Answer(msgspec.Struct):
    data: _Heard


_decoder = msgspec.json.Decoder(_Answer)


def check_format(given: str | None) -> str:
    """The form that a transcription is to have.

    Raises:
        RequestError: it is one that has more than a text.
    """
    wanted = given or "json"
    if wanted not in FORMATS:
        raise RequestError(
            "'response_format' cannot be served: Coze tells the text alone, which is"
            f" {' or '.join(FORMATS)}.",
            param="response_format",
            code="unsupported_value",
        )
    return wanted


def refuse(given: Sequence[str]) -> None:
    """Refuse what a caller asks for beyond the text.

    Args:
        given: which of REFUSED there are.

    Raises:
        RequestError: there are some.
    """
    if given:
        raise RequestError(
            f"'{given[0]}' cannot be served: Coze tells the text alone.",
            param=given[0],
            code="unsupported_parameter",
        )


def recording(data: bytes, name: str) -> Attachment:
    """A recording that Coze takes, under a name that it takes.

    Raises:
        RequestError: it is too large, or of a format that Coze does not know.
    """
    if len(data) > MAX_RECORDING_BYTES:
        raise RequestError(
            f"Invalid 'file': Coze takes recordings of up to {MAX_RECORDING_BYTES} bytes, and this"
            f" has {len(data)}.",
            param="file",
            code="file_too_large",
            status=413,
        )
    kind, extension = recognise(data)
    if kind and extension not in RECORDINGS:
        raise RequestError(
            f"Invalid 'file': it is {extension}, and Coze takes {', '.join(RECORDINGS)}.",
            param="file",
            code="unsupported_file_type",
            status=415,
        )
    return attach(data, name)


def read_transcription(answer: bytes) -> str:
    """Read what Coze heard.

    Raises:
        UpstreamBrokenError: it does not tell.
    """
    try:
        return _decoder.decode(answer).data.text
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UpstreamBrokenError("Coze took a recording, but tells of no text.") from error


def events_of(text: str) -> bytes:
    """A transcription as a stream, from its beginning to its end."""
    delta = {"type": "transcript.text.delta", "delta": text}
    done = {"type": "transcript.text.done", "text": text}
    return sse.encode(_encode(delta)) + sse.encode(_encode(done))
