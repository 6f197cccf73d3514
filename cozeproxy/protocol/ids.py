"""Ids that carry what a later request needs, so that the service need remember nothing.

A tool call that the caller must run waits inside Coze, under a conversation, a chat and Coze's own
id of the call. The id that the caller sees holds all of them and the bot, and comes back with the
tool's output: any copy of the service can go on from there. A workflow's question is the same.
"""

import base64
import binascii
import re
from typing import NamedTuple, TypeVar

import msgspec

from cozeproxy.errors import RequestError

T = TypeVar("T")

# What Coze's ids, and the ids that callers give in their place, may look like. They go into URLs
# and logs. Coze's are decimal numbers; this leaves room for others.
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

_FILE = re.compile(r"file-(?P<id>[0-9]{1,32})-(?P<purpose>[a-z_-]{1,32})")
# Base64 without its padding; "=" and "/" would not survive URLs and strict callers. The longest ids
# are those of responses that were to be cut before four long texts.
_PACKED = re.compile(r"[A-Za-z0-9_-]{1,8192}")


class CallId(NamedTuple):
    """A tool call that waits in a chat of Coze's.

    ``call`` is Coze's own id of it, opaque; ``leg`` says how many times before the chat was brought
    the outputs of such calls.
    """

    bot_id: str
    conversation_id: str
    chat_id: str
    call: str
    leg: int = 0

    def pack(self) -> str:
        """The id that the caller sees: letters, digits, ``-`` and ``_`` only."""
        return pack(_CALL, self if self.leg else self[:4])


class ResumeId(NamedTuple):
    """A question that a workflow waits with: Coze's id of the event, and its interrupt type."""

    workflow_id: str
    event_id: str
    kind: int

    def pack(self) -> str:
        """The id that the caller sees: letters, digits, ``-`` and ``_`` only."""
        return pack(_RESUME, self)


class _Call(msgspec.Struct, array_like=True):
    bot_id: str
    conversation_id: str
    chat_id: str
    call: str
    leg: int = 0


class FileId(NamedTuple):
    """An uploaded file: Coze's id of it, and OpenAI's purpose, which Coze has no place for."""

    id: str
    purpose: str

    def pack(self) -> str:
        """The id that the caller sees."""
        return f"file-{self.id}-{self.purpose}"


_CALL = "call_coze_"
_RESUME = "call_cozeflow_"
_call_decoder = msgspec.json.Decoder(_Call)
_resume_decoder = msgspec.json.Decoder(tuple[str, str, int])


def is_call_id(text: str) -> bool:
    """Whether this is meant as the id of a tool call. Other providers' histories hold others."""
    return text.startswith(_CALL)


def is_resume_id(text: str) -> bool:
    """Whether this is meant as the id of a workflow's question."""
    return text.startswith(_RESUME)


def unpack_call_id(text: str, param: str) -> CallId:
    """Read the id of a tool call.

    Raises:
        RequestError: it was changed on its way; ``param`` is where it stands.
    """
    decoded = unpack(text.removeprefix(_CALL), _call_decoder)
    found = CallId(*msgspec.structs.astuple(decoded)) if decoded else None
    # An id has one spelling: bits that decoding ignores must not make another.
    if not found or not all(map(ID.fullmatch, found[:3])) or found.leg < 0 or found.pack() != text:
        raise RequestError.invalid(param, "the id is not as it was given out")
    return found


def unpack_resume_id(text: str, param: str) -> ResumeId:
    """Read the id of a workflow's question.

    Raises:
        RequestError: it was changed on its way; ``param`` is where it stands.
    """
    found = unpack(text.removeprefix(_RESUME), _resume_decoder)
    if not found or not ID.fullmatch(found[0]) or ResumeId(*found).pack() != text:
        raise RequestError.invalid(param, "the id is not as it was given out")
    return ResumeId(*found)


def pack(prefix: str, id_: object) -> str:
    """Spell what an id holds: letters, digits, ``-`` and ``_`` only."""
    return prefix + base64.urlsafe_b64encode(msgspec.json.encode(id_)).decode().rstrip("=")


def unpack(packed: str, decoder: msgspec.json.Decoder[T]) -> T | None:
    """Read what is behind the prefix of an id; None where it is nothing of ours."""
    if not _PACKED.fullmatch(packed):
        return None
    try:
        return decoder.decode(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    except (binascii.Error, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def unpack_file_id(text: str) -> FileId | None:
    """Read the id of a file; None where it is none of ours."""
    found = _FILE.fullmatch(text)
    return FileId(found["id"], found["purpose"]) if found else None


def coze_file_id(file_id: str, param: str) -> str:
    """The Coze id of a file: the id itself, or what is inside one of ours.

    Raises:
        RequestError: it is neither.
    """
    ours = unpack_file_id(file_id)
    found = ours.id if ours else file_id
    if not ID.fullmatch(found):
        raise RequestError.invalid(param, "it is no file id")
    return found
