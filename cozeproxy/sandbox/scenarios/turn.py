"""What a chat script is told about its request, and the words it answers with.

Orders of keys, and which objects have times and sections, follow recorded streams: cozepy 0.20.0,
tests/testdata/chat_text_stream_resp.txt and workflows_chat_stream_resp.txt, and the guide on local
plugins (docs.coze.cn, use_local_plugin). They differ from sample to sample, hence the switches.
"""

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cozeproxy.sandbox.state import REPLY_MESSAGE
from cozeproxy.sandbox.wire import Event, dump

NO_ERROR = {"code": 0, "msg": ""}
# ASCII words with the space after them; of other text, which may have no spaces, two code points
# at a time, so that emoji made of several are divided as well.
_PIECE = re.compile(r"[!-~]+\s*|[^!-~\s]{1,2}\s*|\s+")


def pieces(text: str) -> list[str]:
    """Divide text as a model's tokens might; joined they are the text again."""
    return _PIECE.findall(text)


def count_tokens(text: str) -> int:
    """Return a rough but repeatable count: four bytes are one token."""
    return (len(text.encode("utf-8", "replace")) + 3) // 4


def usage(input_count: int, output_count: int) -> dict[str, int]:
    """Return Coze's usage object; ``token_count`` is the total."""
    return {
        "token_count": input_count + output_count,
        "output_count": output_count,
        "input_count": input_count,
    }


