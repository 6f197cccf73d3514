"""What Coze accepts: pure checks of request bodies.

Each raises :class:`CozeError` with Coze's code. Fields that are null count as absent: cozepy 0.20.0
dumps every field of a message (chat/__init__.py, _create).
"""

import json
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from cozeproxy.sandbox.errors import CozeError
from cozeproxy.sandbox.state import StoredFile

MOST_CHAT_MESSAGES = 100
MOST_CHATFLOW_MESSAGES = 50
# docs.coze.cn, chat_v3: meta_data.
MOST_PAIRS, LONGEST_KEY, LONGEST_VALUE = 16, 64, 512

_INPUT_TYPES = ("question", "answer", "function_call", "tool_output", "tool_response")
_SAVED_TYPES = ("question", "answer")
_MEDIA = ("image", "file", "audio")
_PUBLISH_STATUSES = ("published_online", "unpublished_draft")

# How the content of a file begins, by the extensions it may have.
_SIGNATURES = {
    ("png",): (b"\x89PNG\r\n\x1a\n",),
    ("jpg", "jpeg"): (b"\xff\xd8\xff",),
    ("gif",): (b"GIF87a", b"GIF89a"),
    ("webp", "wav"): (b"RIFF",),
    ("pdf",): (b"%PDF-",),
    ("docx", "xlsx", "pptx", "zip"): (b"PK\x03\x04",),
    ("ogg",): (b"OggS",),
}

FindFile = Callable[[str], StoredFile | None]


