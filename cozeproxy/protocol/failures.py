"""Failures that Coze reports, wherever a deployment or an endpoint puts them.

In a stream: as an ``error`` event, as ``conversation.chat.failed`` in three shapes, or without a
name. In place of a stream: as one JSON object, mostly with HTTP status 200.
"""

import re
from typing import NamedTuple

import msgspec

from cozeproxy.errors import (
    BAD_TOKEN,
    COZE_ANSWERS,
    CozeError,
    UpstreamBrokenError,
    UpstreamError,
    UpstreamStatusError,
)
from cozeproxy.protocol.coze import NULL, Chat, chat_decoder, decode, number
from cozeproxy.protocol.sse import Event

# A log id: letters and digits, or a UUID.
LOGID = re.compile(r"[0-9A-Za-z-]{1,100}")


class Detail(msgspec.Struct):
    """What stands beside an error for Coze's support."""

    logid: str | None = None


class Envelope(msgspec.Struct):
    """The JSON around every answer that is not a stream. A missing ``code`` means success."""

    code: int | str | None = None
    msg: str | None = None
    detail: msgspec.Raw = NULL


_detail_decoder = msgspec.json.Decoder(Detail | None)
_envelope_decoder = msgspec.json.Decoder(Envelope)


def chat_error(chat: Chat, logid: str | None) -> CozeError:
    """Find the error in a payload that reports a failure, wherever this deployment put it."""
    last = chat.last_error
    if last is not None and number(last.code) not in (0, None):
        return CozeError(number(last.code), last.msg or "", logid)
    return CozeError(number(chat.code), chat.msg or (last.msg if last else "") or "", logid)


def reported(event: Event, logid: str | None) -> CozeError | None:
    """The failure that an event reports which is no message and no state of a chat, if it does.

    Raises:
        UpstreamBrokenError: it has no name, and cannot be read.
    """
    name, data = event
    if name == b"error":
        return _event_error(data, logid)
    if name in (b"", b"message"):
        return _unnamed_error(data, logid)
    return None


def _event_error(data: bytes, logid: str | None) -> CozeError:
    """The failure that an ``error`` event reports."""
    try:
        return chat_error(decode(chat_decoder, b"error", data), logid)
    except UpstreamBrokenError:
        # coze-studio sends the bare text of an internal error.
        return CozeError(None, data.decode("utf-8", "replace")[:500], logid)


def _unnamed_error(data: bytes, logid: str | None) -> CozeError | None:
    """The failure in an event without a name, which clients of coze-studio report, if it is one."""
    chat = decode(chat_decoder, b"", data)
    return chat_error(chat, logid) if number(chat.code) not in (0, None) else None


class Reply(NamedTuple):
    """An answer of the upstream that is no stream."""

    status: int
    content_type: str
    body: bytes
    logid: str | None = None
    retry_after: str | None = None


def error_in(reply: Reply) -> UpstreamError | None:
    """What an answer says went wrong, None where nothing did.

    Coze reports errors as one JSON object, mostly with HTTP status 200, so the status alone decides
    nothing.
    """
    error = _error_in(reply)
    if error:
        error.retry_after = reply.retry_after
    return error


def _error_in(reply: Reply) -> UpstreamError | None:
    try:
        envelope = _envelope_decoder.decode(reply.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        envelope = None
    code = number(envelope.code) if envelope else None
    if envelope and code not in (0, None):
        error = CozeError(code, envelope.msg or "", _logid(envelope.detail) or reply.logid)
        if reply.status == 401 and code not in COZE_ANSWERS:
            # The status says what a code does not that nobody knows.
            error.answer = BAD_TOKEN
        return error
    if reply.status >= 400:
        return UpstreamStatusError(reply.status, reply.content_type or "no content type")
    if envelope is None:
        kind = reply.content_type or "no content type"
        return UpstreamBrokenError(f"Coze sent an answer ({kind}) that cannot be read.")
    return None


def _logid(detail: msgspec.Raw) -> str | None:
    """The log id beside an error. Of an error, nothing else depends on it."""
    try:
        found = _detail_decoder.decode(detail)
    except msgspec.MsgspecError:
        return None
    return known(LOGID, found.logid if found else None)


def known(form: re.Pattern[str], value: str | None) -> str | None:
    """A value that has the form of its kind: anything else could be made of what Coze was sent."""
    return value if value and form.fullmatch(value) else None
