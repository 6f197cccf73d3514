"""What can be wrong with the settings. All of it ends the start.

SettingsError
+-- BadValueError      a variable has a value that it must not have
+-- CombinationError   variables that do not go together
+-- EnvFileError       the file of settings cannot be read
"""

from pathlib import Path


class SettingsError(Exception):
    """The settings cannot be used; only its subclasses are raised."""


class BadValueError(SettingsError):
    """A variable has a value that it must not have.

    Attributes:
        name: the variable.
        value: its value as it may be shown: that of a secret is masked.
        allowed: what it may be, to follow the words "must be".
    """

    def __init__(self, name: str, value: str, allowed: str) -> None:
        super().__init__(name, value, allowed)
        self.name = name
        self.value = value
        self.allowed = allowed

    def __str__(self) -> str:
        return f"{self.name} is {self.value!r}, but must be {self.allowed}"


class CombinationError(SettingsError):
    """Variables do not go together, though each of them could be good."""


class EnvFileError(SettingsError):
    """The file of settings cannot be read."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot read the settings in {self.path}: {self.reason}"
