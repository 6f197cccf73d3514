"""Where a request goes: what kind of call, to which bot or workflow, in which conversation.

The kind and the ids are found each by itself; for each, the first place that says so wins:

1. the headers ``x-model-type``, ``x-bot-id``, ``x-workflow-id``, ``x-conversation-id``;
2. the same keys in the JSON body: at the top, or in an object ``extra_headers``, where the Node SDK
   puts what its users take for headers;
3. the model name: a name of the map, else ``bot-<id>``, ``conversation-<id>``, ``workflow-<id>``,
   ``chatflow-<id>``;
4. the defaults. Any other model name is accepted, and echoed.

``bot-<id>`` names a bot and leaves open whether it is asked in a conversation. Where nothing names
the kind, the id of a conversation or of a workflow tells it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast

from cozeproxy.errors import RequestError
from cozeproxy.protocol.ids import ID
from cozeproxy.protocol.openai import ChatRequest

Kind = Literal["chat", "conversation", "workflow", "chatflow"]
KINDS = ("chat", "conversation", "workflow", "chatflow")

# Model names that hold an id: whose it is, and the kind of call, where the name tells it.
PREFIXES: Mapping[str, tuple[str, Kind | None]] = {
    "bot-": ("bot", None),
    "conversation-": ("bot", "conversation"),
    "workflow-": ("workflow", "workflow"),
    "chatflow-": ("workflow", "chatflow"),
}

# Listed where nothing else is known, as many programs will not start without a model they know.
FALLBACK_MODELS = ("gpt-3.5-turbo", "gpt-4")

# OpenAI's ids of conversations begin so; behind it is Coze's.
_OPENAI_CONVERSATION = re.compile(r"conv_(?=[0-9]+$)")


class Target(NamedTuple):
    """What a model name of the map stands for."""

    kind: Kind
    bot_id: str | None = None
    workflow_id: str | None = None
    app_id: str | None = None
    parameters: Mapping[str, Any] = {}


class Defaults(NamedTuple):
    """What the settings say of requests that say nothing."""

    kind: Kind = "chat"
    bot_id: str | None = None
    workflow_id: str | None = None
    models: Mapping[str, Target] = {}
    # Model names that are neither in the map nor hold an id are an error, but for these.
    reject_unknown: bool = False
    known: Sequence[str] = ()


class Route(NamedTuple):
    """Where a request goes. The ids that its kind needs are there."""

    kind: Kind
    bot_id: str | None = None
    workflow_id: str | None = None
    conversation_id: str | None = None
    app_id: str | None = None
    # Of a workflow, from the map.
    parameters: Mapping[str, Any] = {}


def route(request: ChatRequest, headers: Mapping[str, str], defaults: Defaults) -> Route:
    """Decide where a request goes.

    Raises:
        RequestError: the kind is unknown, an id is missing, or what stands for one cannot be one.
    """
    kind = explicit("x-model-type", request, headers)
    bot = explicit("x-bot-id", request, headers)
    workflow = explicit("x-workflow-id", request, headers)
    conversation = explicit("x-conversation-id", request, headers)
    conversation = conversation or request.options.conversation_id
    if kind and kind not in KINDS:
        raise RequestError(
            f"The model type must be one of {', '.join(KINDS)}.",
            param="x-model-type",
            code="invalid_model_type",
        )
    named = _named(request.model, defaults)
    if named is None and defaults.reject_unknown and not bot and not workflow:
        raise model_not_found(request.model)
    model = _Named() if named is None else _without(named, bot=bot, app=request.options.app_id)
    if not kind:
        kind = model.kind or _implied(model, workflow, conversation, defaults)
    return _complete(
        Route(
            kind=cast("Kind", kind),
            bot_id=checked_id(bot, "x-bot-id") or checked_id(model.bot_id, "model"),
            workflow_id=checked_id(workflow, "x-workflow-id")
            or checked_id(model.workflow_id, "model"),
            conversation_id=_conversation_id(conversation),
            app_id=checked_id(request.options.app_id or model.app_id, "coze.app_id"),
            parameters=model.parameters,
        ),
        defaults,
    )


def model_not_found(name: str) -> RequestError:
    """OpenAI's error for a model that there is none of."""
    return RequestError(
        f"The model '{name[:200]}' does not exist.",
        param="model",
        code="model_not_found",
        status=404,
    )


