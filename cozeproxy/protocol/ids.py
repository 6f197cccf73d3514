"""Ids that carry what a later request needs, so that the service need remember nothing.

A tool call that the caller must run waits inside Coze, under a conversation, a chat and Coze's own
id of the call. The id that the caller sees holds all of them and the bot, and comes back with the
tool's output: any copy of the service can go on from there.
"""

import base64
import binascii
import re
from typing import NamedTuple

import msgspec

from cozeproxy.errors import RequestError

# What Coze's ids, and the ids that callers give in their place, may look like. They go into URLs
# and logs. Coze's are decimal numbers; this leaves room for others.
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

_PREFIX = "call_coze_"
_FILE = re.compile(r"file-(?P<id>[0-9]{1,32})-(?P<purpose>[a-z_-]{1,32})")
# Base64 without its padding; "=" and "/" would not survive URLs and strict callers.
_PACKED = re.compile(r"[A-Za-z0-9_-]{1,1024}")


class CallId(NamedTuple):
    """A tool call that waits in Coze. ``call`` is Coze's own id of it, opaque."""

    bot_id: str
    conversation_id: str
    chat_id: str
    call: str

    def pack(self) -> str:
        """The id that the caller sees: letters, digits, ``-`` and ``_`` only."""
        return _PREFIX + base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


_decoder = msgspec.json.Decoder(tuple[str, str, str, str])


def is_ours(call_id: str) -> bool:
    """Whether an id looks like one of ours. Histories from other providers hold theirs."""
    return call_id.startswith(_PREFIX)


def unpack_call_id(call_id: str, param: str) -> CallId:
    """Read an id of ours.

    Raises:
        RequestError: it was changed on its way; ``param`` is where it stands.
    """
    unpacked = _unpack(call_id.removeprefix(_PREFIX))
    # An id has one spelling: bits that decoding ignores must not make another.
    if unpacked is None or unpacked.pack() != call_id:
        raise RequestError(
            f"Invalid '{param}': the id of a tool call is not as it was given out.",
            param=param,
            code="invalid_value",
        )
    return unpacked


def _unpack(packed: str) -> CallId | None:
    if not _PACKED.fullmatch(packed):
        return None
    try:
        text = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        unpacked = CallId(*_decoder.decode(text))
    except (binascii.Error, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return unpacked if all(map(ID.fullmatch, unpacked[:3])) else None


def coze_file_id(file_id: str, param: str) -> str:
    """The Coze id of a file: the id itself, or what is inside one of ours.

    Raises:
        RequestError: it is neither.
    """
    ours = _FILE.fullmatch(file_id)
    found = ours["id"] if ours else file_id
    if not ID.fullmatch(found):
        raise RequestError(f"Invalid '{param}': no file id.", param=param, code="invalid_value")
    return found