def function_call(call_id: str, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tool call that the caller must run (docs.coze.cn, use_local_plugin)."""
    function = {"name": name, "arguments": dump(arguments)}
    return {"id": call_id, "type": "function", "function": function, "require_info": None}


def reply_call() -> dict[str, Any]:
    """Return the tool call by which a workflow waits for the user (docs.coze.cn, chat_v3)."""
    return {"id": "", "type": REPLY_MESSAGE, "function": None, "require_info": None}


@dataclass(frozen=True)
class Turn:
    """One chat, seen by its script."""

    new_id: Callable[[], str]
    now: Callable[[], int]
    base_url: str
    chat_id: str
    conversation_id: str
    section_id: str
    # The bot or workflow id that chose the script.
    asked_for: str
    # The bot's id as objects show it; None in a chatflow, whose objects mostly lack it.
    bot_id: str | None
    # The request as it arrived.
    query: Mapping[str, str]
    body: Mapping[str, Any]
    # The text of the user's last message.
    text: str
    # The texts of what is remembered, oldest first.
    memory: Sequence[str]
    # How many messages arrived with the request.
    received: int
    input_count: int
    created_at: int
    # A digest of the token, and what scripts noted down in earlier requests.
    token: str
    notebook: MutableMapping[str, str]
    # Where a chatflow's run can be looked at.
    debug_url: str = ""
    # Whether chats and messages say which section they belong to, and messages when they were made.
    chat_sections: bool = True
    message_sections: bool = True
    times: bool = True
    # All answer texts so far, for the count of tokens.
    said: list[str] = field(default_factory=list)

    def answers_question(self) -> bool:
        """Tell whether the chat before this one asked the user; if not, note that this one does."""
        note = f"asked in {self.conversation_id}"
        if self.notebook.pop(note, None) is not None:
            return True
        self.notebook[note] = self.chat_id
        return False

    def bare(self) -> "Turn":
        """Return the same turn with objects that have neither sections nor times."""
        return replace(self.sectioned(chats=False, messages=False), times=False)

    def sectioned(self, *, chats: bool, messages: bool) -> "Turn":
        """Return the same turn with sections in these objects only."""
        return replace(self, chat_sections=chats, message_sections=messages)

    def chat(self, status: str, **extra: Any) -> dict[str, Any]:
        """Return a Chat object; ``extra`` replaces or adds keys."""
        shown: dict[str, Any] = {
            "id": self.chat_id,
            "conversation_id": self.conversation_id,
            "bot_id": self.bot_id,
            "created_at": self.created_at,
            "completed_at": None,
            "failed_at": None,
            "last_error": NO_ERROR,
            "status": status,
            "usage": usage(0, 0),
            "required_action": None,
            "section_id": self.section_id if self.chat_sections else None,
        }
        return _present(shown | extra)

    def message(self, kind: str, content: str, **extra: Any) -> dict[str, Any]:
        """Return a Message object of the bot; ``extra`` replaces or adds keys."""
        shown: dict[str, Any] = {
            "id": extra.get("id") or self.new_id(),
            "conversation_id": self.conversation_id,
            "bot_id": self.bot_id,
            "role": "assistant",
            "type": kind,
            "content": content,
            "content_type": "text",
            "chat_id": self.chat_id,
            "section_id": self.section_id if self.message_sections else None,
        }
        return _present(shown | extra)

    def opening(self) -> Iterator[Event]:
        """The two events that every chat starts with."""
        yield Event("conversation.chat.created", self.chat("created"))
        yield self.in_progress()

    def in_progress(self, **extra: Any) -> Event:
        """The second event of a chat, and the first one after tool outputs."""
        return Event("conversation.chat.in_progress", self.chat("in_progress", **extra))

    def delta(self, message_id: str, content: str, *, timed: bool = True, **extra: Any) -> Event:
        """A piece of an answer; recordings give the time from the second one on."""
        extra = {"id": message_id, **self._times(created=timed), **extra}
        return Event("conversation.message.delta", self.message("answer", content, **extra))

    def answered(self, message_id: str, content: str, **extra: Any) -> Event:
        """The whole answer again, after its pieces."""
        self.said.append(content)
        extra = {"id": message_id, **self._times(created=True), **extra}
        return Event("conversation.message.completed", self.message("answer", content, **extra))

    def say(self, text: str, parts: Sequence[str] | None = None) -> Iterator[Event]:
        """Say an answer: its deltas, then the whole."""
        message_id = self.new_id()
        for number, part in enumerate(parts if parts is not None else pieces(text)):
            yield self.delta(message_id, part, timed=number > 0)
        yield self.answered(message_id, text)

    def aside(self, kind: str, content: str, **extra: Any) -> Event:
        """A message that is not an answer: complete at once."""
        extra = {**self._times(created=True, updated=True), **extra}
        return Event("conversation.message.completed", self.message(kind, content, **extra))

    def verbose(self, message_type: str, data: str = "") -> Event:
        """A note on the run; its content is JSON in a string."""
        content = {"msg_type": message_type, "data": data, "from_module": None, "from_unit": None}
        return self.aside("verbose", dump(content))

    def finish_marker(self, reason: int | None = 0) -> Event:
        """The note that all answers are out; reason 1 is an interrupt, None the form of 2024."""
        data = "" if reason is None else dump({"finish_reason": reason, "FinData": ""})
        return self.verbose("generate_answer_finish", data)

    def completed(self) -> Event:
        """The end of the chat, with the only usage that counts."""
        output_count = sum(map(count_tokens, self.said))
        ended = {"completed_at": self.now(), "usage": usage(self.input_count, output_count)}
        return Event("conversation.chat.completed", self.chat("completed", **ended))

    def done(self) -> Event:
        """The end of the stream; the JSON quotes are Coze's."""
        if self.bot_id is None:
            return Event("done", {"debug_url": self.debug_url})
        return Event("done", '"[DONE]"')

    def ending(self) -> Iterator[Event]:
        """The usual end: marker, chat.completed, done."""
        yield self.finish_marker()
        yield self.completed()
        yield self.done()

    def requires_action(self, calls: Sequence[Mapping[str, Any]]) -> Iterator[Event]:
        """The end of a leg that waits for the caller."""
        yield self.verbose("interrupt")
        yield self.finish_marker(1)
        action = {
            "type": "submit_tool_outputs",
            "submit_tool_outputs": {"tool_calls": list(calls)},
        }
        ended = {"completed_at": self.now(), "required_action": action}
        yield Event("conversation.chat.requires_action", self.chat("requires_action", **ended))
        yield self.done()

    def failed(self, code: int, message: str) -> Event:
        """The failed chat as it was recorded: cozepy 0.20.0, tests/testdata/chat_failed_resp.txt.

        The recording has neither the time of creation nor a section.
        """
        ended = {
            "created_at": None,
            "completed_at": self.now(),
            "failed_at": self.now(),
            "last_error": {"code": code, "msg": message},
            "section_id": None,
        }
        return Event("conversation.chat.failed", self.chat("failed", **ended))

    def _times(self, *, created: bool = False, updated: bool = False) -> dict[str, int]:
        now = self.now()
        times = {"created_at": now} if created else {}
        if updated:
            times["updated_at"] = now
        return times if self.times else {}


def _present(shown: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if value is not None}
