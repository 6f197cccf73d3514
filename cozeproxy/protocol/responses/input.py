"""What a response was asked with, from what Coze keeps of it.

Coze's history holds what was put into the messages on the way: system text in front of the first
question, the demand for JSON behind the last. How much that was, is in the response's id.
"""

from collections.abc import Iterator, Sequence

from cozeproxy.protocol import steps
from cozeproxy.protocol.kept import Message
from cozeproxy.protocol.response import ToolCall
from cozeproxy.protocol.responses.ids import MESSAGE, MessageId, ResponseId
from cozeproxy.protocol.responses.items import Added, is_empty, item_of, text_of
from cozeproxy.protocol.responses.response import Object


def input_items(
    id_: ResponseId, inputs: Sequence[Message], came: Sequence[Message]
) -> list[Object]:
    """The items of the input, oldest first; instructions are none.

    Args:
        id_: of the response.
        inputs: what its request sent.
        came: what came of its chat.
    """
    if id_.leg:
        return list(_outputs(steps.legs(came), id_.leg))
    return list(_messages(id_, inputs))


def instructions_of(id_: ResponseId, inputs: Sequence[Message]) -> str | None:
    """The instructions, which the first question begins with."""
    first = _first_question(inputs)
    return text_of(inputs[first])[: id_.instructions] if id_.instructions and first >= 0 else None


def answered_calls(leg: Sequence[Message]) -> list[ToolCall]:
    """The calls of a part of a chat, of which Coze does not keep the ids once they are answered."""
    return [
        ToolCall(_call_id(message), call.api_name or call.name, steps.arguments_of(call))
        for message, call in steps.calls_in(leg)
    ]


def _messages(id_: ResponseId, inputs: Sequence[Message]) -> Iterator[Object]:
    first = _first_question(inputs)
    for i, message in enumerate(inputs):
        before = id_.before if i == first else 0
        after = id_.after if i == len(inputs) - 1 else 0
        if before:
            yield from _system(id_, message)
        item = item_of(message, id_.conversation_id, Added(before, after))
        if not is_empty(item):
            yield item


def _system(id_: ResponseId, message: Message) -> Iterator[Object]:
    """The system and developer messages of the input, which Coze has as one text."""
    text = text_of(message)[id_.instructions : id_.before].strip("\n")
    if text:
        # Not to be found by this id, as it is a part of a message.
        place = MessageId(id_.conversation_id, str(message.id)).pack().removeprefix(MESSAGE)
        yield {
            "type": "message",
            "id": f"{MESSAGE}system_{place}",
            "status": "completed",
            "role": "system",
            "content": [{"type": "input_text", "text": text}],
        }


def _outputs(legs: Sequence[Sequence[Message]], leg: int) -> Iterator[Object]:
    calls = [message for message, _ in steps.calls_in(legs[leg - 1])] if leg <= len(legs) else []
    outputs = [m for m in legs[leg] if m.type in steps.OUTPUTS] if leg < len(legs) else []
    for call, output in zip(calls, outputs, strict=False):
        yield {
            "type": "function_call_output",
            "id": f"fco_{output.id}",
            "status": "completed",
            "call_id": _call_id(call),
            "output": output.content or "",
        }


def _first_question(inputs: Sequence[Message]) -> int:
    return next((i for i, message in enumerate(inputs) if not message.is_answer), -1)


def _call_id(message: Message) -> str:
    return f"call_{message.id}"
