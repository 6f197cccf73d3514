"""``GET /v1/models``: what a client's model picker shows, as far as its key may use it."""

from cozeproxy.errors import RequestError
from cozeproxy.handlers.api import ApiHandler
from cozeproxy.handlers.context import Context
from cozeproxy.protocol.openai import ChatRequest
from cozeproxy.protocol.routing import model_not_found, route
from cozeproxy.settings import CallerKey
from cozeproxy.upstream.account import Account

# Clients compare it from call to call; Coze's times change with every publication.
CREATED = 1700000000


def known(context: Context) -> list[str]:
    """Model names that are offered without asking Coze."""
    settings = context.settings
    models = [*context.rules.defaults.known, *(settings.model_map or ())]
    if settings.coze_bot_id:
        models.append(f"bot-{settings.coze_bot_id}")
    if settings.coze_workflow_id:
        kind = "chatflow" if settings.default_model_type == "chatflow" else "workflow"
        models.append(f"{kind}-{settings.coze_workflow_id}")
    return models


async def listed(context: Context, account: Account) -> dict[str, str]:
    """Model names that are offered, and the names that people know them by.

    Requests may name others, too.

    Raises:
        UpstreamError: Coze fails, and has not told before. A part of the list would pass for all.
    """
    models = dict.fromkeys(known(context), "")
    for entry in await context.catalog.entries(account):
        # A chatflow needs a bot, or it cannot be asked.
        if context.settings.coze_bot_id or not entry.model.startswith("chatflow-"):
            models[entry.model] = entry.name
    return models


def is_for(context: Context, key: CallerKey, name: str) -> bool:
    """Whether a key may use what a model name leads to: it goes the way of a request for it."""
    if not context.keys.is_limited(key):
        return True
    try:
        found = route(ChatRequest(model=name, messages=[]), {}, context.rules.defaults)
    except RequestError:
        return False  # by its name alone it leads nowhere
    return context.keys.allows(key, [id_ for id_ in (found.bot_id, found.workflow_id) if id_])


def model(id_: str, name: str) -> dict[str, object]:
    """OpenAI's model object, with the field ``name`` that UIs show, where there is one."""
    known = {"name": name} if name else {}
    return {"id": id_, "object": "model", "created": CREATED, "owned_by": "coze", **known}


class ModelsHandler(ApiHandler):
    """The list."""

    async def get(self) -> None:
        """List the models."""
        models = await listed(self.context, self.account())
        shown = [model(*item) for item in models.items() if is_for(self.context, self.key, item[0])]
        self.write_json({"object": "list", "data": shown})


class ModelHandler(ApiHandler):
    """One model."""

    async def get(self, id_: str) -> None:
        """Give one model. Its id may have slashes."""
        account = self.account()
        models = dict.fromkeys(known(self.context), "")
        if id_ not in models:
            models = await listed(self.context, account)
        if id_ not in models or not is_for(self.context, self.key, id_):
            raise model_not_found(id_)
        self.write_json(model(id_, models[id_]))
