"""Maps among the settings: JSON in the variable itself, or in a file that it names."""

import json
from pathlib import Path
from typing import Any


def read_map(value: str, shape: str) -> dict[str, Any]:
    """Read a map of names.

    Args:
        value: of the variable: a JSON object, or the path of a file with one.
        shape: what it must be, worded to follow "must be".

    Raises:
        ValueError: it is something else.
    """
    try:
        text = value if value.startswith("{") else Path(value).read_text(encoding="utf-8")
        found = json.loads(text, object_pairs_hook=_each_once)
    except OSError as error:
        raise ValueError(f"{shape}; there is no such file that can be read") from error
    except ValueError as error:
        raise ValueError(f"{shape}; this is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(shape)  # noqa: TRY004 - it is about the text that was given
    return found


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs) or "" in found:
        raise ValueError("a name stands twice, or is empty")
    return found
