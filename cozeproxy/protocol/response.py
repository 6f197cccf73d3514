"""Coze's chat events, and what becomes of each for the caller.

========================================  =====================================================
event                                     what the caller gets
========================================  =====================================================
conversation.chat.created, .in_progress   nothing; the ids are remembered
conversation.message.delta, answer        its text, its reasoning text
conversation.message.completed, answer    nothing if its deltas came, else its text, once
conversation.message.completed, other     nothing: tool calls that Coze has run, follow-ups, verbose
conversation.chat.completed               usage and the end
conversation.chat.failed, .canceled       a failure
error, or an error under no name          a failure
done, conversation.stream.done            the end, if it has not come yet
any other                                 nothing: Coze may add events
========================================  =====================================================

Two rules stand above the table. *The end is only what Coze calls the end*: a stream that stops
without one has failed, however much text came. *Each character once*: Coze repeats the whole text
in ``message.completed`` after its deltas.
"""

from typing import Protocol

import msgspec

from cozeproxy.errors import CozeError, UpstreamBrokenError
from cozeproxy.protocol import coze
from cozeproxy.protocol.sse import Event

# Coze's own end markers: the hosted service, coze-studio.
_DONE = (b"done", b"conversation.stream.done")
_NOTHING = (b"null", b'""')
# Answers with ids of their own (a workflow with several output nodes) are paragraphs.
_SEPARATOR = b'"\\n\\n"'


class Writer(Protocol):
    """Where an answer goes: chunk by chunk, or collected. ``text`` is a JSON string, quoted."""

    def text(self, text: bytes) -> None:
        """Take a piece of the answer."""

    def reasoning(self, text: bytes) -> None:
        """Take a piece of the reasoning."""

    def finish(self, reason: str, usage: coze.Usage | None, info: dict[str, str]) -> None:
        """Take the end: OpenAI's finish reason, the tokens if Coze told, and Coze's ids."""


class ChatTranslator:
    """Follows one chat and tells a writer what the caller should see of it.

    Attributes:
        accepted: Coze has taken the chat on, so that sending it again would be a second chat.
        ended: the end was reached; whatever follows is ignored.
        info: Coze's ids for this chat: ``conversation_id``, ``chat_id``, ``logid``.
    """

    def __init__(self, writer: Writer) -> None:
        self.accepted = False
        self.ended = False
        self.info: dict[str, str] = {}
        self._writer = writer
        # The ids of the answers whose text has been written.
        self._answers: set[str | int | None] = set()
        self._usage: coze.Usage | None = None

    def receive_event(self, event: Event) -> None:
        """Take one event.

        Raises:
            ServiceError: the chat has failed.
        """
        name, data = event
        if name == b"conversation.message.delta":
            self._delta(coze.decode(coze.message_decoder, name, data))
        elif name == b"conversation.message.completed":
            self._completed(coze.decode(coze.message_decoder, name, data))
        elif name.startswith(b"conversation.chat."):
            self._chat(name, coze.decode(coze.chat_decoder, name, data))
        elif name == b"error":
            raise self._error(data)
        elif name in _DONE:
            self._end()
        elif name in (b"", b"message"):
            self._unnamed(data)

    def receive_eof(self) -> None:
        """Take the end of the bytes.

        Raises:
            UpstreamBrokenError: Coze had not ended the chat.
        """
        if not self.ended:
            raise UpstreamBrokenError("Coze's stream ended before the answer did.")

    def _delta(self, message: coze.Message) -> None:
        if message.type not in ("answer", None):
            return
        reasoning = _string(message.reasoning_content)
        if reasoning:
            self._writer.reasoning(reasoning)
        text = _string(message.content)
        if text:
            if message.id not in self._answers:
                if self._answers:
                    self._writer.text(_SEPARATOR)
                self._answers.add(message.id)
            self._writer.text(text)

    def _completed(self, message: coze.Message) -> None:
        if message.type == "answer" and message.id not in self._answers:
            self._delta(message)

    def _chat(self, name: bytes, chat: coze.Chat) -> None:
        self.accepted = True
        if chat.id:
            self.info["chat_id"] = str(chat.id)
        if chat.conversation_id:
            self.info["conversation_id"] = str(chat.conversation_id)
        kind = name.removeprefix(b"conversation.chat.")
        if kind == b"completed":
            self._usage = chat.usage
            self._end()
        elif kind == b"failed":
            raise self._failure(chat)
        elif kind in (b"canceled", b"cancelled"):
            raise UpstreamBrokenError("The chat was cancelled in Coze.")
        elif kind in (b"requires_action", b"required_action"):
            raise UpstreamBrokenError("The bot waits for a tool's output, which nobody can give.")

    def _unnamed(self, data: bytes) -> None:
        # Clients of coze-studio report an error sent as a bare data line.
        chat = coze.decode(coze.chat_decoder, b"", data)
        if coze.number(chat.code) not in (0, None):
            raise self._failure(chat)

    def _error(self, data: bytes) -> CozeError:
        try:
            return self._failure(coze.decode(coze.chat_decoder, b"error", data))
        except UpstreamBrokenError:
            # coze-studio sends the bare text of an internal error.
            return CozeError(None, data.decode("utf-8", "replace")[:500], self.info.get("logid"))

    def _failure(self, chat: coze.Chat) -> CozeError:
        return coze.chat_error(chat, self.info.get("logid"))

    def _end(self) -> None:
        if not self.ended:
            self.ended = True
            self._writer.finish("stop", self._usage, self.info)


def _string(raw: msgspec.Raw) -> bytes:
    """A message's text as it stands in the JSON, quoted; nothing where there is none."""
    text = bytes(raw)
    if text in _NOTHING:
        return b""
    if not text.startswith(b'"'):
        raise UpstreamBrokenError("Coze sent a message whose text is not a string.")
    return text
