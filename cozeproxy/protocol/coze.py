"""What Coze sends: the payloads of its events, and its error bodies.

Shapes are those of cozepy 0.20.0 (``chat/__init__.py``), of the official documentation
(docs.coze.cn: chat_v3, workflow_stream_run, coze_error_codes) and of coze-studio. Only the fields
that are read are declared; all are optional, as each is missing somewhere in the wild. Numbers that
some deployments send as strings are accepted as both.
"""

from typing import NamedTuple, TypeVar

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


class Function(msgspec.Struct):
    """What a tool call calls; ``arguments`` is JSON text."""

    name: str = ""
    arguments: str = ""


class ToolCall(msgspec.Struct):
    """A call that waits for its output.

    ``type`` is ``function`` for a tool that the caller runs, or ``reply_message`` where a
    workflow's question waits for the user's next message; that one has neither id nor function.
    """

    id: str = ""
    type: str | None = None
    function: Function | None = None


class SubmitToolOutputs(msgspec.Struct):
    """The calls of one step."""

    tool_calls: list[ToolCall] | None = None


class RequiredAction(msgspec.Struct):
    """What a chat waits for. It may be present and empty where the chat waits for nothing."""

    submit_tool_outputs: SubmitToolOutputs | None = None


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
    required_action: RequiredAction | None = None
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


class Verbose(msgspec.Struct):
    """The JSON inside the content of a ``verbose`` message; ``data`` is JSON text, or empty."""

    msg_type: str | None = None
    data: str | None = None


class FinishData(msgspec.Struct):
    """The JSON inside ``data`` of ``generate_answer_finish``: 1 after an interrupt, else 0."""

    finish_reason: int = 0


message_decoder = msgspec.json.Decoder(Message)
chat_decoder = msgspec.json.Decoder(Chat)
_text_decoder = msgspec.json.Decoder(str)
_verbose_decoder = msgspec.json.Decoder(Verbose)
_finish_decoder = msgspec.json.Decoder(FinishData)
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


def text(raw: msgspec.Raw) -> bytes:
    """A message's text as it stands in the JSON, quotes and all; nothing where there is none.

    Raises:
        UpstreamBrokenError: it is not a string.
    """
    found = bytes(raw)
    if found in (b"null", b'""'):
        return b""
    if not found.startswith(b'"'):
        raise UpstreamBrokenError("Coze sent a message whose text is not a string.")
    return found


def plain(raw: msgspec.Raw) -> str:
    """A message's text, decoded."""
    return _text_decoder.decode(text(raw) or b'""')


def finishes_answer(message: Message) -> bool | None:
    """What a ``verbose`` message says of the answer.

    True: ``generate_answer_finish``, the answer is complete. False: the chat was interrupted, for a
    tool's output or a reply. None: something else, as Coze adds kinds. Unlike the events
    themselves, their inside is a note that nothing depends on, so what cannot be read says nothing.
    """
    try:
        verbose = _verbose_decoder.decode(plain(message.content))
        if verbose.msg_type == "interrupt":
            return False
        if verbose.msg_type != "generate_answer_finish":
            return None
        return not verbose.data or _finish_decoder.decode(verbose.data).finish_reason == 0
    except msgspec.MsgspecError:
        return None


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
        logid = envelope.detail.logid if envelope.detail else None
        return CozeError(code, envelope.msg or "", logid or reply.logid)
    if reply.status >= 400:
        return UpstreamStatusError(reply.status, reply.content_type or "no content type")
    if envelope is None:
        kind = reply.content_type or "no content type"
        return UpstreamBrokenError(f"Coze sent an answer ({kind}) that cannot be read.")
    return None
