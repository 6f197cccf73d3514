"""Files: what Coze tells of one, and OpenAI's object of it.

Coze knows no purposes, so a file's purpose is inside the id that the caller gets.
"""

from typing import Any

import msgspec

from cozeproxy.errors import RequestError, UpstreamBrokenError
from cozeproxy.protocol.coze import number
from cozeproxy.protocol.ids import FileId

# OpenAI's API reference: those that an upload may have.
PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")


class CozeFile(msgspec.Struct):
    """A file at Coze. Where it tells an id, it tells the rest; numbers may be texts."""

    id: str
    file_name: str = ""
    bytes: int | str | None = None
    created_at: int | str | None = None


class _Answer(msgspec.Struct):
    data: CozeFile


_decoder = msgspec.json.Decoder(_Answer)


def read_file(answer: bytes) -> CozeFile:
    """Read what Coze answers to an upload, or to a question about a file.

    Raises:
        UpstreamBrokenError: it tells of no file.
    """
    try:
        return _decoder.decode(answer).data
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UpstreamBrokenError("Coze answered for a file, but tells of none.") from error


def check_purpose(given: str | None) -> str:
    """The purpose of an upload.

    Raises:
        RequestError: there is none, or one that OpenAI does not know.
    """
    if given is None:
        raise RequestError.missing("purpose")
    if given not in PURPOSES:
        raise RequestError.invalid("purpose", f"it must be one of {', '.join(PURPOSES)}")
    return given


def file_object(file: CozeFile, purpose: str) -> dict[str, Any]:
    """OpenAI's object of a file: all seven keys are required."""
    return {
        "id": FileId(file.id, purpose).pack(),
        "object": "file",
        "bytes": number(file.bytes) or 0,
        "created_at": number(file.created_at) or 0,
        "filename": file.file_name,
        "purpose": purpose,
        "status": "processed",
    }
