"""From the settings of OAuth to a token that Coze takes, step by step.

Everything is asked of the code that the service itself uses, so that what works here works there.
What only looks wrong, such as an id of an unusual form, is a warning: whether it is wrong, Coze
says. Nothing is changed at Coze, and no quota is used.
"""

import re
from collections.abc import Callable

from cozeproxy.errors import BAD_TOKEN, FORBIDDEN, UpstreamError
from cozeproxy.settings import Secret, Settings, SettingsError
from cozeproxy.settings.table import OAUTH_NEEDS
from cozeproxy.testclient.coze import AtCoze, console_at, said_by
from cozeproxy.testclient.cures import OTHER_SITE, audience_in, cure_for, host_of
from cozeproxy.testclient.steps import (
    Finding,
    Result,
    Step,
    failed,
    ok,
    run_steps,
    warning,
)
from cozeproxy.upstream.credentials import load_credentials
from cozeproxy.upstream.grant import TokenError
from cozeproxy.upstream.tokens import TokenManager

GUIDE = "JWT-SETUP.md says where they come from."
# A fingerprint is far shorter, a key far longer.
LONGEST_KEY_ID = 128


async def check_oauth(settings: Settings, tell: Callable[[Result], None]) -> list[Result]:
    """Try what it takes to get a token, and whether Coze takes it.

    Args:
        settings: those of the service.
        tell: is given each result as soon as it is there.
    """
    check = OAuthCheck(settings)
    try:
        return await run_steps(check.steps(), tell)
    finally:
        await check.close()


class OAuthCheck:
    """The steps, and what the later ones need of the earlier ones."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._coze = AtCoze(settings)
        self._manager: TokenManager | None = None
        self._token = Secret("")

    def steps(self, *, with_bot: bool = False) -> list[Step]:
        """All of them; that for the bot only if it is wanted."""
        steps = [
            Step("settings", self.settings),
            Step("key", self.key, needs=("settings",)),
            Step("ids", self.ids, needs=("settings",)),
            Step("site", self.site),
            Step("connection", self._coze.connection),
            Step("clock", self._coze.clock, needs=("connection",)),
            Step("token", self.token, needs=("key", "connection")),
            Step("access", self.access, needs=("token",)),
        ]
        return [*steps, Step("bot", self.bot, needs=("access",))] if with_bot else steps

    async def close(self) -> None:
        """Close all connections."""
        if self._manager is not None:
            await self._manager.stop()

    async def settings(self) -> Finding:
        """Whether there is all that OAuth needs."""
        given = self._settings
        missing = [
            " or ".join(names)
            for names in OAUTH_NEEDS
            if not any(getattr(given, name.lower()) for name in names)
        ]
        if missing:
            return failed(f"missing: {', '.join(missing)}", f"Set them in .env. {GUIDE}")
        try:
            given.check_credentials()
        except SettingsError as error:
            return failed(str(error), "Take the one out that is not the key to use.")
        if given.coze_token_passthrough:
            return warning(
                "there is all that OAuth needs, but the service would not use it",
                "With COZE_TOKEN_PASSTHROUGH it sends the tokens of its callers.",
            )
        return ok("there is all that OAuth needs")

    async def key(self) -> Finding:
        """Whether the private key can sign."""
        path = self._settings.coze_jwt_private_key_file
        name = "COZE_JWT_PRIVATE_KEY_FILE" if path else "COZE_JWT_PRIVATE_KEY"
        try:
            loaded = load_credentials(self._settings)
        except SettingsError as error:
            return failed(str(error), f"Set {name} to the key that was saved with the app.")
        # With an app's id it is never an API key.
        assert isinstance(loaded, TokenManager)  # noqa: S101
        self._manager = loaded
        return ok(f"{name} is an RSA private key")

    async def ids(self) -> Finding:
        """Whether the app's ids look like ids."""
        app_id, key_id = self._settings.coze_jwt_app_id or "", self._settings.coze_jwt_key_id or ""
        copy = "Copy it again from the app in Coze's console."
        if not re.fullmatch(r"[0-9]+", app_id):
            swapped = key_id.isdigit()
            found = "; it looks swapped with COZE_JWT_KEY_ID" if swapped else ""
            return warning(f"COZE_JWT_APP_ID is no number, as Coze's ids are{found}", copy)
        if not re.fullmatch(r"[!-~]+", key_id) or len(key_id) > LONGEST_KEY_ID:
            return warning("COZE_JWT_KEY_ID is no fingerprint of a key: one short word", copy)
        if key_id == app_id:
            return warning("COZE_JWT_KEY_ID is the same as COZE_JWT_APP_ID", copy)
        return ok(f"app {app_id}, key {key_id}")

    async def site(self) -> Finding:
        """Whether the addresses fit Coze and each other."""
        host, audience = host_of(self._settings), audience_in(self._settings)
        console = console_at(self._settings)
        if console:
            return console
        given = self._settings.coze_jwt_aud
        if given and not re.fullmatch(r"[\w.-]{1,253}(:[0-9]+)?", given):
            return warning(
                f"COZE_JWT_AUD is {given!r}, and should be a host alone",
                "Take it out, so that it is the host of COZE_BASE_URL.",
            )
        if host in OTHER_SITE and audience != host:
            return warning(
                f"COZE_JWT_AUD is {audience}, but COZE_BASE_URL is at {host}",
                "Take COZE_JWT_AUD out, or set COZE_BASE_URL to the site that has the app.",
            )
        return ok(f"{self._settings.coze_base_url}, with JWTs for {audience}")

    async def token(self) -> Finding:
        """Whether Coze gives a token."""
        manager = self._manager
        assert manager is not None  # noqa: S101 - there is one after the step that this one needs
        try:
            self._token = await manager.refresh()
        except TokenError as error:
            return failed(error.reason, cure_for(error, self._settings))
        session = self._settings.coze_jwt_session_name
        return ok(f"good for {manager.status.expires_in} s, in the session {session!r}")

    async def access(self) -> Finding:
        """Whether Coze takes the token."""
        try:
            await self._coze.get("/v1/users/me", {}, self._token)
        except UpstreamError as error:
            return self._refused(error)
        return ok("Coze takes the token")

    async def bot(self) -> Finding:
        """Whether Coze has the default bot for it."""
        return await self._coze.bot(self._token)

    def _refused(self, error: UpstreamError) -> Finding:
        said = said_by(error, self._token)
        if error.answer == FORBIDDEN:
            return warning(
                f"Coze knows the token, but does not let it ask whose it is. {said}",
                "This is of no consequence if the app has the permissions in JWT-SETUP.md.",
            )
        if error.answer == BAD_TOKEN:
            return failed(
                f"Coze gave the token, and does not take it. {said}",
                "Check in Coze's console that the app is active, and that nothing at COZE_BASE_URL"
                " stands in for a part of Coze only.",
            )
        return failed(
            said,
            "Try again. If it stays so, check that COZE_BASE_URL is the address of Coze's API.",
        )
