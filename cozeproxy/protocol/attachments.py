"""Images, recordings and files inside a request.

Coze takes no file inside a message: it takes the id of an uploaded one, or an address that it
fetches itself (docs.coze.cn, chat_v3: object_string). So what comes as base64 is decoded here, to
be uploaded first. Addresses are passed on; nothing here or elsewhere in the service fetches what a
caller names.
"""

import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

import filetype

from cozeproxy.errors import RequestError
from cozeproxy.protocol.ids import coze_file_id
from cozeproxy.protocol.openai import Part

T = TypeVar("T")

_DATA_URL = re.compile(r"^data:[^,]*,", re.IGNORECASE)
_WEB_URL = re.compile(r"https?://[^\s/]", re.IGNORECASE)
# Formats that others are built on: the name's extension knows better which one it is.
_CONTAINERS = ("zip", "doc", "xml")
_EXTENSION = re.compile(r"[a-z0-9]{1,10}")
# In a file's name: it goes into a header of the upload.
_UNSAFE = re.compile(r"[^\w .()-]")
# Characters of base64 that are decoded at a time: no other thread can do anything meanwhile. A
# multiple of four, so that no group of characters is cut.
_AT_A_TIME = 2**20


@dataclass
class Attachment:
    """A file that must be uploaded: its bytes, and a name whose extension fits them.

    Coze refuses a file whose extension and content differ, with code 4000 (coze-py#153).

    Attributes:
        digest: of the bytes, by which they are known again.
    """

    name: str
    data: bytes

    def __post_init__(self) -> None:
        self.digest = hashlib.sha256(self.data).digest()


class Item(NamedTuple):
    """What stands for a part in Coze's message: its kind, and one of three places to find it."""

    kind: Literal["image", "file", "audio"]
    url: str | None = None
    file_id: str | None = None
    attachment: Attachment | None = None


def recognise(data: bytes) -> tuple[str, str]:
    """What a file is, by its bytes: its kind and its extension, empty where they do not show."""
    found = filetype.guess(data)
    return (found.mime.partition("/")[0], found.extension) if found else ("", "")


def attach(data: bytes, name: str) -> Attachment:
    """A file to be uploaded, under a name that Coze takes."""
    stem, dot, given = name.rpartition(".")
    if not dot:
        stem, given = given, ""
    _, extension = recognise(data)
    if (not extension or extension in _CONTAINERS) and _EXTENSION.fullmatch(given.lower()):
        extension = given.lower()
    stem = _UNSAFE.sub("_", stem)[:100] or "upload"
    return Attachment(f"{stem}.{extension or 'txt'}", data)


def read_part(part: Part, place: str) -> Item:
    """Read a part that is not text.

    Raises:
        RequestError: it is not what its type says; ``place`` is the start of ``param``.
    """
    if part.type == "image_url":
        place = f"{place}.image_url"
        if isinstance(part.image_url, str):
            return _image(part.image_url, place)
        image = _given(part.image_url, place)
        if image.file_id:
            return Item("image", file_id=coze_file_id(image.file_id, f"{place}.file_id"))
        return _image(_given(image.url, f"{place}.url"), f"{place}.url")
    if part.type == "input_audio":
        place = f"{place}.input_audio"
        audio = _given(part.input_audio, place)
        return _uploaded(_base64(audio.data, f"{place}.data"), f"{place}.data", only="audio")
    place = f"{place}.file"
    file = _given(part.file, place)
    if file.file_data:
        place = f"{place}.file_data"
        return _uploaded(_base64(file.file_data, place), place, name=file.filename or "")
    if file.file_url:
        return _file(file.file_url, f"{place}.file_url")
    file_id = coze_file_id(_given(file.file_id, f"{place}.file_id"), f"{place}.file_id")
    return Item("file", file_id=file_id)


def _image(url: str, place: str) -> Item:
    if _WEB_URL.match(url):
        return Item("image", url=url)
    if url[:5].lower() == "data:":
        return _uploaded(_base64(url, place), place, only="image")
    raise RequestError.invalid(place, "it is neither an http(s) address nor a data: URL")


def _file(url: str, place: str) -> Item:
    if not _WEB_URL.match(url):
        raise RequestError.invalid(place, "it is no http(s) address")
    return Item("file", url=url)


def _given(value: T | None, place: str) -> T:
    if value is None:
        raise RequestError.missing(place)
    return value


def _base64(text: str, place: str) -> bytes:
    head = _DATA_URL.match(text)
    start = head.end() if head else 0
    pieces = (text[i : i + _AT_A_TIME] for i in range(start, len(text), _AT_A_TIME))
    try:
        # ValueError: it is not even ASCII.
        data = b"".join([binascii.a2b_base64(piece, strict_mode=True) for piece in pieces])
    except ValueError as error:
        raise RequestError.invalid(place, "it is no base64") from error
    if not data:
        raise RequestError.invalid(place, "it is empty")
    # Padding is the end, and no piece but the last may have it.
    if text.find("=", start, len(text) - 2) >= 0:
        raise RequestError.invalid(place, "it is no base64")
    return data


def _uploaded(
    data: bytes, place: str, *, only: Literal["image", "audio"] | None = None, name: str = ""
) -> Item:
    kind, _ = recognise(data)
    if only and kind != only:
        raise RequestError.invalid(place, f"it is no {only} of a format that is known")
    attachment = attach(data, name)
    if kind == "image":
        return Item("image", attachment=attachment)
    return Item("audio" if kind == "audio" else "file", attachment=attachment)
