"""Where settings come from: command line, environment, ``.env`` file; the first one wins."""

import io
import os
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from cozeproxy.settings.errors import EnvFileError
from cozeproxy.settings.table import Settings, given


def read_sources(
    env_file: Path | None = None, command_line: Mapping[str, str] | None = None
) -> dict[str, dict[str, str]]:
    """Return what each source gives, by the source's name, the first one wins.

    What counts as not given, an empty value or a placeholder, does not hide a later source's value.

    Args:
        env_file: the file to read; without it ``.env`` in the current folder, if there is one.
        command_line: values by the variable's name.

    Raises:
        EnvFileError: the file cannot be read.
    """
    path = env_file or Path(".env")
    from_file = _read_env_file(path) if env_file or path.exists() else {}
    return {
        "command line": given(command_line or {}),
        "environment": given(os.environ),
        str(path): given(from_file),
    }


def load(env_file: Path | None = None, command_line: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of this process; the arguments are those of :func:`read_sources`.

    Raises:
        SettingsError: a value or the file cannot be used.
    """
    return Settings.from_env(ChainMap(*read_sources(env_file, command_line).values()))


def _read_env_file(path: Path) -> Mapping[str, str]:
    try:
        # Some editors put a byte order mark in front, which would become part of the first name.
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise EnvFileError(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise EnvFileError(path, "it is not UTF-8 text") from error
    # Without interpolation, since a secret may contain "${".
    lines = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in lines.items() if value is not None}