class _Named(NamedTuple):
    """What a model name says. Like a Target, but the kind may be open."""

    kind: Kind | None = None
    bot_id: str | None = None
    workflow_id: str | None = None
    app_id: str | None = None
    parameters: Mapping[str, Any] = {}


def _named(model: str, defaults: Defaults) -> _Named | None:
    if model in defaults.models:
        return _Named(*defaults.models[model])
    for prefix, (of, kind) in PREFIXES.items():
        id_ = model.removeprefix(prefix)
        if id_ and id_ != model:
            bot = of == "bot"
            return _Named(kind, id_ if bot else None, None if bot else id_)
    return _Named() if model in defaults.known else None


def _implied(
    model: _Named, workflow: str | None, conversation: str | None, defaults: Defaults
) -> Kind:
    """The kind where nothing names one."""
    if workflow:
        return "workflow"
    # bot-<id> asks a bot, or a model picker would not reach bots beside a default workflow.
    default = "chat" if model.bot_id and defaults.kind != "conversation" else defaults.kind
    # Chatflows hold conversations, too.
    return "conversation" if conversation and default != "chatflow" else default


def _without(model: _Named, *, bot: str | None, app: str | None) -> _Named:
    """What a model name says, less what the request itself says: a workflow has a bot or an app."""
    if bot and not app:
        return model._replace(app_id=None)
    if app and not bot and model.workflow_id:
        return model._replace(bot_id=None)
    return model


def explicit(key: str, request: ChatRequest, headers: Mapping[str, str]) -> str | None:
    """What a request says under one of the keys, wherever it says it.

    Raises:
        RequestError: it is no text.
    """
    if headers.get(key):
        return headers[key]
    at_top: str | None = getattr(request, key.replace("-", "_"))
    if at_top:
        return at_top
    for name, value in (request.extra_headers or {}).items():
        if name.lower() == key and value:
            if not isinstance(value, str):
                raise RequestError.invalid(f"extra_headers.{name}", "it must be a string")
            return value
    return None


def _complete(found: Route, defaults: Defaults) -> Route:
    """Fill in the default ids that the kind takes, and check that those it needs are there."""
    if found.kind in ("chat", "conversation"):
        if not found.bot_id:
            found = found._replace(bot_id=defaults.bot_id)
        if not found.bot_id:
            raise RequestError(
                "Bot ID is required for chat completion", param="x-bot-id", code="missing_bot_id"
            )
        return found
    found = found._replace(workflow_id=found.workflow_id or defaults.workflow_id)
    if not found.workflow_id:
        raise RequestError(
            "Workflow ID is required for workflow completion",
            param="x-workflow-id",
            code="missing_workflow_id",
        )
    if found.kind == "workflow":
        return found
    # A workflow runs without a bot; a chatflow needs one, or an app, and never both.
    bot = None if found.app_id else found.bot_id or defaults.bot_id
    if not bot and not found.app_id:
        raise RequestError(
            "A chatflow needs the bot or the app that it belongs to: x-bot-id or coze.app_id.",
            param="x-bot-id",
            code="missing_bot_id",
        )
    return found._replace(bot_id=bot)


def _conversation_id(found: str | None) -> str | None:
    return checked_id(_OPENAI_CONVERSATION.sub("", found) if found else None, "x-conversation-id")


def checked_id(found: str | None, param: str) -> str | None:
    """An id that a caller names; None where it names none.

    Raises:
        RequestError: it cannot be one.
    """
    if found and not ID.fullmatch(found):
        raise RequestError.invalid(param, "an id has letters, digits, '-' and '_', at most 64")
    return found or None
