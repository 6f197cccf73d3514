"""``GET /v1/models``: what a client's model picker shows."""

from cozeproxy.handlers.base import ApiHandler, Context
from cozeproxy.protocol.routing import model_not_found
from cozeproxy.upstream.account import Account

# Clients compare it from call to call; Coze's times change with every publication.
CREATED = 1700000000


async def listed(context: Context, account: Account) -> dict[str, str]:
    """Model names that are offered, and the names that people know them by.

    Requests may name others, too.
    """
    settings = context.settings
    models = dict.fromkeys(settings.model_map or (), "")
    if settings.coze_bot_id:
        models.setdefault(f"bot-{settings.coze_bot_id}", "")
    if settings.coze_workflow_id:
        kind = "chatflow" if settings.default_model_type == "chatflow" else "workflow"
        models.setdefault(f"{kind}-{settings.coze_workflow_id}", "")
    for entry in await context.catalog.entries(account):
        models[entry.model] = models.get(entry.model) or entry.name
    return {**dict.fromkeys(context.rules.defaults.known, ""), **models}


def model(id_: str, name: str) -> dict[str, object]:
    """OpenAI's model object, with the field ``name`` that UIs show, where there is one."""
    known = {"name": name} if name else {}
    return {"id": id_, "object": "model", "created": CREATED, "owned_by": "coze", **known}


class ModelsHandler(ApiHandler):
    """The list."""

    async def get(self) -> None:
        """List the models."""
        models = await listed(self.context, self.account())
        self.write_json({"object": "list", "data": [model(*item) for item in models.items()]})


class ModelHandler(ApiHandler):
    """One model."""

    async def get(self, id_: str) -> None:
        """Give one model. Its id may have slashes."""
        models = await listed(self.context, self.account())
        if id_ not in models:
            raise model_not_found(id_)
        self.write_json(model(id_, models[id_]))
