"""Settings of an OAuth app, which takes the place of an API key."""

from dataclasses import dataclass
from pathlib import Path

from cozeproxy.settings import values
from cozeproxy.settings.declaring import variable
from cozeproxy.settings.values import Secret


@dataclass(frozen=True)
class OAuthSettings:
    """The OAuth app that tokens come from."""

    coze_jwt_app_id: str | None = variable(
        values.text, None, "OAuth app: its id", example="your-app-id"
    )
    coze_jwt_key_id: str | None = variable(
        values.text, None, "OAuth app: fingerprint of its public key", example="your-key-id"
    )
    coze_jwt_private_key: Secret | None = variable(
        values.secret_text,
        None,
        r"OAuth app: its private key, as PEM (\n may stand for line breaks) or base64 of that",
        example="your-key",
        secret=True,
    )
    coze_jwt_private_key_file: Path | None = variable(
        values.file, None, "OAuth app: a file with the private key instead", example="your-key.pem"
    )
    coze_jwt_aud: str | None = variable(
        values.text,
        None,
        "OAuth: host that gives the token, where it is not that of COZE_BASE_URL",
        example="your-host",
    )
    coze_jwt_session_name: str = variable(
        values.text, "openai-proxy", "OAuth: name of the session that the token is for"
    )
    coze_jwt_session_per_user: bool = variable(
        values.boolean, False, "OAuth: a session for each end user, so that Coze parts their memory"
    )
    coze_jwt_ttl: int = variable(
        values.token_life, 3600, "OAuth: seconds that a token lives, at most 86399"
    )
    coze_jwt_account_id: str | None = variable(
        values.identifier, None, "OAuth: the organisation's account", example="your-account-id"
    )
    coze_jwt_scope: str | None = variable(
        values.json_object, None, "OAuth: what a token may do, as JSON", example="your-scope"
    )
