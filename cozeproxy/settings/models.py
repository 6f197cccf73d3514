"""The map of models: names that callers use, and the bots and workflows that they stand for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, get_args

from cozeproxy.settings.maps import read_map
from cozeproxy.settings.values import ModelType, identifier

IDS = ("bot_id", "workflow_id", "app_id")
KEYS = ("type", *IDS, "parameters")
SHAPE = 'JSON such as {"gpt-4o": {"type": "chat", "bot_id": "7400..."}}, or a file with it'


def model_map(value: str) -> Mapping[str, Mapping[str, Any]]:
    """Read the map, from JSON or from the file that is named.

    Raises:
        ValueError: what is wrong, with the entry's name, worded to follow "must be".
    """
    found = read_map(value, SHAPE)
    for name, entry in found.items():
        wrong = _wrong(entry)
        if wrong:
            raise ValueError(f"{SHAPE}; in the entry {name!r} {wrong}")
    return MappingProxyType(found)


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
