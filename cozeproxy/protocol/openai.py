"""What callers send: the body of OpenAI's chat completion requests.

Types follow OpenAI's API reference; what clients send beyond it was seen in openai-python 3.54,
openai-node 7.57, LangChain, LiteLLM, the AI SDK and Open WebUI, and passes.
"""

import re
from typing import Literal, TypeVar

import msgspec

from cozeproxy.errors import RequestError

T = TypeVar("T")

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]


class Part(msgspec.Struct):
    """One item of a message's content."""

    type: Literal["text", "refusal"]
    text: str | None = None
    refusal: str | None = None


class Function(msgspec.Struct):
    """A function's name, and its arguments as JSON text."""

    name: str = ""
    arguments: str | None = None


class ToolCall(msgspec.Struct):
    """A tool call that an assistant message repeats."""

    id: str | None = None
    function: Function | None = None


class Message(msgspec.Struct):
    """A message of the request. Unknown keys (``reasoning_content``, ...) pass unread."""

    role: Role
    content: str | list[Part] | None = None
    refusal: str | None = None
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None


class StreamOptions(msgspec.Struct):
    """Options that only a stream has."""

    include_usage: bool | None = None


class ChatRequest(msgspec.Struct, kw_only=True):
    """The body of ``POST /v1/chat/completions``.

    Only the fields that are used are declared. Everything else, known to OpenAI or not, is accepted
    and ignored, as a Coze bot has its own settings; so is an explicit null, which clients send.
    """

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = None
    safety_identifier: str | None = None
    bot_id: str | None = msgspec.field(default=None, name="x-bot-id")
    model_type: str | None = msgspec.field(default=None, name="x-model-type")

    @property
    def include_usage(self) -> bool:
        """Whether a stream should end with a chunk that has the usage."""
        return bool(self.stream_options and self.stream_options.include_usage)


_request_decoder = msgspec.json.Decoder(ChatRequest)
# `Expected `str`, got `int` - at `$.messages[0].role``, the path missing at the top.
_PLACE = re.compile(r"^(?P<text>.*?)(?: - at `(?P<path>.+?)`)?$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<field>[^`]+)`$")


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
    return request


def parse(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode a request's body.

    Raises:
        RequestError: what is wrong with it, in OpenAI's terms.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"The request body is not valid JSON: {error}") from error
    except RecursionError as error:
        raise RequestError("The request body is nested too deeply.") from error


def _explain(text: str) -> RequestError:
    match = _PLACE.match(text)
    assert match  # noqa: S101 - the pattern matches any text
    text, path = match["text"], (match["path"] or "$").removeprefix("$").removeprefix(".")
    missing = _MISSING.match(text)
    if missing:
        path = f"{path}.{missing['field']}" if path else missing["field"]
        return RequestError(
            f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter"
        )
    if not path:
        return RequestError(f"The request body must be a JSON object: {text}.")
    code = "invalid_type" if text.startswith("Expected") else "invalid_value"
    return RequestError(f"Invalid '{path}': {text}.", param=path, code=code)
