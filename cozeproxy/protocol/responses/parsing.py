"""Reading the body of a request for a response, and refusing what cannot be."""

import msgspec

from cozeproxy.errors import RequestError
from cozeproxy.protocol.openai import Object
from cozeproxy.protocol.parsing import (
    ITS_CHOICE,
    check_stops,
    leaves_choice,
    parse,
    unsupported,
)
from cozeproxy.protocol.responses.openai import ResponsesRequest

# Accepted, without effect; see parsing.IGNORED.
IGNORED = (
    "context_management",
    "frequency_penalty",
    "include",
    "max_output_tokens",
    "max_tool_calls",
    "moderation",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "seed",
    "service_tier",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
    "truncation",
)

_request_decoder = msgspec.json.Decoder(ResponsesRequest)


def parse_responses_request(body: bytes) -> ResponsesRequest:
    """Read the body of a request for a response.

    Raises:
        RequestError: it is not JSON, or not what OpenAI's API takes; ``param`` names the place.
    """
    request = parse(_request_decoder, body)
    if request.input is None:
        raise _missing("input")
    if not request.model and not request.previous_response_id:
        raise _missing("model")
    _refuse_contradictions(request)
    _refuse_what_cannot_be(request)
    check_stops([request.stop] if isinstance(request.stop, str) else request.stop or [])
    return request


def _refuse_contradictions(request: ResponsesRequest) -> None:
    given = {
        "previous_response_id": request.previous_response_id,
        "conversation": request.conversation_id,
        "x-conversation-id": request.x_conversation_id,
        "coze.conversation_id": request.coze and request.coze.conversation_id,
    }
    named = [name for name, value in given.items() if value]
    if len(named) > 1:
        raise mutually_exclusive(*named[:2])
    if request.background and not request.keeps:
        raise unsupported("background", "it needs 'store', as the answer is fetched", value=True)
    if request.background and request.stream:
        raise unsupported("background", "it is polled for, and not streamed", value=True)
    form = request.format
    if form and form.type == "json_schema" and (not form.name or form.schema is None):
        raise _missing("text.format.schema" if form.name else "text.format.name")


def mutually_exclusive(first: str, second: str) -> RequestError:
    """The error for two fields of which only one may be given."""
    return RequestError(
        f"Mutually exclusive parameters: '{first}' and '{second}'. Give one of them.",
        param=first,
        code="mutually_exclusive_parameters",
    )


def _refuse_what_cannot_be(request: ResponsesRequest) -> None:
    """Refuse what a Coze bot cannot do and what would be missed if it were ignored."""
    if request.prompt:
        raise unsupported("prompt", "there are no stored prompts here")
    if request.top_logprobs:
        raise unsupported("top_logprobs", "Coze does not tell them")
    if "message.output_text.logprobs" in (request.include or ()):
        raise unsupported("include", "Coze does not tell logprobs", value=True)
    if not leaves_choice(_as_in_chat(request.tool_choice)):
        raise unsupported("tool_choice", ITS_CHOICE, value=True)


def _as_in_chat(tool_choice: str | Object | None) -> str | Object | None:
    """A tool choice as chat completions have it: what is allowed stands in an object of its own."""
    if isinstance(tool_choice, dict) and tool_choice.get("type") == "allowed_tools":
        return {"allowed_tools": tool_choice}
    return tool_choice


def _missing(field: str) -> RequestError:
    return RequestError(
        f"Missing required parameter: '{field}'.", param=field, code="missing_required_parameter"
    )
