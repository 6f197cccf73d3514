"""``cozeproxy config``: the settings in force and where each comes from."""

import argparse
import json
from collections import ChainMap
from collections.abc import Mapping

from cozeproxy.settings import Settings, masked, read_sources


def run(chosen: argparse.Namespace) -> int:
    """Print each setting with its source, as a table or as JSON; secrets are masked in both."""
    sources = read_sources(chosen.env_file)
    settings = Settings.from_env(ChainMap(*sources.values()))
    origins = {
        name: next((source for source, values in sources.items() if name in values), "default")
        for name in Settings.variables
    }
    print(_as_json(settings, origins) if chosen.json else _as_table(settings, origins))
    return 0


def _as_json(settings: Settings, origins: dict[str, str]) -> str:
    values = {name: getattr(settings, name.lower()) for name in origins}
    rows = {
        name: {
            "value": masked(value) if isinstance(value, str) else value,
            "source": origins[name],
        }
        for name, value in values.items()
    }
    return json.dumps(rows, indent=2, default=_plain)


def _plain(value: object) -> object:
    # Of what JSON does not know, a map is one, and the str() of all else is fit to be shown: that
    # of a secret is the mask.
    return dict(value) if isinstance(value, Mapping) else str(value)


def _as_table(settings: Settings, origins: dict[str, str]) -> str:
    rows = [(name, settings.shown(name) or "(not set)", origins[name]) for name in origins]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "\n".join(f"{name:{first}}  {value:{second}}  {origin}" for name, value, origin in rows)
