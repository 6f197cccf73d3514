"""Coze's chat events, and what becomes of each for the caller.

========================================  =====================================================
event                                     what the caller gets
========================================  =====================================================
conversation.chat.created, .in_progress   nothing; the ids are remembered
conversation.message.delta, answer        its text, its reasoning text
conversation.message.completed, answer    nothing if its deltas came, else its text, once
conversation.message.completed, other     tool calls that Coze has run and follow-ups, if wanted
  ... verbose, generate_answer_finish     the end, if nothing that comes after it is wanted
conversation.chat.requires_action         tool calls for the caller to run, or a question's end
conversation.chat.completed               usage and the end
conversation.chat.failed, .canceled       a failure
error, or an error under no name          a failure
done, conversation.stream.done            the end, if it has not come yet
any other                                 nothing: Coze may add events
========================================  =====================================================

Two rules stand above the table. *The end is only what Coze calls the end*: a stream that stops
without one has failed, however much text came. *Each character once*: Coze repeats the whole text
in ``message.completed`` after its deltas.

coze-studio spells some names otherwise (``cancelled``, ``required_action``); both are taken.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import msgspec

from cozeproxy.errors import UnansweredToolError, UpstreamBrokenError
from cozeproxy.protocol import coze, failures
from cozeproxy.protocol.ids import ID, CallId
from cozeproxy.protocol.sse import Event

# The event that tells the tokens, also after an end that came earlier.
_COUNTED = b"conversation.chat.completed"
# Coze's own end markers: the hosted service, coze-studio.
_DONE = (b"done", b"conversation.stream.done")
# Answers with ids of their own (a workflow with several output nodes) are paragraphs.
SEPARATOR = b'"\\n\\n"'
# No answer: a message may be without an id, and an id may be any text.
_NONE = object()
# JSON that says nothing.
_NOTHING = (b"null", b'""')
# What Coze has done itself on the way to the answer, under the names of several versions.
STEPS = ("function_call", "tool_response", "tool_output", "knowledge")


class Wanted(NamedTuple):
    """What the caller asked for, as far as it decides what becomes of events.

    Attributes:
        bot_id: the bot, for the ids of tool calls.
        early_end: end at Coze's finish marker. What comes between it and the end of the chat, for
            seconds at times, is follow-ups and usage.
        follow_ups: give the questions that Coze suggests.
        steps: give the tool calls that Coze has run itself.
        runs_tools: the caller can answer a tool call, as Coze keeps the chat.
        remedy: what to do where it cannot.
        leg: how many times before the chat was brought the outputs of calls.
    """

    bot_id: str
    early_end: bool = False
    follow_ups: bool = False
    steps: bool = False
    runs_tools: bool = False
    remedy: str = (
        "For that Coze has to keep the chat: send 'tools', or set coze.auto_save_history to true."
    )
    leg: int = 0


class RunningChat(msgspec.Struct):
    """A chat that Coze is still working on, as the call that cancels it has it."""

    conversation_id: str
    chat_id: str


class ToolCall(NamedTuple):
    """A tool call as the caller sees it; ``arguments`` is JSON text."""

    id: str
    name: str
    arguments: str


class Writer(Protocol):
    """Where an answer goes: chunk by chunk, or collected. Text is a JSON string, quoted."""

    def text(self, *pieces: bytes) -> None:
        """Take pieces of the answer, one or more that have come together."""

    def reasoning(self, text: bytes) -> None:
        """Take a piece of the reasoning."""

    def step(self, kind: str, content: bytes) -> None:
        """Take something that Coze has done on the way; its content is a JSON string."""

    def tool_calls(self, calls: list[ToolCall]) -> None:
        """Take calls that the caller must run."""

    def finish(self, reason: str, usage: coze.Usage | None, info: dict[str, Any]) -> None:
        """Take the end: OpenAI's finish reason, the tokens if Coze told, and Coze's ids."""


class ChatTranslator:
    """Follows one chat and tells a writer what the caller should see of it.

    Attributes:
        accepted: Coze has taken the chat on, so that sending it again would be a second chat.
        ended: the end was reached; whatever follows is ignored, but for the tokens.
        info: Coze's ids for this chat: ``conversation_id``, ``chat_id``, ``logid``.
        usage: the tokens, once Coze has told.
        running: the chat, while Coze is known to work on it.
        answer: Coze's id of the answer that is being written, where it has one.
    """

    def __init__(self, writer: Writer, wanted: Wanted) -> None:
        self.accepted = False
        self.ended = False
        self.info: dict[str, Any] = {}
        self.usage: coze.Usage | None = None
        self.running: RunningChat | None = None
        self.answer: str | int | None = None
        self._writer = writer
        self._wanted = wanted
        # The ids of the answers whose text, and whose reasoning, has been written.
        self._answers: set[str | int | None] = set()
        self._reasoned: set[str | int | None] = set()
        # Those that were given whole: a piece that comes late is in them already.
        self._whole: set[str | int] = set()
        # The id of the answer that text was last written of: nodes that run at once take turns.
        self._open: object = _NONE
        # Chatflows of coze-studio end an answer with its last piece, where all others repeat its
        # whole text, and give all answers one id (chatflow.go, convertToChatFlowRunResponseList).
        self._last_piece_completes = False
        # Coze waits for somebody, so that its finish marker is not the end of the answer.
        self._interrupted = False

    def receive_events(self, events: Iterable[Event]) -> None:
        """Take events that have come together.

        Raises:
            ServiceError: the chat has failed. What the events before that held, has been written.
        """
        # Nearly all events go on with the text that is being written, and nothing else of them
        # matters. What comes of a run of those is written at once. What goes on, is looked at here
        # and not in a method, as a call for each token would cost as much as all of this.
        run: list[bytes] = []
        try:
            for name, data in events:
                message = None
                if name == b"conversation.message.delta" and not self.ended:
                    message = coze.decode(coze.message_decoder, name, data)
                    text, reasoning = bytes(message.content), message.reasoning_content
                    if (
                        # Which is never one that is whole, and takes no more.
                        message.id == self._open
                        and message.type == "answer"
                        and (reasoning is coze.NULL or bytes(reasoning) in _NOTHING)
                        # As coze.text() has it.
                        and text.startswith(b'"')
                        and text not in _NOTHING
                    ):
                        self.answer = message.id
                        run.append(text)
                        continue
                if run:
                    pieces, run = run, []
                    self._writer.text(*pieces)
                if message is None:
                    self._receive(name, data)
                else:
                    self.accepted = True
                    self._answer(message)
        finally:
            if run:
                self._writer.text(*run)

    def _receive(self, name: bytes, data: bytes) -> None:
        if self.ended:
            if name == _COUNTED:
                self.usage = coze.decode(coze.chat_decoder, name, data).usage
            return
        if not self.accepted:
            # Whatever there is of a conversation, is there because the chat has begun.
            self.accepted = name.startswith(b"conversation.")
        if name == b"conversation.message.completed":
            self._completed(coze.decode(coze.message_decoder, name, data))
        elif name.startswith(b"conversation.chat."):
            self._chat(name, coze.decode(coze.chat_decoder, name, data))
        elif name in _DONE:
            self._done(data)
        elif error := failures.reported((name, data), self.info.get("logid")):
            self.running = None
            raise error

    def receive_eof(self) -> None:
        """Take the end of the bytes.

        Raises:
            UpstreamBrokenError: Coze had not ended the chat.
        """
        if not self.ended:
            raise UpstreamBrokenError("Coze's stream ended before the answer did.")

    def _answer(self, message: coze.Message) -> None:
        if message.type not in ("answer", None) or message.id in self._whole:
            return
        self.answer = message.id
        if message.reasoning_content is not coze.NULL:
            reasoning = coze.text(message.reasoning_content)
            if reasoning:
                self._reasoned.add(message.id)
                self._writer.reasoning(reasoning)
        text = coze.text(message.content)
        if text:
            if message.id != self._open:
                if self._answers:
                    self._writer.text(SEPARATOR)
                self._answers.add(message.id)
                self._open = message.id
            self._writer.text(text)

    def _completed(self, message: coze.Message) -> None:
        kind = message.type
        if kind == "answer":
            if self._last_piece_completes:
                self._answer(message)
                self._open = _NONE
            elif message.id not in self._answers:
                if message.id in self._reasoned:
                    message.reasoning_content = coze.NULL
                self._answer(message)
                if message.id is not None and message.id in self._answers:
                    self._whole.add(message.id)
                    self._open = _NONE
        elif kind == "follow_up":
            if self._wanted.follow_ups:
                self.info.setdefault("follow_ups", []).append(coze.plain(message.content))
        elif kind == "verbose":
            self._verbose(message)
        elif kind in STEPS and self._wanted.steps:
            self._writer.step(kind, coze.text(message.content) or b'""')

    def _verbose(self, message: coze.Message) -> None:
        finished = coze.finishes_answer(message)
        if finished is False:
            self._interrupted = True
        elif finished and self._wanted.early_end and not self._interrupted:
            self._end("stop")

    def _chat(self, name: bytes, chat: coze.Chat) -> None:
        for key, id_ in (("chat_id", chat.id), ("conversation_id", chat.conversation_id)):
            # They go into headers and come back in requests.
            if id_ is not None and ID.fullmatch(str(id_)):
                self.info[key] = str(id_)
        if chat.execute_id:
            self._last_piece_completes = True
        kind = name.removeprefix(b"conversation.chat.")
        if kind in (b"created", b"in_progress"):
            self._runs()
            return
        # Until now the counts are zero.
        self.usage = chat.usage
        if kind == b"completed":
            self._end("stop")
        elif kind == b"failed":
            self.running = None
            raise failures.chat_error(chat, self.info.get("logid"))
        elif kind in (b"canceled", b"cancelled"):
            self.running = None
            raise UpstreamBrokenError("The chat was cancelled in Coze.")
        elif kind in (b"requires_action", b"required_action"):
            self._requires_action(chat)

    def _runs(self) -> None:
        conversation, chat = self.info.get("conversation_id"), self.info.get("chat_id")
        if conversation and chat:
            self.running = RunningChat(conversation, chat)

    def _requires_action(self, chat: coze.Chat) -> None:
        action = chat.required_action and chat.required_action.submit_tool_outputs
        calls = [c for c in (action and action.tool_calls) or () if c.type != "reply_message"]
        if not calls:
            # A workflow's question: its text was the answer, the next user message is the reply.
            self._end("stop")
            return
        self.running = None
        if not self._wanted.runs_tools:
            raise UnansweredToolError(
                [c.function.name or "" for c in calls if c.function], self._wanted.remedy
            )
        self._writer.tool_calls([_tool_call(call, self._wanted, self.info) for call in calls])
        self._end("tool_calls")

    def _done(self, data: bytes) -> None:
        url = coze.debug_url(data)
        if url:
            self.info["debug_url"] = url
        self._end("stop")

    def _end(self, reason: str) -> None:
        self.ended = True
        self.running = None
        self._writer.finish(reason, self.usage, self.info)


def _tool_call(call: coze.ToolCall, wanted: Wanted, ids: dict[str, Any]) -> ToolCall:
    conversation, chat = ids.get("conversation_id"), ids.get("chat_id")
    if not (conversation and chat and call.id):
        raise UpstreamBrokenError("Coze waits for a tool's output, but does not say where.")
    packed = CallId(wanted.bot_id, conversation, chat, call.id, wanted.leg).pack()
    function = call.function or coze.Function()
    return ToolCall(packed, function.name or "", function.arguments or "{}")
