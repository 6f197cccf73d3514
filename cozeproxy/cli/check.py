"""``cozeproxy check``: what works, what does not, and what to do about it."""

import argparse
import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from cozeproxy.cli.errors import UsageError
from cozeproxy.cli.reaching import service_of
from cozeproxy.settings import check_doors, check_models, load
from cozeproxy.testclient.checks import check_service
from cozeproxy.testclient.oauth import check_oauth
from cozeproxy.testclient.report import as_json, as_text
from cozeproxy.testclient.service import Wanted
from cozeproxy.testclient.steps import Result, is_well

Check = Callable[[Callable[[Result], None]], Coroutine[Any, Any, list[Result]]]

OAUTH_WELL = "OAuth works."
OAUTH_UNWELL = (
    "OAuth does not work; see what has failed. JWT-SETUP.md sets it up from the beginning."
)
WELL = "All is well."
UNWELL = "Not all is well; see what has failed."


def run(chosen: argparse.Namespace) -> int:
    """Try what is asked for, and return 1 if something has failed.

    Raises:
        SettingsError: a setting cannot be used.
        UsageError: an argument cannot be used.
    """
    check, well, unwell = _oauth(chosen) if chosen.jwt else _service(chosen)
    # The report says it all; without a handler Python prints warnings by itself.
    logging.getLogger("cozeproxy").addHandler(logging.NullHandler())
    # There is nothing to put in order, so Ctrl-C ends it at once, and without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    results = asyncio.run(check(_quiet if chosen.json else _print))
    is_good = is_well(results)
    print(as_json(results) if chosen.json else well if is_good else unwell)
    return 0 if is_good else 1


def _oauth(chosen: argparse.Namespace) -> tuple[Check, str, str]:
    at_service = (chosen.url, chosen.key, chosen.admin_key, chosen.ca_file)
    if any(at_service) or chosen.deep or chosen.workflow:
        raise UsageError("--jwt tries no service: of the other options it takes --json, --env-file")
    settings = load(chosen.env_file)
    return lambda tell: check_oauth(settings, tell), OAUTH_WELL, OAUTH_UNWELL


def _service(chosen: argparse.Namespace) -> tuple[Check, str, str]:
    service, settings = service_of(chosen)
    if service.is_ours:
        # A service would not start with them.
        check_doors(settings)
        check_models(settings)
    wanted = Wanted(*service, deep=chosen.deep, workflow=chosen.workflow)
    return lambda tell: check_service(settings, wanted, tell), WELL, UNWELL


def _print(result: Result) -> None:
    print(as_text(result), flush=True)


def _quiet(_: Result) -> None:
    """JSON is printed as a whole."""
