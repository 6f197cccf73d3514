"""What callers send: the body of OpenAI's chat completion requests.

Types follow OpenAI's API reference; what clients send beyond it was seen in openai-python 3.54,
openai-node 7.57, LangChain, LiteLLM, the AI SDK and Open WebUI, and passes.
"""

from typing import Any, Literal

import msgspec

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
Object = dict[str, Any]


class ImageURL(msgspec.Struct):
    """An image, by its address or as a ``data:`` URL."""

    url: str | None = None
    # Only Responses have it.
    file_id: str | None = None


class InputAudio(msgspec.Struct):
    """A recording, as base64."""

    data: str


class File(msgspec.Struct):
    """A file: uploaded before, or here as base64 or a ``data:`` URL."""

    file_id: str | None = None
    file_data: str | None = None
    filename: str | None = None
    # Only Responses have it.
    file_url: str | None = None


class Part(msgspec.Struct):
    """One item of a message's content. Some clients give an image's URL as a bare string."""

    type: Literal["text", "refusal", "image_url", "input_audio", "file"]
    text: str | None = None
    refusal: str | None = None
    image_url: str | ImageURL | None = None
    input_audio: InputAudio | None = None
    file: File | None = None


class Function(msgspec.Struct):
    """A function's name, and its arguments as JSON text."""

    name: str = ""
    arguments: str | None = None


class CustomTool(msgspec.Struct):
    """A custom tool's name, and its input as text."""

    name: str = ""
    input: str | None = None


class ToolCall(msgspec.Struct):
    """A tool call that an assistant message repeats."""

    id: str | None = None
    function: Function | None = None
    custom: CustomTool | None = None

    @property
    def called(self) -> Function | None:
        """What was called, and with what."""
        if self.custom:
            return Function(self.custom.name, self.custom.input)
        return self.function


class OfferedFunction(msgspec.Struct, gc=False):
    """A function that the caller can run. What it is for is not read: a bot has its own tools."""

    name: str | None = None


class Tool(msgspec.Struct, gc=False):
    """A tool that the caller can run."""

    function: OfferedFunction | None = None


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


class ResponseFormat(msgspec.Struct):
    """The form that the answer should have."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: Object | None = None


class ShortcutCommand(msgspec.Struct, forbid_unknown_fields=True):
    """A shortcut of the bot's; the values are ``object_string`` texts."""

    command_id: str
    parameters: dict[str, str] | None = None


class CozeOptions(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The field ``coze`` of a request: what Coze has and OpenAI has no field for.

    An unknown key is an error, unlike elsewhere: whoever writes this object writes it for Coze, and
    a misspelt one would be lost without a word.
    """

    # Fields of Coze's, under Coze's names.
    custom_variables: dict[str, str] | None = None
    parameters: Object | None = None
    meta_data: dict[str, str] | None = None
    extra_params: dict[str, str] | None = None
    shortcut_command: ShortcutCommand | None = None
    enable_card: bool | None = None
    publish_status: Literal["published_online", "unpublished_draft"] | None = None
    bot_version: str | None = None
    app_id: str | None = None
    workflow_version: str | None = None
    ext: dict[str, str] | None = None
    connector_id: str | None = None
    conversation_id: str | None = None
    # Switches of this service.
    follow_ups: bool | None = None
    events: bool | None = None
    auto_save_history: bool | None = None
    resume: str | None = None


class RoutedRequest(msgspec.Struct, kw_only=True):
    """What all requests have in common that a bot or a workflow answers.

    Only the fields that are used are declared, here and in its subclasses. Everything else, known
    to OpenAI or not, is accepted and ignored, as a Coze bot has its own settings; so is an explicit
    null, which clients send.
    """

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, str] | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    coze: CozeOptions | None = None
    x_model_type: str | None = msgspec.field(default=None, name="x-model-type")
    x_bot_id: str | None = msgspec.field(default=None, name="x-bot-id")
    x_workflow_id: str | None = msgspec.field(default=None, name="x-workflow-id")
    x_conversation_id: str | None = msgspec.field(default=None, name="x-conversation-id")
    extra_headers: Object | None = None

    @property
    def include_usage(self) -> bool:
        """Whether a stream should end with a chunk that has the usage."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def options(self) -> CozeOptions:
        """The field ``coze``, empty where it is missing."""
        return self.coze or CozeOptions()

    @property
    def stops(self) -> list[str]:
        """The texts before which the answer is cut."""
        stops = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return [stop for stop in stops if stop]


class ChatRequest(RoutedRequest, kw_only=True):
    """The body of ``POST /v1/chat/completions``."""

    messages: list[Message]
    response_format: ResponseFormat | None = None
    tools: list[Tool] | None = None
    tool_choice: str | Object | None = None
    functions: list[OfferedFunction] | None = None
    function_call: str | Object | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    modalities: list[str] | None = None
    audio: Object | None = None

    @property
    def has_tools(self) -> bool:
        """Whether the caller is ready to run tools."""
        return bool(self.tools or self.functions)

    @property
    def wants_json(self) -> bool:
        """Whether the answer should be JSON."""
        return self.response_format is not None and self.response_format.type != "text"


class TextRequest(RoutedRequest, kw_only=True):
    """The body of ``POST /v1/completions``: a text that is to go on, and no messages."""

    prompt: str | list[Any] | None = None
    suffix: str | None = None
    echo: bool | None = None
    best_of: int | None = None
    logprobs: int | bool | None = None

    def asking(self, prompt: str) -> ChatRequest:
        """The same as a chat: the prompt is what the user says."""
        common = {name: getattr(self, name) for name in RoutedRequest.__struct_fields__}
        return ChatRequest(messages=[Message("user", prompt)], **common)
