"""``cozeproxy check``: what works, what does not, and what to do about it."""

import argparse
import asyncio
import logging
import signal

from cozeproxy.settings import load
from cozeproxy.testclient.oauth import check_oauth
from cozeproxy.testclient.report import as_json, as_text
from cozeproxy.testclient.steps import Result, is_well

WELL = "OAuth works."
UNWELL = "OAuth does not work; see what has failed. JWT-SETUP.md sets it up from the beginning."


def run(chosen: argparse.Namespace) -> int:
    """Try everything, and return 1 if something has failed.

    Raises:
        SettingsError: a setting cannot be used.
    """
    settings = load(chosen.env_file)
    # The report says it all; without a handler Python prints warnings by itself.
    logging.getLogger("cozeproxy").addHandler(logging.NullHandler())
    # There is nothing to put in order, so Ctrl-C ends it at once, and without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    results = asyncio.run(check_oauth(settings, _quiet if chosen.json else _print))
    well = is_well(results)
    print(as_json(results) if chosen.json else WELL if well else UNWELL)
    return 0 if well else 1


def _print(result: Result) -> None:
    print(as_text(result), flush=True)


def _quiet(_: Result) -> None:
    """JSON is printed as a whole."""
