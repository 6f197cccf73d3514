"""How a setting is declared: a dataclass field with its row of the table."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cozeproxy.settings.errors import BadValueError
from cozeproxy.settings.masking import masked
from cozeproxy.settings.values import MASK

T = TypeVar("T")


@dataclass(frozen=True)
class Variable:
    """What is said about one setting beside its type: a row of the table."""

    parse: Callable[[str], object]
    secret: bool  # then not even a rejected value is shown
    description: str
    example: str  # what ``.env.example`` shows where there is no default

    def parsed(self, name: str, text: str) -> Any:
        """The value of a variable, from its text.

        Raises:
            BadValueError: it must not have that value.
        """
        try:
            return self.parse(text)
        except ValueError as error:
            raise BadValueError(name, MASK if self.secret else _shown(text), str(error)) from None


def variable(
    parse: Callable[[str], T],
    default: T,
    description: str,
    *,
    example: str = "",
    secret: bool = False,
) -> T:
    """Declare a setting: a field of the settings with its row of the table."""
    row = Variable(parse, secret, description, example)
    declared: T = field(default=default, metadata={"variable": row})
    return declared


def _shown(text: str) -> str:
    """A rejected value without the secrets that an address may have, or a key in its place."""
    without_user = re.sub(r"^([^/]*//)?.*@", rf"\g<1>{MASK}@", masked(text), flags=re.DOTALL)
    return re.sub(r"\?.*", f"?{MASK}", without_user, flags=re.DOTALL)
