"""``cozeproxy sandbox``: the stand-in for Coze, alone or behind a service."""

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from cozeproxy.cli.listening import cannot_listen, ended_by_signal, url
from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import Secret, Settings

logger = logging.getLogger(__name__)

USE_IT = """\
The stand-in for Coze listens on {url}
A service that is to use it needs these settings:
COZE_BASE_URL={url}
COZE_API_KEY={key}
COZE_BOT_ID={bot}"""


def run(chosen: argparse.Namespace) -> int:
    """Run the stand-in until a signal ends it.

    Raises:
        SettingsError: an argument is no host or no port.
    """
    wanted = Settings.from_env({"HOST": chosen.host, "PORT": chosen.port})
    return asyncio.run(_run(wanted.host, wanted.port))


async def _run(host: str, port: int) -> int:
    ended = ended_by_signal()
    sandbox = Sandbox()
    try:
        found = sandbox.listen(port=port, host=host)
    except OSError as error:
        print(cannot_listen(host, port, error), file=sys.stderr)
        return 1
    print(USE_IT.format(url=url(host, found), key=Sandbox.API_KEY, bot=Sandbox.BOT_ID), flush=True)
    await ended.wait()
    await sandbox.stop()
    return 0


@asynccontextmanager
async def in_place_of_coze(settings: Settings) -> AsyncIterator[Settings]:
    """Run a stand-in meanwhile, and yield settings that lead to it.

    Nothing is left in them of the way to the real Coze, least of all a key.
    """
    if settings.model_map:
        logger.warning("MODEL_MAP is left out: it names bots that the stand-in does not have")
    sandbox = Sandbox()
    sandbox.listen()
    try:
        yield replace(
            settings,
            coze_api_key=Secret(Sandbox.API_KEY),
            coze_base_url=sandbox.base_url,
            coze_bot_id=Sandbox.BOT_ID,
            coze_workflow_id=Sandbox.WORKFLOW_ID,
            # A map of the real site's bots leads nowhere here.
            coze_space_id=settings.coze_space_id and (Sandbox.SPACE_ID,),
            model_map=None,
            # Names of voices stay good, and so is the one that examples have.
            voice_map=dict.fromkeys(("alloy", *(settings.voice_map or ())), Sandbox.VOICE_ID),
            unknown_model="default",
            coze_jwt_app_id=None,
            coze_jwt_key_id=None,
            coze_jwt_private_key=None,
            coze_jwt_private_key_file=None,
            coze_jwt_aud=None,
            coze_jwt_session_per_user=False,
            coze_jwt_account_id=None,
            coze_jwt_scope=None,
            coze_ca_file=None,
            coze_token_passthrough=False,
        )
    finally:
        await sandbox.stop()
