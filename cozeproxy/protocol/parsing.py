"""Reading a request's body, and telling in OpenAI's terms what is wrong with it."""

import re
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from cozeproxy.errors import RequestError
from cozeproxy.protocol.openai import ChatRequest, Object, TextRequest

T = TypeVar("T")

# Accepted, without effect: the bot has its own settings for them. Named back to the caller in a
# header, as far as they are known; fields that nobody knows are ignored silently.
IGNORED = (
    "chat_template_kwargs",
    "enable_thinking",
    "frequency_penalty",
    "function_call",
    "functions",
    "keep_alive",
    "logit_bias",
    "max_completion_tokens",
    "max_tokens",
    "min_p",
    "moderation",
    "num_ctx",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "reasoning_effort",
    "repetition_penalty",
    "seed",
    "service_tier",
    "store",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
    "verbosity",
    "web_search_options",
)

ITS_CHOICE = "a Coze bot decides itself, and calls only its own tools"

_request_decoder = msgspec.json.Decoder(ChatRequest)
_text_decoder = msgspec.json.Decoder(TextRequest)
_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
# msgspec: "Expected `str`, got `int` - at `$.messages[0].role`", without the place at the top.
_PLACE = re.compile(r"^(?P<text>.*?)(?: - at `(?P<path>.+?)`)?$", re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89abAB]")
_EMPTY = re.compile(rb"\[\s*\]")
_FIELD = re.compile(
    r"^Object (?P<what>missing required|contains unknown) field `(?P<field>[^`]+)`$"
)


def parse_chat_request(body: bytes) -> ChatRequest:
    """Read the body of a chat completion request.

    Raises:
        RequestError: it is not JSON, or not what OpenAI's API takes; ``param`` names the place.
    """
    request = parse(_request_decoder, body)
    if not request.messages:
        raise RequestError(
            "Invalid 'messages': at least one message is needed.",
            param="messages",
            code="invalid_value",
        )
    _refuse_what_cannot_be(request)
    return request


def parse_text_request(body: bytes) -> ChatRequest:
    """Read the body of a text completion request, as the chat that it becomes.

    Raises:
        RequestError: as parse_chat_request() does.
    """
    request = parse(_text_decoder, body)
    if request.suffix:
        raise unsupported("suffix", "a Coze bot answers, and fills no gaps")
    if request.echo:
        raise unsupported("echo", "a Coze bot does not repeat what it was asked")
    if request.best_of not in (None, 1):
        raise unsupported("best_of", "a Coze bot gives one answer", value=True)
    # 0 asks for those of the tokens that were chosen.
    if request.logprobs is not None and request.logprobs is not False:
        raise unsupported("logprobs", "Coze does not tell them")
    chat = request.asking(_prompt(request.prompt))
    _refuse_what_cannot_be(chat)
    return chat


def ignored_fields(body: bytes, names: Sequence[str] = IGNORED) -> list[str]:
    """Which fields of a request, already found to be one, are accepted without effect.

    Raises:
        RequestError: a key is not UTF-8, which reading the request passes over.
    """
    fields = parse(_fields_decoder, body)
    given = ((name, bytes(fields[name])) for name in names if name in fields)
    return [name for name, text in given if text != b"null" and not _EMPTY.fullmatch(text)]


def parse(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode a request's body.

    Raises:
        RequestError: what is wrong with it.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        # Half a character, as programs leave behind that cut texts by their UTF-16 length.
        half = " It may hold a lone surrogate." if _SURROGATE.search(body) else ""
        raise RequestError(f"The request body is not valid JSON: {error}.{half}") from error
    except RecursionError as error:
        raise RequestError("The request body is nested too deeply.") from error


def _explain(text: str) -> RequestError:
    match = _PLACE.match(text)
    assert match  # noqa: S101 - the pattern matches any text
    # A wrong value of a map stands at "[...]": which one it is, is not told.
    path = (match["path"] or "$").removeprefix("$").removeprefix(".").removesuffix("[...]")
    text = match["text"]
    field = _FIELD.match(text)
    if field:
        path = f"{path}.{field['field']}" if path else field["field"]
        if field["what"] == "contains unknown":
            return RequestError(
                f"Unknown parameter: '{path}'.", param=path, code="unknown_parameter"
            )
        return RequestError.missing(path)
    if not path:
        return RequestError(f"The request body must be a JSON object: {text}.")
    code = "invalid_type" if text.startswith("Expected") else "invalid_value"
    return RequestError(f"Invalid '{path}': {text}.", param=path, code=code)


def _prompt(given: str | list[Any] | None) -> str:
    """The one text that a prompt must be, also as a list."""
    if given is None:
        raise RequestError.missing("prompt")
    texts = given if isinstance(given, list) else [given]
    if not all(isinstance(text, str) for text in texts):
        raise unsupported("prompt", "a Coze bot takes text, and no tokens", value=True)
    if len(texts) != 1:
        raise unsupported("prompt", "a Coze bot takes one prompt at a time", value=True)
    return str(texts[0])


def _refuse_what_cannot_be(request: ChatRequest) -> None:
    """Refuse what a Coze bot cannot do and what would be missed if it were ignored."""
    if request.n is not None and request.n != 1:
        raise unsupported("n", "a Coze bot gives one answer", value=True)
    if request.logprobs:
        raise unsupported("logprobs", "Coze does not tell them")
    if request.top_logprobs:
        raise unsupported("top_logprobs", "Coze does not tell them")
    if request.modalities and "audio" in request.modalities:
        raise unsupported("modalities", "answers are text", value=True)
    if request.audio:
        raise unsupported("audio", "answers are text")
    if not leaves_choice(request.tool_choice):
        raise unsupported("tool_choice", ITS_CHOICE, value=True)
    if request.function_call not in (None, "auto", "none"):
        raise unsupported("function_call", ITS_CHOICE, value=True)
    check_stops(request.stops)


def check_stops(stops: Sequence[str]) -> None:
    """Refuse more stop sequences, or longer ones, than are looked for.

    Raises:
        RequestError: there are.
    """
    # Four is OpenAI's own limit; the length bounds what is held back of a stream.
    if len(stops) > 4 or any(len(stop) > 256 for stop in stops):
        raise RequestError(
            "Invalid 'stop': at most 4, of at most 256 characters.",
            param="stop",
            code="invalid_value",
        )


def leaves_choice(tool_choice: str | Object | None) -> bool:
    """Whether a request leaves it to the bot which tools are called."""
    if isinstance(tool_choice, dict):
        # Of the objects only allowed_tools may leave the choice open, by its mode.
        allowed = tool_choice.get("allowed_tools")
        return isinstance(allowed, dict) and allowed.get("mode") == "auto"
    return tool_choice in (None, "auto", "none")


def unsupported(field: str, reason: str, *, value: bool = False) -> RequestError:
    """The error for a field, or for a value of one, that a Coze bot cannot serve."""
    code = "unsupported_value" if value else "unsupported_parameter"
    return RequestError(f"'{field}' cannot be served: {reason}.", param=field, code=code)
