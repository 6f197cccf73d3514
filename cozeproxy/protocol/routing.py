"""Which bot a request is for: the first place that says so wins.

1. the header ``x-bot-id``;
2. the same key in the JSON body;
3. the model name, where it is ``bot-<id>``;
4. the default of the settings. Any other model name is accepted, and echoed.
"""

from collections.abc import Mapping
from typing import NamedTuple

from cozeproxy.errors import RequestError
from cozeproxy.protocol.ids import ID
from cozeproxy.protocol.openai import ChatRequest

BOT_PREFIX = "bot-"


class Route(NamedTuple):
    """Where a request goes."""

    bot_id: str


def route(
    request: ChatRequest, headers: Mapping[str, str], *, model_type: str, bot_id: str | None
) -> Route:
    """Decide where a request goes; ``model_type`` and ``bot_id`` are the defaults.

    Raises:
        RequestError: nothing names a bot, or what does cannot be an id or is not served.
    """
    kind = headers.get("x-model-type") or request.model_type or model_type
    if kind != "chat":
        raise RequestError(
            f"Model type '{kind}' is not served; only 'chat' is.",
            param="x-model-type",
            code="invalid_model_type",
        )
    named = headers.get("x-bot-id") or request.bot_id
    if not named and request.model.startswith(BOT_PREFIX):
        named = request.model.removeprefix(BOT_PREFIX)
    found = named or bot_id
    if not found:
        raise RequestError(
            "Bot ID is required for chat completion", param="x-bot-id", code="missing_bot_id"
        )
    if not ID.fullmatch(found):
        raise RequestError(
            "Invalid bot id: it may have letters, digits, '-' and '_', at most 64.",
            param="x-bot-id",
            code="invalid_value",
        )
    return Route(found)
