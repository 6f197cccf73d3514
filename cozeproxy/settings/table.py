"""The table of settings: one field a variable.

The field's name in capitals is the variable's name. A new setting is one more field; tests then ask
for its line in ``.env.example`` and in the README's table.
"""

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from cozeproxy.settings import keys, models, values
from cozeproxy.settings.declaring import Variable, variable
from cozeproxy.settings.errors import CombinationError
from cozeproxy.settings.keys import CallerKey
from cozeproxy.settings.values import (
    AppEnv,
    ModelType,
    Secret,
    TokenEndpoints,
    UnknownModel,
    WorkflowOutput,
)

T = TypeVar("T")

OAUTH_KEYS = ("COZE_JWT_PRIVATE_KEY", "COZE_JWT_PRIVATE_KEY_FILE")
# What OAuth cannot do without: of each of these one.
OAUTH_NEEDS = (("COZE_JWT_APP_ID",), ("COZE_JWT_KEY_ID",), OAUTH_KEYS)


@dataclass(frozen=True)
class Settings:
    """What the service was told at its start; None where nothing was."""

    coze_api_key: Secret | None = variable(
        values.token, None, "Access token of Coze", example="your-coze-api-key", secret=True
    )
    coze_base_url: str = variable(
        values.base_url, "https://api.coze.com", "Address of Coze; in China https://api.coze.cn"
    )
    coze_bot_id: str | None = variable(
        values.identifier, None, "Bot for requests that name none", example="your-bot-id"
    )
    coze_workflow_id: str | None = variable(
        values.identifier, None, "Workflow for requests that name none", example="your-workflow-id"
    )
    coze_space_id: tuple[str, ...] = variable(
        values.identifiers,
        (),
        "Workspaces whose bots and workflows are listed as models, with commas between",
        example="your-space-id",
    )
    coze_user_id: str | None = variable(
        values.text, None, "End user of requests that name none", example="your-user-id"
    )
    coze_ca_file: Path | None = variable(
        values.file,
        None,
        "Certificates to trust at COZE_BASE_URL in place of the usual ones, as PEM",
        example="your-ca.pem",
    )
    host: str = variable(values.host, "127.0.0.1", "Address to listen on; 0.0.0.0 is all of them")
    port: int = variable(values.port, 3000, "Port to listen on; 0 is any free one")
    default_model_type: ModelType = variable(
        values.model_type, "chat", "Type of requests that name none: " + values.MODEL_TYPES
    )
    model_map: Mapping[str, Mapping[str, Any]] | None = variable(
        models.model_map,
        None,
        "Model names and what they stand for: JSON, or the path of a file with it",
        example="your-models.json",
    )
    unknown_model: UnknownModel = variable(
        values.unknown_model,
        "default",
        "Model names that say nothing take the defaults (default) or are an error (reject)",
    )
    models_ttl: float = variable(
        values.seconds, 300.0, "Seconds for which the list of bots and workflows is kept"
    )
    workflow_input_key: str = variable(
        values.parameter, "input", "Parameter of a workflow that the user's text becomes"
    )
    workflow_json_input: bool = variable(
        values.boolean, False, "Take a user's text that is a JSON object as a workflow's parameters"
    )
    workflow_output: WorkflowOutput = variable(
        values.workflow_output,
        "auto",
        "Output of a workflow's End node: its one text (auto) or its JSON (raw)",
    )
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
    enable_logging: bool = variable(values.boolean, True, "Log each request in one line")
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

    # All of the above by the variable's name, in their order.
    variables: ClassVar[Mapping[str, Variable]]

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Self:
        """Build from a mapping such as the environment; names that are not ours are passed over.

        Raises:
            BadValueError: a variable has a value that it must not have.
        """
        return cls(
            **{
                name.lower(): cls.variables[name].parsed(name, text)
                for name, text in given(environment).items()
            }
        )

    @property
    def has_credentials(self) -> bool:
        """Whether there is something to show to Coze, be it what the callers bring."""
        return (
            self.coze_api_key is not None
            or self.coze_token_passthrough
            or not self._missing_for_oauth()
        )

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def check_credentials(self) -> None:
        """Make sure that OAuth, where it is to be used, has what it needs.

        It is to be used where the app's id is set, whatever the API key; and without an API key
        where any part of it is set.

        Raises:
            CombinationError: something is missing, or there twice.
        """
        missing = self._missing_for_oauth()
        begun = len(missing) < len(OAUTH_NEEDS) and self.coze_api_key is None
        if missing and (begun or self.coze_jwt_app_id):
            raise CombinationError(f"OAuth (COZE_JWT_*) also needs {' and '.join(missing)}")
        if not missing and self.coze_jwt_private_key and self.coze_jwt_private_key_file:
            raise CombinationError(f"{' and '.join(OAUTH_KEYS)} are both set; one must go")

    def _missing_for_oauth(self) -> list[str]:
        return [
            " or ".join(names)
            for names in OAUTH_NEEDS
            if not any(getattr(self, name.lower()) for name in names)
        ]

    def shown(self, name: str) -> str:
        """Return a variable's value as text for people: secrets masked, None empty."""
        match getattr(self, name.lower()):
            case None:
                return ""
            case bool(value):
                return str(value).lower()
            case tuple(value):
                return ",".join(map(str, value))
            case float(value):
                return f"{value:g}"
            case Mapping() as value:
                return json.dumps(dict(value), ensure_ascii=False)
            case value:
                return str(value)


Settings.variables = {f.name.upper(): f.metadata["variable"] for f in fields(Settings)}


def given(environment: Mapping[str, str]) -> dict[str, str]:
    """Return those of our variables that have a value.

    Empty ones and the placeholders of ``.env.example`` have none.
    """
    stripped = {
        name: environment[name].strip() for name in Settings.variables if name in environment
    }
    return {
        name: text
        for name, text in stripped.items()
        if text and not text.lower().startswith(("your-", "your_"))
    }
