"""The steps that ask Coze itself: whether it can be reached, its clock, whether it has the bot.

Everything is asked of the code that the service itself uses, so that what works here works there.
Nothing is changed at Coze, and no quota is used.
"""

import json
from collections.abc import Mapping

from cozeproxy.errors import BAD_TOKEN, FORBIDDEN, MODEL_NOT_FOUND, NOT_PUBLISHED, UpstreamError
from cozeproxy.settings import MASK, Secret, Settings
from cozeproxy.testclient.cures import host_of
from cozeproxy.testclient.probe import UnreachableError, probe
from cozeproxy.testclient.service_cures import BOT, SITES
from cozeproxy.testclient.steps import Finding, failed, ok, skipped, warning
from cozeproxy.upstream.client import CozeClient
from cozeproxy.upstream.grant import TOLERATED_SKEW

# Hosts where people look for the API, since the console is there.
CONSOLES = {"coze.com", "www.coze.com", "coze.cn", "www.coze.cn"}


def console_at(settings: Settings) -> Finding | None:
    """What is wrong with COZE_BASE_URL, where it is Coze's console."""
    host = host_of(settings)
    if host not in CONSOLES:
        return None
    api = f"https://api.{host.removeprefix('www.')}"
    return warning(f"COZE_BASE_URL is Coze's console, {host}", f"Set it to {api}.")


class AtCoze:
    """The steps, and the way there."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ahead: float | None = None

    async def connection(self) -> Finding:
        """Whether something answers that can be trusted to be Coze."""
        try:
            reached = await probe(self._settings)
        except UnreachableError as error:
            address = self._settings.coze_base_url
            return failed(f"{address} cannot be reached: {error.reason}", error.cure)
        self._ahead = reached.ahead
        how = ", over TLS" if self._settings.coze_base_url.startswith("https:") else ""
        return ok(f"{host_of(self._settings)} answers{how}")

    async def clock(self) -> Finding:
        """Whether this machine's clock is Coze's."""
        if self._ahead is None:
            return skipped("the answer does not tell the time")
        if abs(self._ahead) <= TOLERATED_SKEW:
            return ok("as Coze's, within half a minute")
        side = "behind" if self._ahead > 0 else "ahead of"
        return warning(
            f"this machine's clock is {abs(self._ahead):.0f} s {side} Coze's",
            "Set it, or let NTP do that. Until then JWTs are signed with Coze's time once Coze has"
            " refused one.",
        )

    async def get(self, path: str, query: Mapping[str, str], token: Secret) -> bytes:
        """Ask for something; give the JSON of Coze's answer.

        Raises:
            UpstreamError: Coze refused, or cannot be reached.
        """
        given = self._settings
        client = CozeClient(given.coze_base_url, given.coze_ca_file, max_streams=1)
        try:
            return await client.get(path, query, token)
        finally:
            await client.close()

    async def bot(self, token: Secret) -> Finding:
        """Whether the default bot is there, and published to the API."""
        bot_id = self._settings.coze_bot_id
        if bot_id is None:
            return skipped("COZE_BOT_ID is not set, so that requests must name a bot")
        try:
            # It tells of the version that is online (docs.coze.cn, get_metadata).
            found = await self.get("/v1/bot/get_online_info", {"bot_id": bot_id}, token)
        except UpstreamError as error:
            return _no_bot(bot_id, said_by(error, token), error)
        return ok(f"{bot_id}, {_name_in(found)!r}, is published to the API")


def said_by(error: UpstreamError, token: Secret) -> str:
    """What Coze said; some servers quote what they were sent."""
    return str(error).replace(token.reveal(), MASK)


def _no_bot(bot_id: str, said: str, error: UpstreamError) -> Finding:
    if error.answer in (NOT_PUBLISHED, MODEL_NOT_FOUND):
        return failed(f"Coze does not have the bot {bot_id} for the API. {said}", BOT)
    if error.answer == FORBIDDEN:
        return warning(
            f"the token may not look at bots. {said}",
            "This is of no consequence if it may chat; --deep tries that.",
        )
    if error.answer == BAD_TOKEN:
        return failed(said, SITES)
    # Where it is another server than Coze's own, it may have no such call.
    return warning(f"the bot {bot_id} cannot be looked at. {said}", "--deep asks it.")


def _name_in(body: bytes) -> str:
    try:
        return str(json.loads(body)["data"]["name"])
    except (ValueError, KeyError, TypeError):
        return ""
