"""From the settings of OAuth to a token that Coze takes, step by step.

Everything is asked of the code that the service itself uses, so that what works here works there.
What only looks wrong, such as an id of an unusual form, is a warning: whether it is wrong, Coze
says. Nothing is changed at Coze, and no quota is used.
"""

import re
from collections.abc import Callable

from cozeproxy.errors import BAD_TOKEN, FORBIDDEN, UpstreamError
from cozeproxy.settings import MASK, Secret, Settings, SettingsError
from cozeproxy.settings.table import OAUTH_NEEDS
from cozeproxy.testclient.cures import OTHER_SITE, audience_in, cure_for, host_of
from cozeproxy.testclient.probe import UnreachableError, probe
from cozeproxy.testclient.steps import (
    Finding,
    Result,
    Step,
    failed,
    ok,
    run_steps,
    skipped,
    warning,
)
from cozeproxy.upstream.client import CozeClient
from cozeproxy.upstream.credentials import load_credentials
from cozeproxy.upstream.grant import TOLERATED_SKEW, TokenError
from cozeproxy.upstream.tokens import TokenManager

GUIDE = "JWT-SETUP.md says where they come from."
# A fingerprint is far shorter, a key far longer.
LONGEST_KEY_ID = 128
# Hosts where people look for the API, since the console is there.
CONSOLES = {"coze.com", "www.coze.com", "coze.cn", "www.coze.cn"}


async def check_oauth(settings: Settings, tell: Callable[[Result], None]) -> list[Result]:
    """Try what it takes to get a token, and whether Coze takes it.

    Args:
        settings: those of the service.
        tell: is given each result as soon as it is there.
    """
    check = _Check(settings)
    steps = [
        Step("settings", check.settings),
        Step("key", check.key, needs=("settings",)),
        Step("ids", check.ids, needs=("settings",)),
        Step("site", check.site),
        Step("connection", check.connection),
        Step("clock", check.clock, needs=("connection",)),
        Step("token", check.token, needs=("key", "connection")),
        Step("access", check.access, needs=("token",)),
    ]
    try:
        return await run_steps(steps, tell)
    finally:
        await check.close()


class _Check:
    """The steps, and what the later ones need of the earlier ones."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._manager: TokenManager | None = None
        self._ahead: float | None = None
        self._token = Secret("")

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
        if host in CONSOLES:
            api = f"https://api.{host.removeprefix('www.')}"
            return warning(f"COZE_BASE_URL is Coze's console, {host}", f"Set it to {api}.")
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
        client = CozeClient(self._settings.coze_base_url, self._settings.coze_ca_file)
        try:
            await client.get("/v1/users/me", {}, self._token)
        except UpstreamError as error:
            return self._refused(error)
        finally:
            await client.close()
        return ok("Coze takes the token")

    def _refused(self, error: UpstreamError) -> Finding:
        said = str(error).replace(self._token.reveal(), MASK)
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
