"""What ``cozeproxy check`` tries: the settings at Coze, and a running service."""

from collections.abc import Callable

from cozeproxy.settings import Settings
from cozeproxy.testclient.api_key import ApiKeyCheck
from cozeproxy.testclient.oauth import OAuthCheck
from cozeproxy.testclient.service import ServiceCheck, Wanted
from cozeproxy.testclient.steps import Finding, Result, Step, ok, run_steps, warning


async def check_service(
    settings: Settings, wanted: Wanted, tell: Callable[[Result], None]
) -> list[Result]:
    """Try a service, and first, if they are its own, what the settings lead to.

    Args:
        settings: those here.
        wanted: what is to be tried.
        tell: is given each result as soon as it is there.
    """
    oauth = OAuthCheck(settings)
    service = ServiceCheck(settings, wanted)
    steps = [*(_at_coze(settings, oauth) if wanted.is_ours else ()), *service.steps()]
    try:
        return await run_steps(steps, tell)
    finally:
        service.close()
        await oauth.close()


def _at_coze(settings: Settings, oauth: OAuthCheck) -> list[Step]:
    if settings.coze_token_passthrough:
        return [Step("credentials", _passed_through)]
    if settings.coze_jwt_app_id or (settings.coze_api_key is None and settings.has_begun_oauth):
        return oauth.steps(with_bot=True)
    if settings.coze_api_key is not None:
        return ApiKeyCheck(settings, settings.coze_api_key).steps()
    return [Step("credentials", _none)]


async def _passed_through() -> Finding:
    return ok("the service sends the tokens of its callers")


async def _none() -> Finding:
    return warning(
        "there are none for Coze, so that a service can only have the stand-in behind it",
        "For a bot of your own set COZE_API_KEY and COZE_BOT_ID in .env; see .env.example.",
    )
