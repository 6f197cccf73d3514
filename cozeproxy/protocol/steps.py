"""What came of a chat that Coze keeps: its answers, and the calls of tools between them."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from cozeproxy.protocol.coze import number
from cozeproxy.protocol.kept import Message

# plugin_type of a tool that the caller runs (docs.coze.cn, use_local_plugin).
_LOCAL = 6
# Types of what a tool said, in several versions.
OUTPUTS = ("tool_response", "tool_output")


class LocalCall(msgspec.Struct):
    """The JSON inside the content of a ``function_call``: a tool that was called."""

    name: str = ""
    api_name: str | None = None
    arguments: Any = None
    plugin_type: int | str | None = None


_local_decoder = msgspec.json.Decoder(LocalCall)


def local_call(message: Message) -> LocalCall | None:
    """The call of a tool that the caller runs, if a message is one."""
    if message.type != "function_call":
        return None
    try:
        call = _local_decoder.decode(message.content or "")
    except msgspec.MsgspecError:
        return None  # a note on what was done; nothing else depends on it
    return call if number(call.plugin_type) == _LOCAL else None


def legs(messages: Sequence[Message]) -> list[list[Message]]:
    """A chat's messages, parted where it had waited for the outputs of tools.

    Coze lists them in no order that one may rely on (docs.coze.cn, list_chat_messages, its sample);
    by their times and ids they are in the order in which they came.
    """
    found: list[list[Message]] = [[]]
    waits = False
    for message in _in_order(messages):
        calls = local_call(message) is not None
        if waits and not calls and message.type != "verbose":
            found.append([])
            waits = False
        waits = waits or calls
        found[-1].append(message)
    return found


def calls_in(leg: Sequence[Message]) -> Iterator[tuple[Message, LocalCall]]:
    """The calls that a part of a chat ended with."""
    for message in leg:
        call = local_call(message)
        if call:
            yield message, call


def arguments_of(call: LocalCall) -> str:
    """What a tool was called with, as the JSON text that calls have elsewhere."""
    return "" if call.arguments is None else msgspec.json.encode(call.arguments).decode()


def sent_again(message: Message) -> dict[str, str]:
    """A message as one to be sent: what was said, be it text or with files."""
    kind = message.content_type
    return {
        "role": "assistant" if message.is_answer else "user",
        "type": "answer" if message.is_answer else "question",
        # Cards and the like are for answers only; their content is text as well.
        "content_type": "object_string" if kind == "object_string" else "text",
        "content": message.content or "",
    }


def told_again(call: LocalCall) -> dict[str, str]:
    """A call as text, which it becomes where no chat waits for it any more."""
    text = f"[Call of {call.api_name or call.name}] {arguments_of(call)}".rstrip()
    return sent_again(Message(role="assistant", content=text))


def _in_order(messages: Sequence[Message]) -> list[Message]:
    # Where times are missing, ids have to do: an answer may have got its own before it was made.
    timed = all(number(message.created_at) for message in messages)

    def age(message: Message) -> tuple[int, int]:
        time = number(message.created_at) if timed else 0
        return time or 0, number(message.id) or 0

    return sorted(messages, key=age)
