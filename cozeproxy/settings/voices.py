"""The map of voices: names that callers use, and the voices of Coze's that they stand for."""

from collections.abc import Mapping
from types import MappingProxyType

from cozeproxy.settings.maps import read_map
from cozeproxy.settings.values import identifier

SHAPE = 'JSON such as {"alloy": "7426..."}, or a file with it'


def voice_map(value: str) -> Mapping[str, str]:
    """Read the map, from JSON or from the file that is named.

    Raises:
        ValueError: what is wrong, with the name, worded to follow "must be".
    """
    found = read_map(value, SHAPE)
    for name, voice in found.items():
        try:
            identifier(voice)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{SHAPE}; what {name!r} stands for must be an id as text") from error
    return MappingProxyType(found)
