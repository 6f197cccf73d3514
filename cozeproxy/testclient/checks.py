"""What ``cozeproxy check`` tries: the settings at Coze, and a running service."""

from collections.abc import Callable
from dataclasses import dataclass

from cozeproxy.settings import Settings
from cozeproxy.testclient.api_key import ApiKeyCheck
from cozeproxy.testclient.oauth import OAuthCheck
from cozeproxy.testclient.service import ServiceCheck
from cozeproxy.testclient.steps import Finding, Result, Step, ok, run_steps, warning


@dataclass(frozen=True)
class Wanted:
    """What is to be tried.

    Attributes:
        url: of the service.
        key: a caller's; empty where there is none.
        admin_key: its owner's; empty where there is none.
        is_ours: whether it runs with the settings here, so that what they lead to is tried, too.
        deep: whether the bot is asked.
        workflow: whether the workflow is run.
    """

    url: str
    key: str
    admin_key: str
    is_ours: bool
    deep: bool
    workflow: bool


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
    service = ServiceCheck(
        wanted.url, wanted.key, wanted.admin_key, may_be_open=settings.allow_anonymous
    )
    steps = service.steps(deep=wanted.deep, workflow=wanted.workflow)
    if wanted.is_ours:
        steps = [*_at_coze(settings, oauth), *steps]
    else:
        steps.insert(1, Step("token", service.token, needs=("service",)))
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
