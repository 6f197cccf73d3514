"""The table of settings: one field a variable, in the modules of ``groups``.

The field's name in capitals is the variable's name. A new setting is one more field of a group;
tests then ask for its line in ``.env.example`` and in the README's table.
"""

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Self

from cozeproxy.settings.declaring import Variable
from cozeproxy.settings.errors import CombinationError
from cozeproxy.settings.groups.audio import AudioSettings
from cozeproxy.settings.groups.coze import CozeSettings
from cozeproxy.settings.groups.doors import DoorSettings
from cozeproxy.settings.groups.limits import LimitSettings
from cozeproxy.settings.groups.oauth import OAuthSettings
from cozeproxy.settings.groups.routing import RoutingSettings
from cozeproxy.settings.groups.seeing import SeeingSettings
from cozeproxy.settings.groups.serving import ServingSettings
from cozeproxy.settings.masking import masked

OAUTH_KEYS = ("COZE_JWT_PRIVATE_KEY", "COZE_JWT_PRIVATE_KEY_FILE")
# What OAuth cannot do without: of each of these one.
OAUTH_NEEDS = (("COZE_JWT_APP_ID",), ("COZE_JWT_KEY_ID",), OAUTH_KEYS)


# A dataclass has the fields of its last base first.
@dataclass(frozen=True)
class Settings(
    OAuthSettings,
    SeeingSettings,
    LimitSettings,
    DoorSettings,
    AudioSettings,
    RoutingSettings,
    ServingSettings,
    CozeSettings,
):
    """What the service was told at its start; None where nothing was."""

    # All fields by the variable's name, in their order.
    variables: ClassVar[Mapping[str, Variable]]

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Self:
        """Build from a mapping such as the environment; names that are not ours are passed over.

        Raises:
            BadValueError: a variable has a value that it must not have.
        """
        return cls(
            **{
                name.lower(): cls.variables[name].parsed(name, text)
                for name, text in given(environment).items()
            }
        )

    @property
    def has_credentials(self) -> bool:
        """Whether there is something to show to Coze, be it what the callers bring."""
        return (
            self.coze_api_key is not None
            or self.coze_token_passthrough
            or not self._missing_for_oauth()
        )

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def has_begun_oauth(self) -> bool:
        """Whether there is something of what OAuth needs, if perhaps not all."""
        return len(self._missing_for_oauth()) < len(OAUTH_NEEDS)

    def check_credentials(self) -> None:
        """Make sure that OAuth, where it is to be used, has what it needs.

        It is to be used where the app's id is set, whatever the API key; and without an API key
        where any part of it is set.

        Raises:
            CombinationError: something is missing, or there twice.
        """
        missing = self._missing_for_oauth()
        begun = self.has_begun_oauth and self.coze_api_key is None
        if missing and (begun or self.coze_jwt_app_id):
            raise CombinationError(f"OAuth (COZE_JWT_*) also needs {' and '.join(missing)}")
        if not missing and self.coze_jwt_private_key and self.coze_jwt_private_key_file:
            raise CombinationError(f"{' and '.join(OAUTH_KEYS)} are both set; one must go")

    def _missing_for_oauth(self) -> list[str]:
        return [
            " or ".join(names)
            for names in OAUTH_NEEDS
            if not any(getattr(self, name.lower()) for name in names)
        ]

    def shown(self, name: str) -> str:
        """Return a variable's value as text for people: secrets masked, None empty."""
        match getattr(self, name.lower()):
            case None:
                return ""
            case bool(value):
                return str(value).lower()
            case tuple(value):
                return ",".join(map(str, value))
            case float(value):
                return f"{value:g}"
            case Mapping() as value:
                return json.dumps(dict(value), ensure_ascii=False)
            case value:
                return masked(str(value))


Settings.variables = {f.name.upper(): f.metadata["variable"] for f in fields(Settings)}


def given(environment: Mapping[str, str]) -> dict[str, str]:
    """Return those of our variables that have a value.

    Empty ones and the placeholders of ``.env.example`` have none.
    """
    stripped = {
        name: environment[name].strip() for name in Settings.variables if name in environment
    }
    return {
        name: text
        for name, text in stripped.items()
        if text and not text.lower().startswith(("your-", "your_"))
    }
