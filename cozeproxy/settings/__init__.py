"""Settings: read once, at the start, into one frozen object.

``table`` has the settings themselves, from ``groups``, as ``declaring`` declares one; ``values``,
``models``, ``voices`` and ``keys`` turn the text of a variable into its value; ``sources`` finds
the text: command line, environment, ``.env`` file, first wins; ``checks`` looks at what they say
together; ``masking`` keeps what was put into a wrong variable from being shown; ``errors`` is what
can go wrong. Nothing else in the package reads the environment.
"""

from cozeproxy.settings.checks import check_doors, check_models
from cozeproxy.settings.declaring import Variable
from cozeproxy.settings.errors import (
    BadValueError,
    CombinationError,
    EnvFileError,
    SettingsError,
)
from cozeproxy.settings.keys import CallerKey, digest_of, first_key
from cozeproxy.settings.masking import masked
from cozeproxy.settings.sources import load, read_sources
from cozeproxy.settings.table import Settings
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
    "check_doors",
    "check_models",
    "digest_of",
    "first_key",
    "load",
    "masked",
    "read_sources",
]
