"""``cozeproxy serve``: the service, in front of Coze or of its stand-in."""

import argparse
import asyncio
import gc
import logging
import sys
from collections import ChainMap
from pathlib import Path

from tornado import autoreload

try:
    from uvloop import new_event_loop
except ImportError:
    # Not everywhere can it be had, and it only makes things faster.
    from asyncio import new_event_loop  # type: ignore[assignment]

from cozeproxy.app import Service
from cozeproxy.cli import quickstart
from cozeproxy.cli.listening import cannot_listen, ended_by_signal, url
from cozeproxy.listener import most_connections, raise_limit
from cozeproxy.observability import configure_logging
from cozeproxy.settings import Settings, load, read_sources

logger = logging.getLogger(__name__)

# How long the loop waits for Python's lock while a large body is read beside it: after each system
# call anew, so that Python's own 5 ms add up to more than 20 for one token.
SWITCH_SECONDS = 0.0005

NO_CREDENTIALS = """\
cozeproxy: there are no credentials for Coze
  Set COZE_API_KEY (or COZE_JWT_*), and COZE_BOT_ID for the bot, in the environment or in .env;
  see .env.example.
  Without an account, run it on the bundled stand-in for Coze: cozeproxy serve --sandbox"""


def run(chosen: argparse.Namespace) -> int:
    """Run the service until a signal ends it.

    Raises:
        SettingsError: a setting cannot be used.
    """
    settings = _settings(chosen)
    if chosen.sandbox != "always":
        # Whoever has begun to set up OAuth wants Coze, and would not get it.
        settings.check_credentials()
    if chosen.sandbox == "never" and not settings.has_credentials:
        print(NO_CREDENTIALS, file=sys.stderr)
        return 2
    configure_logging(settings)
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_run(settings, chosen))


def _settings(chosen: argparse.Namespace) -> Settings:
    given = {"HOST": chosen.host or "", "PORT": chosen.port or ""}
    settings = load(chosen.env_file, given)
    if chosen.quickstart and settings.on_loopback and settings.app_env == "development":
        # This is somebody trying it on a machine of their own. What they have set goes before.
        said = ChainMap(*read_sources(chosen.env_file, given).values())
        opened = {"TOKEN_ENDPOINTS": said.get("TOKEN_ENDPOINTS", "loopback")}
        return load(chosen.env_file, {**given, **opened})
    return settings


async def _run(settings: Settings, chosen: argparse.Namespace) -> int:
    if chosen.dev:
        autoreload.watch(str(chosen.env_file or Path(".env")))
        # Another process takes this one's place, without the end at which the log is written out.
        autoreload.add_reload_hook(logging.shutdown)
        autoreload.start()
    ended = ended_by_signal()
    if chosen.sandbox == "always" or not settings.has_credentials:
        # A service for real never loads the stand-in.
        from cozeproxy.cli.sandbox import in_place_of_coze  # noqa: PLC0415

        async with in_place_of_coze(settings) as to_sandbox:
            return await _serve(to_sandbox, ended, on_sandbox=True, try_it=chosen.quickstart)
    return await _serve(settings, ended, on_sandbox=False, try_it=chosen.quickstart)


async def _serve(
    settings: Settings, ended: asyncio.Event, *, on_sandbox: bool, try_it: bool
) -> int:
    most = most_connections(raise_limit(), settings.max_concurrent_requests)
    if most < settings.max_concurrent_requests:
        logger.warning("there can be %d callers: the system allows no more open files", most)
    service = Service(settings)
    try:
        port = service.start()
    except OSError as error:
        print(cannot_listen(settings.host, settings.port, error), file=sys.stderr)
        return 1
    here = url(settings.host, port)
    print(quickstart.banner(here, settings, on_sandbox=on_sandbox), flush=True)
    if try_it:
        print(quickstart.try_it(here), flush=True)
    # What there is now stays: the collector would look through it again with every few requests.
    gc.collect()
    gc.freeze()
    await ended.wait()
    logger.info("stopping: open answers have %g seconds to end", settings.shutdown_grace)
    await service.drain()
    return 0
