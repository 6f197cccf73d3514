"""A response given once more, from what Coze keeps of it.

The messages go through the same translator and writer as when they were said, so that nothing but
what Coze has forgotten can be different.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from cozeproxy.protocol import failures, steps
from cozeproxy.protocol.coze import number
from cozeproxy.protocol.cutting import cut
from cozeproxy.protocol.kept import ChatDetails, Message
from cozeproxy.protocol.response import ChatTranslator, Wanted
from cozeproxy.protocol.responses.ids import CONVERSATION, ResponseId
from cozeproxy.protocol.responses.input import answered_calls, instructions_of
from cozeproxy.protocol.responses.openai import ResponsesRequest, TextConfig, TextFormat, echoed
from cozeproxy.protocol.responses.response import Head, Object, error_of
from cozeproxy.protocol.responses.writer import WholeResponse

_encode = msgspec.json.encode

# Coze's states of a chat that has not ended, and OpenAI's of its response.
RUNNING = {"created": "queued", "in_progress": "in_progress"}
_CANCELLED = ("canceled", "cancelled")
_ENDED = ("completed", "requires_action", "required_action")


class Turn(NamedTuple):
    """What Coze keeps of a response.

    Attributes:
        id: of the response.
        chat: that the response is.
        steps: all that came of it.
        said: what its conversation has of it, oldest first.
    """

    id: ResponseId
    chat: ChatDetails
    steps: Sequence[Message] = ()
    said: Sequence[Message] = ()

    @property
    def is_deleted(self) -> bool:
        """Whether nothing of it is left in its conversation, though it has come to an end."""
        return not self.said and self.chat.status in _ENDED

    @property
    def inputs(self) -> Sequence[Message]:
        """What the request itself sent. What came of it is none of that, whatever was deleted."""
        came = {str(message.id) for message in self.steps}
        sent = [message for message in self.said if str(message.id) not in came]
        return sent[self.id.replayed : self.id.inputs]


def begun(head: Head, chat: ChatDetails) -> Object:
    """A response that has just been begun, for nobody to wait for."""
    ids = {"conversation_id": str(chat.conversation_id), "chat_id": str(chat.id)}
    status = RUNNING.get(chat.status or "", "in_progress")
    return head.response(head.identify(ids), status, [], coze=ids)


def response_of(turn: Turn) -> bytes:
    """The response as it is by now, as JSON."""
    id_, chat = turn.id, turn.chat
    completed = number(chat.completed_at) or id_.created
    writer = WholeResponse(Head(id_.model, id_.created, _echoed(turn), "", id_, lambda: completed))
    wanted = Wanted(id_.bot_id or "", runs_tools=True, leg=id_.leg)
    out = cut(writer, id_.stops, fenced=id_.fenced)
    translator = ChatTranslator(out, wanted)
    writer.follow(translator)
    ids = {"id": id_.chat_id, "conversation_id": id_.conversation_id}
    legs = steps.legs(turn.steps)
    leg = legs[id_.leg] if id_.leg < len(legs) else []
    answers = [_encode(message) for message in leg if message.type == "answer"]
    translator.receive_events([(b"conversation.chat.created", _encode(ids))])
    translator.receive_events((b"conversation.message.completed", answer) for answer in answers)
    if id_.leg < len(legs) - 1:
        # What came of the outputs is another response, and the tokens that Coze tells are of both.
        out.tool_calls(answered_calls(leg))
        out.finish("tool_calls", None, {})
    elif chat.status in _ENDED:
        name = f"conversation.chat.{chat.status}"
        translator.receive_events([(name.encode(), _encode(chat))])
    elif chat.status in RUNNING:
        return _encode(writer.ended(RUNNING[chat.status]))
    elif chat.status in _CANCELLED:
        return _encode(writer.ended("cancelled"))
    else:
        failed = error_of(failures.chat_error(chat, None))
        return _encode(writer.ended("failed", error=failed))
    return writer.take()


def _echoed(turn: Turn) -> Object:
    """The fields that repeat the request, as far as they can be known."""
    id_ = turn.id
    named = CONVERSATION + id_.conversation_id if id_.named else None
    form = TextConfig(TextFormat("json_object")) if id_.fenced else None
    request = ResponsesRequest(
        instructions=instructions_of(id_, turn.inputs),
        metadata=turn.chat.meta_data,
        conversation=named,
        background=id_.background,
        text=form,
    )
    return {**echoed(request)}
