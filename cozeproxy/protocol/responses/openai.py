"""What callers send: the body of ``POST /v1/responses``.

Types follow OpenAI's API reference, as openai-python 3.57 and the clients of the tests write them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from cozeproxy.protocol.openai import CozeOptions, InputAudio, Object


class Part(msgspec.Struct):
    """One item of a message's content, or of a tool's output.

    A file's fields stand beside the type, unlike in chat completions.
    """

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    file_data: str | None = None
    filename: str | None = None
    input_audio: InputAudio | None = None


class Item(msgspec.Struct):
    """One item of the input, of any kind: a message needs no ``type``, so it decides no class."""

    type: str | None = None
    id: str | None = None
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: str | list[Part] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: str | list[Part] | None = None

    @property
    def kind(self) -> str:
        """The type, also where it is left out, as it may be of messages and of references."""
        if self.type:
            return self.type
        return "item_reference" if self.id and not self.role else "message"


class TextFormat(msgspec.Struct, omit_defaults=True):
    """The form that the answer should have; a schema stands beside the type."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    schema: Object | None = None
    strict: bool | None = None


class TextConfig(msgspec.Struct, omit_defaults=True):
    """How the answer's text should be."""

    format: TextFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class ConversationReference(msgspec.Struct):
    """A conversation as an object."""

    id: str


class ResponsesRequest(msgspec.Struct, kw_only=True):
    """The body of ``POST /v1/responses``.

    Declared are the fields that are used, if only by being told back; for the rest see
    ChatRequest, whose extensions are taken here as well.
    """

    model: str | None = None
    input: str | list[Item] | None = None
    instructions: str | None = None
    stream: bool | None = None
    store: bool | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    conversation: str | ConversationReference | None = None
    text: TextConfig | None = None
    tools: list[Object] | None = None
    tool_choice: str | Object | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, str] | None = None
    stop: str | list[str] | None = None
    include: list[str] | None = None
    prompt: Object | None = None
    # Told back.
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    top_logprobs: int | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Object | None = None
    truncation: Literal["auto", "disabled"] | None = None
    prompt_cache_key: str | None = None
    # Extensions.
    coze: CozeOptions | None = None
    x_model_type: str | None = msgspec.field(default=None, name="x-model-type")
    x_bot_id: str | None = msgspec.field(default=None, name="x-bot-id")
    x_workflow_id: str | None = msgspec.field(default=None, name="x-workflow-id")
    x_conversation_id: str | None = msgspec.field(default=None, name="x-conversation-id")
    extra_headers: Object | None = None

    def placed_items(self) -> Iterator[tuple[str, Item]]:
        """The items of the input and their places, also where it is one text."""
        if isinstance(self.input, str):
            yield "input", Item(role="user", content=self.input)
        for i, item in enumerate(self.input if isinstance(self.input, list) else ()):
            yield f"input[{i}]", item

    @property
    def conversation_id(self) -> str | None:
        """The conversation that this is a turn of, where the request names it."""
        named = self.conversation
        return named.id if isinstance(named, ConversationReference) else named

    @property
    def keeps(self) -> bool:
        """Whether Coze shall keep the turn."""
        if self.store is None and self.coze:
            return self.coze.auto_save_history is not False
        return self.store is not False

    @property
    def format(self) -> TextFormat | None:
        """The form that the answer should have."""
        return self.text.format if self.text else None


def echoed(request: ResponsesRequest) -> Mapping[str, Any]:
    """The fields of a response that repeat its request, with OpenAI's defaults.

    All are there, as the strictest readers require (Open Responses 2026-04-24); ``user`` alone may
    not be null.
    """
    text = request.text or TextConfig()
    fields: dict[str, Any] = {
        "background": bool(request.background),
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "max_tool_calls": request.max_tool_calls,
        "metadata": request.metadata or {},
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": request.previous_response_id,
        "prompt_cache_key": request.prompt_cache_key,
        "reasoning": {"effort": None, "summary": None, **(request.reasoning or {})},
        "safety_identifier": request.safety_identifier,
        "service_tier": "default",
        "store": request.keeps,
        "temperature": _or(request.temperature, 1.0),
        "text": {"format": TextFormat("text"), **msgspec.to_builtins(text)},
        "tool_choice": request.tool_choice or "auto",
        "tools": [_tool(tool) for tool in request.tools or ()],
        "top_logprobs": 0,
        "top_p": _or(request.top_p, 1.0),
        "presence_penalty": _or(request.presence_penalty, 0.0),
        "frequency_penalty": _or(request.frequency_penalty, 0.0),
        "truncation": request.truncation or "disabled",
    }
    if request.user:
        fields["user"] = request.user
    if request.conversation_id:
        fields["conversation"] = {"id": request.conversation_id}
    return fields


def _tool(tool: Object) -> Object:
    if tool.get("type") != "function":
        return tool
    return {"description": None, "parameters": None, "strict": None, **tool}


def _or(given: float | None, default: float) -> float:
    return default if given is None else given
