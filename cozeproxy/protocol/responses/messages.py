"""The items of an input as messages of a chat, which all else is made from."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from cozeproxy.errors import RequestError
from cozeproxy.protocol import openai
from cozeproxy.protocol.openai import CustomTool, File, Function, ImageURL, Message, ToolCall
from cozeproxy.protocol.responses.ids import REASONING, unpack_function_call
from cozeproxy.protocol.responses.openai import Item, Part

_CALLS = ("function_call", "custom_tool_call")
_OUTPUTS = ("function_call_output", "custom_tool_call_output")
# The names of parts here, and in chat completions.
_PARTS = {
    "input_text": "text",
    "output_text": "text",
    "text": "text",
    "refusal": "refusal",
    "input_image": "image_url",
    "input_audio": "input_audio",
    "input_file": "file",
}


class Place(NamedTuple):
    """Where in the input a message is from, and what its content is called there."""

    item: str
    content: str = "content"


class Placed(NamedTuple):
    """A message, and its place."""

    message: Message
    place: Place


def messages_of(items: Iterable[tuple[str, Item]]) -> list[Placed]:
    """Make messages of items, each with its place in the request.

    Calls that follow each other, or what was said before them, are of one step of the bot's: they
    become one message, as chat completions have it.

    Raises:
        RequestError: an item is of a kind that cannot be sent to Coze.
    """
    placed: list[Placed] = []
    for place, item in items:
        kind = item.kind
        if kind in _CALLS or _refers_to_call(item):
            last = placed[-1].message if placed else None
            if last is None or last.role != "assistant":
                last = Message("assistant")
                placed.append(Placed(last, Place(place)))
            last.tool_calls = [*(last.tool_calls or ()), _call(item)]
        elif kind not in ("reasoning", "item_reference"):
            # Coze has no use for what was thought.
            placed.append(_message(kind, place, item))
    return placed


def check_references(items: Iterable[tuple[str, Item]]) -> None:
    """Refuse references to what was not found.

    Raises:
        RequestError: there is one.
    """
    for place, item in items:
        id_ = item.id or ""
        if item.kind != "item_reference" or id_.startswith(REASONING) or _refers_to_call(item):
            continue
        raise RequestError(
            f"Item with id '{id_[:500]}' not found. Items are not kept where 'store' is false, nor"
            " where a workflow runs.",
            param=place,
            status=404,
        )


def in_own_terms(
    error: RequestError, places: Sequence[Place], whole: str = "input"
) -> RequestError:
    """Tell an error of the chat that a request was made into with the request's own words.

    Args:
        error: what is wrong.
        places: of the messages.
        whole: what all of them together are called.
    """
    if not error.param:
        return error
    param = error.param
    for i, place in enumerate(places):
        param = param.replace(f"messages[{i}].content", f"{place.item}.{place.content}")
        param = param.replace(f"messages[{i}]", place.item)
    for theirs, own in (
        ("messages", whole),
        ("input.content", "input"),
        ("response_format", "text.format"),
        (".tool_call_id", ".call_id"),
        (".image_url.url", ".image_url"),
        (".image_url.file_id", ".file_id"),
        (".file.", "."),
    ):
        param = param.replace(theirs, own)
    text = str(error).replace(f"'{error.param}'", f"'{param}'")
    answer = error.answer
    return RequestError(text, param=param, code=answer.code, status=answer.status)


def _message(kind: str, place: str, item: Item) -> Placed:
    if kind == "message":
        if item.role is None:
            raise RequestError(
                f"Missing required parameter: '{place}.role'.",
                param=f"{place}.role",
                code="missing_required_parameter",
            )
        content = _content(item.content, f"{place}.content")
        return Placed(Message(item.role, content), Place(place))
    if kind in _OUTPUTS:
        if not item.call_id:
            raise RequestError(
                f"Missing required parameter: '{place}.call_id'.",
                param=f"{place}.call_id",
                code="missing_required_parameter",
            )
        output = _content(item.output, f"{place}.output")
        return Placed(Message("tool", output, tool_call_id=item.call_id), Place(place, "output"))
    raise RequestError(
        f"Invalid '{place}.type': items of the type '{kind[:64]}' cannot be sent to Coze.",
        param=f"{place}.type",
        code="invalid_value",
    )


def _refers_to_call(item: Item) -> bool:
    return item.kind == "item_reference" and unpack_function_call(item.id or "") is not None


def _call(item: Item) -> ToolCall:
    referred = unpack_function_call(item.id or "") if item.kind == "item_reference" else None
    if referred:
        return ToolCall(referred.call_id, Function(referred.name, referred.arguments))
    if item.kind == "custom_tool_call":
        return ToolCall(item.call_id, custom=CustomTool(item.name or "", item.input))
    return ToolCall(item.call_id, Function(item.name or "", item.arguments))


def _content(content: str | list[Part] | None, place: str) -> str | list[openai.Part] | None:
    return list(_parts(content, place)) if isinstance(content, list) else content


def _parts(parts: list[Part], place: str) -> Iterator[openai.Part]:
    for j, part in enumerate(parts):
        kind = _PARTS.get(part.type)
        if kind == "text":
            yield openai.Part("text", text=part.text)
        elif kind == "refusal":
            yield openai.Part("refusal", refusal=part.refusal)
        elif kind == "image_url":
            yield openai.Part("image_url", image_url=ImageURL(part.image_url, part.file_id))
        elif kind == "input_audio":
            yield openai.Part("input_audio", input_audio=part.input_audio)
        elif kind == "file":
            file = File(part.file_id, part.file_data, part.filename, part.file_url)
            yield openai.Part("file", file=file)
        else:
            param = f"{place}[{j}].type"
            raise RequestError(
                f"Invalid '{param}': '{part.type[:64]}' is none of {', '.join(_PARTS)}.",
                param=param,
                code="invalid_value",
            )
