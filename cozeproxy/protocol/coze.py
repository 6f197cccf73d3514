"""What Coze sends: the payloads of its events, and its error bodies.

Shapes are those of cozepy 0.20.0 (``chat/__init__.py``), of the official documentation
(docs.coze.cn: chat_v3, workflow_stream_run, coze_error_codes) and of coze-studio. Only the fields
that are read are declared; all are optional, as each is missing somewhere in the wild. Numbers that
some deployments send as strings are accepted as both.
"""

from typing import NoReturn, TypeVar

import msgspec

from cozeproxy.errors import CozeError, UpstreamBrokenError, UpstreamError, UpstreamStatusError

NULL = msgspec.Raw(b"null")

T = TypeVar("T")


class Message(msgspec.Struct):
    """A message, or a fragment of one.

    ``content`` and ``reasoning_content`` stay JSON text: a delta's text goes to the caller as it
    came, without being decoded and encoded again.
    """

    id: str | int | None = None
    type: str | None = None
    content: msgspec.Raw = NULL
    content_type: str | None = None
    reasoning_content: msgspec.Raw = NULL


class LastError(msgspec.Struct):
    """A chat's error. ``code`` is 0 or null where there is none."""

    code: int | str | None = None
    msg: str | None = None


class Usage(msgspec.Struct):
    """Tokens. Old samples of the documentation name the fields otherwise; recordings do not."""

    token_count: int = 0
    input_count: int = 0
    output_count: int = 0


class Chat(msgspec.Struct):
    """The payload of ``conversation.chat.*``, of ``error``, and of errors sent without a name.

    ``conversation.chat.failed`` carries its error in ``last_error`` (recorded), or as ``code`` and
    ``msg`` at the top, the code possibly a string (documented).
    """

    id: str | int | None = None
    conversation_id: str | int | None = None
    status: str | None = None
    last_error: LastError | None = None
    usage: Usage | None = None
    code: int | str | None = None
    msg: str | None = None


class Detail(msgspec.Struct):
    """What stands beside an error for Coze's support."""

    logid: str | None = None


class Envelope(msgspec.Struct):
    """The JSON around every answer that is not a stream. A missing ``code`` means success."""

    code: int | str | None = None
    msg: str | None = None
    detail: Detail | None = None


message_decoder = msgspec.json.Decoder(Message)
chat_decoder = msgspec.json.Decoder(Chat)
_envelope_decoder = msgspec.json.Decoder(Envelope)


def decode(decoder: msgspec.json.Decoder[T], event: bytes, data: bytes) -> T:
    """Decode an event's data.

    Raises:
        UpstreamBrokenError: it is not the JSON that this event carries.
    """
    try:
        # Text that stays JSON text is not checked for being UTF-8 by the decoder.
        if not data.isascii():
            data.decode()
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        name = event.decode("ascii", "replace")[:64]
        raise UpstreamBrokenError(
            f"Coze sent an event ({name!r}) that cannot be decoded."
        ) from error


def number(code: int | str | None) -> int | None:
    """Coze's code as a number, None where it is neither one nor the text of one."""
    try:
        return int(code) if code is not None else None
    except ValueError:
        return None


def chat_error(chat: Chat, logid: str | None) -> CozeError:
    """Find the error in a payload that reports a failure, wherever this deployment put it."""
    last = chat.last_error
    if last is not None and number(last.code) not in (0, None):
        return CozeError(number(last.code), last.msg or "", logid)
    return CozeError(number(chat.code), chat.msg or (last.msg if last else "") or "", logid)


def raise_for_answer(
    status: int, content_type: str, body: bytes, *, logid: str | None, retry_after: str | None
) -> NoReturn:
    """Raise what an answer means that came where a stream was asked for.

    Coze reports errors as one JSON object, mostly with HTTP status 200, so the status alone decides
    nothing.
    """
    error = _error_in(status, content_type, body, logid)
    error.retry_after = retry_after
    raise error


def _error_in(status: int, content_type: str, body: bytes, logid: str | None) -> UpstreamError:
    try:
        envelope = _envelope_decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        envelope = None
    if envelope is not None:
        code = number(envelope.code)
        logid = (envelope.detail.logid if envelope.detail else None) or logid
        if code not in (0, None):
            return CozeError(code, envelope.msg or "", logid)
        if status < 400:
            return UpstreamBrokenError("Coze answered with JSON where a stream was asked for.")
    if status >= 400:
        return UpstreamStatusError(
            status, f"{content_type or 'nothing'}, without a code of its own"
        )
    return UpstreamBrokenError(
        f"Coze answered with {content_type or 'no content type'} where a stream was asked for."
    )
