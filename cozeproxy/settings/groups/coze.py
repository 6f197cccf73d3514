"""Settings of the way to Coze."""

from dataclasses import dataclass
from pathlib import Path

from cozeproxy.settings import values
from cozeproxy.settings.declaring import variable
from cozeproxy.settings.values import Secret


@dataclass(frozen=True)
class CozeSettings:
    """What is asked at Coze, and with which key."""

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
