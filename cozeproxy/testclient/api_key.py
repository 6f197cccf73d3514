"""The steps from an API key to a bot that it may ask."""

from cozeproxy.errors import BAD_TOKEN, UpstreamError
from cozeproxy.settings import Secret, Settings
from cozeproxy.testclient.coze import AtCoze, console_at, said_by
from cozeproxy.testclient.cures import OTHER_SITE, host_of
from cozeproxy.testclient.steps import Finding, Step, failed, ok, warning


class ApiKeyCheck:
    """The steps, and what they share.

    Args:
        settings: those of the service.
        key: its COZE_API_KEY.
    """

    def __init__(self, settings: Settings, key: Secret) -> None:
        self._settings = settings
        self._key = key
        self._coze = AtCoze(settings)

    def steps(self) -> list[Step]:
        """All of them."""
        return [
            Step("site", self.site),
            Step("connection", self._coze.connection),
            Step("access", self.access, needs=("connection",)),
            Step("bot", self.bot, needs=("access",)),
        ]

    async def site(self) -> Finding:
        """Whether the address is that of Coze's API."""
        return console_at(self._settings) or ok(self._settings.coze_base_url)

    async def access(self) -> Finding:
        """Whether Coze takes the key."""
        try:
            await self._coze.get("/v1/users/me", {}, self._key)
        except UpstreamError as error:
            said = said_by(error, self._key)
            if error.answer == BAD_TOKEN:
                return failed(f"Coze does not take COZE_API_KEY. {said}", self._other_key())
            # A key may have no permission for that, and another server than Coze's no such call.
            return warning(
                f"whose the key is cannot be told. {said}",
                "This is of no consequence if the bot can be asked; --deep tries that.",
            )
        return ok("Coze takes COZE_API_KEY")

    async def bot(self) -> Finding:
        """Whether Coze has the default bot for it."""
        return await self._coze.bot(self._key)

    def _other_key(self) -> str:
        host = host_of(self._settings)
        other = OTHER_SITE.get(host)
        cure = "Keys end after some time: make a new one in Coze, and set COZE_API_KEY to it."
        if other is None:
            return cure
        site = other.removeprefix("api.")
        return f"{cure} One of {site} is not known here; for it, set COZE_BASE_URL=https://{other}."
