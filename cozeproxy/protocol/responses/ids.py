"""The ids of responses and of their items, and what is inside.

Coze keeps a turn as a chat inside a conversation. The id of a response holds both, and what Coze
does not keep and a later call has to know: which of the messages were the request's own, and how
much of their text was added on the way. So any copy of the service can give a response back, and go
on from it. The id of an item holds where its message is, or the call that it is.
"""

import re
from typing import Any, Literal, NamedTuple

import msgspec

from cozeproxy.protocol.ids import ID, pack, unpack

RESPONSE = "resp_"
MESSAGE = "msg_"
REASONING = "rs_"
CALL = "fc_"
CONVERSATION = "conv_"

# An id has room for so much; what a caller's function was called with may be longer.
MOST_ARGUMENTS = 1500
MOST_MODEL = 256

_COZE_ID = re.compile(r"[0-9]{1,32}")


class ResponseId(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a response is, in Coze's terms.

    Attributes:
        model: the name that the request gave.
        created: when, in seconds.
        conversation_id: where Coze keeps it.
        chat_id: under which id.
        bot_id: to which bot it went.
        inputs: how many messages the request sent to Coze.
        before: how many characters were put in front of the first question.
        instructions: how many of these, the first ones, are the request's instructions.
        kind: what it went to.
        workflow_id: to which workflow.
        app_id: of which app.
        leg: how often the chat had been brought the outputs of tools before.
        replayed: how many of the messages, the first ones, were turns that the request forks from.
        after: how many characters were put behind the last message.
        fenced: a code fence around the answer is taken off.
        stops: texts before which the answer is cut.
        named: the request named the conversation.
        background: the caller did not wait for the answer.
        nonce: makes different ids of runs, which Coze keeps nothing of.
        lasting: the conversation was not begun for responses: it stays when they are deleted.
    """

    model: str
    created: int
    conversation_id: str = ""
    chat_id: str = ""
    bot_id: str | None = None
    inputs: int = 0
    before: int = 0
    instructions: int = 0
    kind: Literal["chat", "chatflow", "workflow"] = "chat"
    workflow_id: str | None = None
    app_id: str | None = None
    leg: int = 0
    replayed: int = 0
    after: int = 0
    fenced: bool = False
    stops: tuple[str, ...] = ()
    named: bool = False
    background: bool = False
    nonce: str = ""
    lasting: bool = False

    def pack(self) -> str:
        """The id that the caller sees."""
        values = list(msgspec.structs.astuple(self))
        defaults = self.__struct_defaults__
        needed = len(values) - len(defaults)
        # What is missing at the end of an array has its default.
        while len(values) > needed and values[-1] == defaults[len(values) - needed - 1]:
            values.pop()
        return pack(RESPONSE, values)

    @property
    def targets(self) -> list[str]:
        """The bot and the workflow, for the limits of a caller's key."""
        return [id_ for id_ in (self.bot_id, self.workflow_id) if id_]


class MessageId(NamedTuple):
    """A message that Coze keeps, and where.

    ``part`` counts the items that one message has become, where it was interrupted by reasoning.
    """

    conversation_id: str
    message_id: str
    part: int = 0

    def pack(self) -> str:
        """The id that the caller sees."""
        return pack(MESSAGE, self if self.part else self[:2])


class FunctionCall(NamedTuple):
    """A tool call: its id, which leads to where it waits, and what it calls."""

    call_id: str
    name: str
    arguments: str

    def pack(self) -> str:
        """The id of the item that the call is."""
        short = len(self.arguments.encode()) <= MOST_ARGUMENTS
        return pack(CALL, self if short else self._replace(arguments=""))


_response_decoder = msgspec.json.Decoder(ResponseId)
_message_decoder = msgspec.json.Decoder(MessageId)
_call_decoder = msgspec.json.Decoder(FunctionCall)


def unpack_response_id(text: str) -> ResponseId | None:
    """Read the id of a response; None where it is none that can be found again."""
    found = unpack(text.removeprefix(RESPONSE), _response_decoder)
    if found is None or found.pack() != text:
        return None
    # What limits of callers' keys are held against, is in every id that was given out.
    if not (found.bot_id if found.kind == "chat" else found.workflow_id):
        return None
    given = [found.bot_id, found.workflow_id, found.app_id]
    if found.kind != "workflow":
        given += [found.conversation_id, found.chat_id]
    counts = (found.leg, found.inputs, found.replayed, found.before, found.after)
    if min(*counts, found.instructions) < 0:
        return None
    return found if all(id_ is None or ID.fullmatch(id_) for id_ in given) else None


def unpack_message_id(text: str) -> MessageId | None:
    """Read the id of a message; None where it is none of those that Coze keeps."""
    found = unpack(text.removeprefix(MESSAGE), _message_decoder)
    if not found or not all(map(ID.fullmatch, found[:2])) or found.part < 0:
        return None
    return found if found.pack() == text else None


def unpack_function_call(text: str) -> FunctionCall | None:
    """Read the id of a call's item; None where it is none of ours."""
    found = unpack(text.removeprefix(CALL), _call_decoder)
    return found if found and found.pack() == text else None


def conversation_id(text: str) -> str | None:
    """Coze's id inside OpenAI's of a conversation; None where it is none."""
    found = text.removeprefix(CONVERSATION)
    return found if _COZE_ID.fullmatch(found) else None


def message_item_id(info: Any, answer: str | int | None, nonce: str, part: int = 0) -> str:
    """The id of a message's item: where Coze keeps it, or one of no meaning."""
    conversation = info.get("conversation_id")
    if conversation and answer is not None and ID.fullmatch(str(answer)):
        return MessageId(conversation, str(answer), part).pack()
    return MESSAGE + nonce
