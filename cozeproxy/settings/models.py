"""The map of models: names that callers use, and the bots and workflows that they stand for."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from cozeproxy.settings.values import ModelType, identifier

IDS = ("bot_id", "workflow_id", "app_id")
KEYS = ("type", *IDS, "parameters")
SHAPE = 'JSON such as {"gpt-4o": {"type": "chat", "bot_id": "7400..."}}, or a file with it'


def model_map(value: str) -> Mapping[str, Mapping[str, Any]]:
    """Read the map, from JSON or from the file that is named.

    Raises:
        ValueError: what is wrong, with the entry's name, worded to follow "must be".
    """
    try:
        text = value if value.startswith("{") else Path(value).read_text(encoding="utf-8")
        found = json.loads(text, object_pairs_hook=_each_once)
    except OSError as error:
        raise ValueError(f"{SHAPE}; there is no such file that can be read") from error
    except ValueError as error:
        raise ValueError(f"{SHAPE}; this is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(SHAPE)  # noqa: TRY004 - it is about the text that was given
    for name, entry in found.items():
        wrong = _wrong(entry)
        if wrong:
            raise ValueError(f"{SHAPE}; in the entry {name!r} {wrong}")
    return MappingProxyType(found)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs) or "" in found:
        raise ValueError("a name stands twice, or is empty")
    return found


def _wrong(entry: object) -> str | None:
    if not isinstance(entry, dict):
        return "there is no object"
    unknown = entry.keys() - set(KEYS)
    if unknown:
        return f"{min(unknown)!r} is unknown: there are {', '.join(KEYS)}"
    if entry.get("type") not in get_args(ModelType):
        return f"'type' must be one of {', '.join(get_args(ModelType))}"
    if not isinstance(entry.get("parameters", {}), dict):
        return "'parameters' must be an object"
    for key in IDS:
        try:
            identifier(entry.get(key, "0"))
        except (ValueError, TypeError):
            return f"{key!r} must be the id as a string"
    return None
