"""What Coze sends: the payloads of its events.

Shapes are those of cozepy 0.20.0 (``chat/__init__.py``), of the official documentation
(docs.coze.cn: chat_v3, workflow_stream_run, coze_error_codes) and of coze-studio. Only the fields
that are read are declared; all are optional, as each is missing somewhere in the wild. Numbers that
some deployments send as strings are accepted as both.
"""

from typing import Any, TypeVar

import msgspec

from cozeproxy.errors import UpstreamBrokenError

NULL = msgspec.Raw(b"null")

T = TypeVar("T")


class Message(msgspec.Struct, gc=False):
    """A message, or a fragment of one.

    ``content`` and ``reasoning_content`` stay JSON text: a delta's text goes to the caller as it
    came, without being decoded and encoded again.
    """

    id: str | int | None = None
    type: str | None = None
    content: msgspec.Raw = NULL
    reasoning_content: msgspec.Raw = NULL


class LastError(msgspec.Struct):
    """A chat's error. ``code`` is 0 or null where there is none."""

    code: int | str | None = None
    msg: str | None = None


class Usage(msgspec.Struct):
    """Tokens. coze-studio, and old samples of the documentation, say ``tokens`` for ``count``."""

    token_count: int | str | None = None
    input_count: int | str | None = None
    output_count: int | str | None = None
    input_tokens: int | str | None = None
    output_tokens: int | str | None = None


class Function(msgspec.Struct):
    """What a tool call calls; ``arguments`` is JSON text."""

    name: str | None = None
    arguments: str | None = None


class ToolCall(msgspec.Struct):
    """A call that waits for its output.

    ``type`` is ``function`` for a tool that the caller runs, or ``reply_message`` where a
    workflow's question waits for the user's next message; that one has neither id nor function.
    """

    id: str | None = None
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
    # Only chatflows of coze-studio have it.
    execute_id: str | int | None = None
    status: str | None = None
    last_error: LastError | None = None
    usage: Usage | None = None
    required_action: RequiredAction | None = None
    code: int | str | None = None
    msg: str | None = None


class NodeMessage(msgspec.Struct):
    """A ``Message`` of a workflow: what a node says, or a piece of it.

    ``node_seq_id`` counts a node's pieces and is a string with a number; the End node has the title
    "" or "End", and where there is a ``node_type``, that is "End".
    """

    content: msgspec.Raw = NULL
    node_title: str | None = None
    node_type: str | None = None
    node_seq_id: str | int | None = None
    node_is_finish: bool | None = None
    usage: Usage | None = None


class InterruptData(msgspec.Struct):
    """What a workflow waits for. ``type`` 2 is a question node, 5 an input node."""

    event_id: str
    type: int | str = 0
    # Of an input node, the form that it asks for (coze-studio).
    data: Any = None
    required_parameters: Any = None


class Interrupt(msgspec.Struct):
    """``Interrupt``: the workflow waits. coze-studio leaves out the node's title."""

    interrupt_data: InterruptData
    node_title: str | None = None


class RunError(msgspec.Struct):
    """``Error``: the workflow has failed."""

    error_code: int | str | None = None
    error_message: str | None = None


class Done(msgspec.Struct):
    """``Done`` of a workflow, ``done`` of a chatflow: an object that may be empty."""

    debug_url: str | None = None


class Verbose(msgspec.Struct):
    """The JSON inside the content of a ``verbose`` message; ``data`` is JSON text, or empty."""

    msg_type: str | None = None
    data: str | None = None


class FinishData(msgspec.Struct):
    """The JSON inside ``data`` of ``generate_answer_finish``: 1 after an interrupt, else 0."""

    finish_reason: int = 0


message_decoder = msgspec.json.Decoder(Message)
chat_decoder = msgspec.json.Decoder(Chat)
node_decoder = msgspec.json.Decoder(NodeMessage)
interrupt_decoder = msgspec.json.Decoder(Interrupt)
run_error_decoder = msgspec.json.Decoder(RunError)
_done_decoder = msgspec.json.Decoder(Done)
_text_decoder = msgspec.json.Decoder(str)
_verbose_decoder = msgspec.json.Decoder(Verbose)
_finish_decoder = msgspec.json.Decoder(FinishData)


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


def number(found: int | str | None) -> int | None:
    """A number of Coze's, which some deployments send as text; None where it is neither."""
    try:
        return int(found) if found is not None else None
    except ValueError:
        return None


def tokens(usage: Usage) -> tuple[int, int]:
    """The tokens of the request and of the answer, whatever this deployment calls them."""
    return (
        number(usage.input_count) or number(usage.input_tokens) or 0,
        number(usage.output_count) or number(usage.output_tokens) or 0,
    )


def text(raw: msgspec.Raw) -> bytes:
    """A message's text as it stands in the JSON, quotes and all; nothing where there is none.

    Raises:
        UpstreamBrokenError: it is not a string.
    """
    found = bytes(raw)
    if found.startswith(b'"'):
        return found if len(found) > 2 else b""
    if found == b"null":
        return b""
    raise UpstreamBrokenError("Coze sent a message whose text is not a string.")


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


def debug_url(data: bytes) -> str | None:
    """Where Coze shows the run of a workflow, if the end of a stream tells."""
    try:
        return _done_decoder.decode(data).debug_url
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None  # the end of a chat is the string "[DONE]", coze-studio's is nothing
