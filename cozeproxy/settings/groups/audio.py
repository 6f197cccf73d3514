"""Settings of speech."""

from collections.abc import Mapping
from dataclasses import dataclass

from cozeproxy.settings import voices
from cozeproxy.settings.declaring import variable


@dataclass(frozen=True)
class AudioSettings:
    """What the names of voices stand for."""

    voice_map: Mapping[str, str] | None = variable(
        voices.voice_map,
        None,
        "Names of voices and the ids at Coze that they stand for: JSON, or the path of a file",
        example="your-voices.json",
    )
