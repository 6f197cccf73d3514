"""Keys of callers: who may use the service, and what each may use.

What is kept of a key is its SHA-256 digest, also where the settings have the key itself.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cozeproxy.settings.values import MASK, identifier

FILE_SHAPE = (
    'a file with JSON such as {"ann": {"sha256": "<64 hex digits>", "bot_ids": ["7400..."],'
    ' "workflow_ids": [], "max_concurrent": 5}}'
)
ENTRY_KEYS = ("sha256", "bot_ids", "workflow_ids", "max_concurrent")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True)
class CallerKey:
    """A key of callers.

    Attributes:
        name: for logs and for Coze's user ids; None where the key has none.
        digest: SHA-256 of the key.
        allowed: ids of the bots and workflows that it may use; None is all of them.
        max_concurrent: how many requests it may have open; None is any number.
    """

    name: str | None
    digest: bytes = field(repr=False)
    allowed: frozenset[str] | None = None
    max_concurrent: int | None = None

    def __str__(self) -> str:
        return f"{self.name}:{MASK}" if self.name else MASK


def digest_of(key: str) -> bytes:
    """SHA-256 of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def caller_keys(value: str) -> tuple[CallerKey, ...]:
    """Keys with commas between, each with its name and a colon in front, or without."""
    found: list[CallerKey] = []
    for part in filter(None, (part.strip() for part in value.split(","))):
        name, colon, key = part.partition(":")
        if not colon:
            name, key = "", part
        if not re.fullmatch(r"[!-~]{8,}", key) or (name and not _NAME.fullmatch(name)):
            raise ValueError(
                "keys of at least 8 characters, or name:key pairs, with commas between"
            )
        found.append(CallerKey(name or None, digest_of(key)))
    if not found:
        # No keys would let everybody in, which is not what somebody wants who sets them.
        raise ValueError("at least one key")
    return tuple(found)


def first_key(value: str) -> str:
    """The first of such keys itself, without its name, for asking a service of one's own."""
    first = next(filter(None, (part.strip() for part in value.split(","))), "")
    name, colon, key = first.partition(":")
    return key if colon else name


def caller_keys_file(value: str) -> tuple[CallerKey, ...]:
    """Keys from a file, as digests, with what each may use.

    Raises:
        ValueError: what is wrong, with the entry's name, worded to follow "must be".
    """
    try:
        found = json.loads(Path(value).read_text(encoding="utf-8"), object_pairs_hook=_each_once)
    except OSError as error:
        raise ValueError(f"{FILE_SHAPE}; there is no such file that can be read") from error
    except ValueError as error:
        raise ValueError(f"{FILE_SHAPE}; this is no JSON: {error}") from error
    if not isinstance(found, dict) or not found:
        # No keys would let everybody in, which is not what somebody wants who sets them.
        raise ValueError(FILE_SHAPE)
    return tuple(_entry(name, entry) for name, entry in found.items())


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Of two that have one name JSON's readers take the last, and the limits of the other are gone.
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _entry(name: str, entry: Any) -> CallerKey:
    def wrong(what: str) -> ValueError:
        return ValueError(f"{FILE_SHAPE}; in the entry {name!r} {what}")

    if not _NAME.fullmatch(name):
        raise wrong("the name must have letters, digits, '_', '.' and '-', at most 64")
    if not isinstance(entry, dict):
        raise wrong("there is no object")
    if entry.keys() - set(ENTRY_KEYS):
        raise wrong(f"only {', '.join(ENTRY_KEYS)} may stand")
    digest = entry.get("sha256")
    if not isinstance(digest, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", digest):
        raise wrong("'sha256' must be the key's digest, 64 hex digits")
    if bytes.fromhex(digest) == digest_of(""):
        raise wrong("'sha256' is the digest of nothing, which every caller without a key has")
    limit = entry.get("max_concurrent")
    if limit is not None and (type(limit) is not int or limit < 1):
        raise wrong("'max_concurrent' must be a whole number from 1")
    ids = [entry.get("bot_ids"), entry.get("workflow_ids")]
    if any(part is not None and not _are_ids(part) for part in ids):
        raise wrong("'bot_ids' and 'workflow_ids' must be lists of ids")
    named = any(part is not None for part in ids)
    allowed = frozenset(id_ for part in ids for id_ in part or ()) if named else None
    return CallerKey(name, bytes.fromhex(digest), allowed, limit)


def _are_ids(found: object) -> bool:
    if not isinstance(found, list):
        return False
    try:
        return all(identifier(id_) for id_ in found)
    except (ValueError, TypeError):
        return False
