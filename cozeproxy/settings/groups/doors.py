"""Settings of who may use the service."""

from dataclasses import dataclass

from cozeproxy.settings import keys, values
from cozeproxy.settings.declaring import variable
from cozeproxy.settings.keys import CallerKey
from cozeproxy.settings.values import AppEnv, Secret, TokenEndpoints


@dataclass(frozen=True)
class DoorSettings:
    """Who is let in, and to what."""

    app_env: AppEnv = variable(
        values.app_env,
        "development",
        "Where this runs: development or production (strict)",
    )
    proxy_api_keys: tuple[CallerKey, ...] = variable(
        keys.caller_keys,
        (),
        "Keys that callers need, with commas between, or name:key pairs; none lets everybody in",
        example="your-keys",
        secret=True,
    )
    proxy_keys_file: tuple[CallerKey, ...] = variable(
        keys.caller_keys_file,
        (),
        "A JSON file with digests of more keys, and what each may use",
        example="your-keys.json",
    )
    allow_anonymous: bool = variable(
        values.boolean, False, "In production, start without keys, so that everybody is let in"
    )
    allowed_bot_ids: tuple[str, ...] = variable(
        values.identifiers,
        (),
        "The only bots and workflows that may be used, with commas between; none is all",
        example="your-bot-ids",
    )
    proxy_admin_key: Secret | None = variable(
        values.key,
        None,
        "Key that opens the token endpoints and the details of /health",
        example="your-admin-key",
        secret=True,
    )
    token_endpoints: TokenEndpoints = variable(
        values.token_endpoints,
        "shut",
        "Without that key: shut, or open to this machine alone (loopback)",
    )
    coze_token_passthrough: bool = variable(
        values.boolean, False, "Send the caller's own bearer token to Coze, and nothing else"
    )
    enable_cors: bool = variable(values.boolean, True, "Let web pages of other origins call")
    allowed_origins: tuple[str, ...] = variable(
        values.origins, ("*",), "Origins of those pages, with commas between; * is all of them"
    )
