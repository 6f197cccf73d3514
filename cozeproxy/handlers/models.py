"""``GET /v1/models``: what a client's model picker shows."""

from urllib.parse import unquote

from cozeproxy.errors import RequestError
from cozeproxy.handlers.base import BaseHandler
from cozeproxy.protocol.routing import BOT_PREFIX
from cozeproxy.settings import Settings

# Clients compare it from call to call, and the bots' own times are not known here.
CREATED = 1700000000


def listed(settings: Settings) -> list[str]:
    """Model names that are offered. Requests may name any other, too."""
    names = ["gpt-3.5-turbo", "gpt-4"]
    if settings.coze_bot_id:
        names.append(BOT_PREFIX + settings.coze_bot_id)
    return names


def model(name: str) -> dict[str, object]:
    """OpenAI's model object."""
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "coze"}


class ModelsHandler(BaseHandler):
    """The list."""

    def get(self) -> None:
        """List the models."""
        names = listed(self.context.settings)
        self.write_json({"object": "list", "data": [model(name) for name in names]})


class ModelHandler(BaseHandler):
    """One model."""

    def get(self, name: str) -> None:
        """Give one model. Ids come percent-encoded, slashes and all."""
        name = unquote(name)
        if name not in listed(self.context.settings):
            raise RequestError(
                f"The model '{name[:200]}' does not exist.",
                param="model",
                code="model_not_found",
                status=404,
            )
        self.write_json(model(name))
