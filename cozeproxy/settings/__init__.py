"""Settings: read once, at the start, into one frozen object.

``table`` has the settings themselves, one line each; ``values`` turns the text of a variable into
its value; ``sources`` finds the text: command line, environment, ``.env`` file, first wins;
``errors`` is what can go wrong. Nothing else in the package reads the environment.
"""

from cozeproxy.settings.errors import (
    BadValueError,
    CombinationError,
    EnvFileError,
    SettingsError,
)
from cozeproxy.settings.keys import CallerKey, digest_of
from cozeproxy.settings.sources import load, read_sources
from cozeproxy.settings.table import Settings, Variable
from cozeproxy.settings.values import MASK, ModelType, Secret

__all__ = [
    "MASK",
    "BadValueError",
    "CallerKey",
    "CombinationError",
    "EnvFileError",
    "ModelType",
    "Secret",
    "Settings",
    "SettingsError",
    "Variable",
    "digest_of",
    "load",
    "read_sources",
]