def text_field(body: Mapping[str, Any], name: str) -> str:
    """Return a required string; a number in its place is 4000."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise CozeError(4000)
    return value


def chat_request(body: Mapping[str, Any], find_file: FindFile) -> None:
    """Check the body of /v3/chat (docs.coze.cn, chat_v3)."""
    text_field(body, "bot_id")
    text_field(body, "user_id")
    for name in ("stream", "auto_save_history", "enable_card"):
        _expect(body, name, bool)
    saved = body.get("auto_save_history") is not False
    if body.get("stream") is not True and not saved:
        raise CozeError(4007)
    meta_data(body)
    _string_map(body, "custom_variables")
    _string_map(body, "extra_params")
    _expect(body, "parameters", dict)
    _expect(body, "shortcut_command", dict)
    if (body.get("publish_status") or _PUBLISH_STATUSES[0]) not in _PUBLISH_STATUSES:
        raise CozeError(4000)
    if body.get("bot_version") and body.get("publish_status") == "unpublished_draft":
        raise CozeError(4000, "bot_version cannot be used with unpublished_draft.")
    messages(body, MOST_CHAT_MESSAGES, saved=saved, find_file=find_file)


def chatflow_request(body: Mapping[str, Any], find_file: FindFile) -> None:
    """Check the body of /v1/workflows/chat (docs.coze.cn, workflow_chat)."""
    text_field(body, "workflow_id")
    if bool(body.get("app_id")) == bool(body.get("bot_id")):
        raise CozeError(4000, "Exactly one of app_id and bot_id must be given.")
    _expect(body, "parameters", dict)
    _string_map(body, "ext")
    given = messages(body, MOST_CHATFLOW_MESSAGES, saved=True, find_file=find_file)
    if not given or given[-1]["role"] != "user":
        raise CozeError(4000, "The last of additional_messages must have the role user.")
    if any(message.get("content_type") == "object_string" for message in given):
        raise CozeError(4000, "Only messages of content_type text are supported.")


def workflow_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """Check the body of a workflow run (docs.coze.cn, workflow_run) and return its parameters.

    They are an object, or one serialised to a string: the documents have both.
    """
    text_field(body, "workflow_id")
    if body.get("bot_id") and body.get("app_id"):
        raise CozeError(4000, "bot_id and app_id cannot be given together.")
    _string_map(body, "ext")
    parameters = body.get("parameters") or {}
    if isinstance(parameters, str):
        parameters = _decoded(parameters)
    if not isinstance(parameters, dict):
        raise CozeError(4000, "parameters must be an object.")
    return parameters


def messages(
    body: Mapping[str, Any], most: int, *, saved: bool, find_file: FindFile
) -> list[dict[str, Any]]:
    """Check ``additional_messages`` and return them."""
    given = body.get("additional_messages") or []
    if not isinstance(given, list) or not all(isinstance(message, dict) for message in given):
        raise CozeError(4000)
    if len(given) > most:
        raise CozeError(4004)
    for message in given:
        message_fields(message, saved=saved)
    plain = [message.get("content_type") != "object_string" for message in given]
    for place, message in enumerate(given):
        if not plain[place]:
            neighbours = chain(plain[max(place - 1, 0) : place], plain[place + 1 : place + 2])
            object_string(message["content"], beside_text=any(neighbours), find_file=find_file)
    return given


def message_fields(message: Mapping[str, Any], *, saved: bool) -> None:
    """Check one message but for what an object_string holds."""
    role = message.get("role")
    if role not in ("user", "assistant"):
        raise CozeError(4000, f"The role {role!r} of a message is not supported.")
    kind = message.get("type") or "question"
    if kind not in (_SAVED_TYPES if saved else _INPUT_TYPES):
        raise CozeError(4000, f"The type {kind!r} of a message is not supported.")
    if kind == "question" and role != "user":
        # It is the default, so an answer must call itself one.
        raise CozeError(4000, "A message of the role assistant cannot have the type question.")
    if not isinstance(message.get("content"), str):
        raise CozeError(4000)
    if (message.get("content_type") or "text") not in ("text", "object_string"):
        raise CozeError(4000, "The content_type of a message must be text or object_string.")
    meta_data(message)


def object_string(content: str, *, beside_text: bool, find_file: FindFile) -> None:
    """Check a multimodal content (docs.coze.cn, chat_v3: object_string)."""
    items = _decoded(content)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise CozeError(4000, "The content of an object_string must be an array of objects.")
    texts = [item for item in items if item.get("type") == "text"]
    media = [item for item in items if item.get("type") in _MEDIA]
    if not items or len(texts) + len(media) != len(items):
        raise CozeError(4000, "An object_string holds items of the types text, image, file, audio.")
    if len(texts) > 1 or not all(isinstance(item.get("text"), str) for item in texts):
        raise CozeError(4000, "An object_string can hold one text at most.")
    if not media:
        raise CozeError(4000, "Text alone must be sent with the content_type text.")
    if not texts and not beside_text:
        raise CozeError(4000, "Files without text need a text message beside them.")
    for item in media:
        _medium(item, find_file)


def meta_data(body: Mapping[str, Any]) -> None:
    """Check ``meta_data``: 4003 where it is over a limit."""
    _string_map(body, "meta_data")
    pairs = body.get("meta_data") or {}
    if len(pairs) > MOST_PAIRS or not all(
        1 <= len(key) <= LONGEST_KEY and 1 <= len(value) <= LONGEST_VALUE
        for key, value in pairs.items()
    ):
        raise CozeError(4003)


def _medium(item: Mapping[str, Any], find_file: FindFile) -> None:
    file_id, url = item.get("file_id"), item.get("file_url")
    if file_id:
        stored = find_file(file_id) if isinstance(file_id, str) else None
        if stored is None:
            raise CozeError(4000, f"The file {file_id} does not exist or is not yours.")
        if not _extension_fits(stored):
            raise CozeError(4000, f"The extension of {stored.name} does not match its content.")
    elif not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise CozeError(4000, "An item needs a file_id, or a file_url that is public.")


def _extension_fits(stored: StoredFile) -> bool:
    extension = stored.name.rpartition(".")[2].lower()
    for extensions, starts in _SIGNATURES.items():
        if stored.head.startswith(starts):
            return extension in extensions
        if extension in extensions:
            return False
    return True


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise CozeError(4000) from None


def _expect(body: Mapping[str, Any], name: str, kind: type) -> None:
    if body.get(name) is not None and not isinstance(body[name], kind):
        raise CozeError(4000)


def _string_map(body: Mapping[str, Any], name: str) -> None:
    _expect(body, name, dict)
    if not all(isinstance(value, str) for value in (body.get(name) or {}).values()):
        raise CozeError(4000)
