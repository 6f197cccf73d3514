"""What one stand-in remembers: conversations, chats, files, interrupted runs.

Everything is bounded: the oldest is dropped. Wire objects (messages, chats) are kept as the
dictionaries that go out.
"""

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cozeproxy.sandbox.wire import Event

Item = TypeVar("Item")
# A script in the middle of its play; what it yields is in scenarios/steps.py.
Script = Generator[Any, Any, None]

MOST_KEPT = 1000
# The kind of tool call that waits for the user's next message, not for submit_tool_outputs.
REPLY_MESSAGE = "reply_message"
RUNNING = ("created", "in_progress")
# The ends of a stream, which may lack the event that ends the chat.
_ENDS = ("done", "conversation.stream.done")


class Shelf(OrderedDict[str, Item]):
    """A dictionary that drops its oldest entry when it is full."""

    def __setitem__(self, key: str, value: Item) -> None:
        super().__setitem__(key, value)
        while len(self) > MOST_KEPT:
            self.popitem(last=False)


@dataclass
class Conversation:
    """A conversation and the messages it keeps, in the order they came."""

    id: str
    # Whose it is: the session name of the token that made it, "" for a personal token.
    owner: str
    bot_id: str
    created_at: int
    updated_at: int
    name: str = ""
    meta_data: dict[str, str] = field(default_factory=dict)
    # The current context; messages of earlier sections are kept but no longer remembered.
    section_id: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    # The chat that runs now; a second one is refused with 4016 meanwhile.
    running: str | None = None

    def __post_init__(self) -> None:
        # "Equals the conversation id until the context is cleared" (recorded streams).
        self.section_id = self.section_id or self.id

    @property
    def memory(self) -> list[dict[str, Any]]:
        """The messages that the bot still takes into account."""
        return [m for m in self.messages if m.get("section_id") == self.section_id]

    def keep(self, message: dict[str, Any]) -> None:
        """Keep a message in the current section; one that came without times gets some."""
        times = {"created_at": self.updated_at, "updated_at": self.updated_at}
        self.messages.append(times | message | {"section_id": self.section_id})
        del self.messages[:-MOST_KEPT]


@dataclass
class Chat:
    """One chat: its state follows the events that its script sends."""

    id: str
    conversation: Conversation
    # Whether the conversation keeps it.
    saved: bool
    # Whether a self-hosted Studio is pretended.
    studio: bool
    # The name of the gate that its script waits at.
    gate: str
    # Given with the request; retrieve gives it back (docs.coze.cn, chat_v3).
    meta_data: dict[str, str]
    # The latest Chat object that was sent, as it goes out.
    shown: dict[str, Any]
    # All messages of the chat but the question (docs.coze.cn, list_chat_messages).
    messages: list[dict[str, Any]] = field(default_factory=list)
    # The script, while it waits for the outputs of the calls with the ids in ``pending``.
    script: Script | None = None
    pending: list[str] = field(default_factory=list)
    # The play of a chat that is polled; nobody else waits for it.
    task: asyncio.Task[None] | None = None

    @property
    def status(self) -> str:
        """Coze's name of the state the chat is in."""
        return str(self.shown["status"])

    def see(self, event: Event) -> None:
        """Follow one event of the script; a canceled chat stays as it is."""
        if self.status == "canceled":
            return
        if event.name in _ENDS and self.status in RUNNING:
            self.end("completed")
        if not isinstance(event.data, dict):
            return
        if event.name == "conversation.message.completed":
            self._add(event.data)
        elif event.name == "conversation.chat.failed" and "status" not in event.data:
            self.end("failed", last_error=event.data)
        elif event.name.startswith("conversation.chat.") and "status" in event.data:
            self.shown = event.data
            self._settle()

    def end(self, status: str, **changes: Any) -> None:
        """Put the chat into a final state from outside its script."""
        self.shown = {**self.shown, **changes, "status": status}
        self._settle()

    def withdraw(self) -> None:
        """Undo the chat: it was refused before it began."""
        self.end("failed")
        self._forget()

    def _forget(self) -> None:
        kept = [m for m in self.conversation.messages if m.get("chat_id") != self.id]
        self.conversation.messages = kept

    def _settle(self) -> None:
        if self.status in RUNNING:
            self.conversation.running = self.id
            return
        self.conversation.running = None
        calls = _tool_calls(self.shown)
        self.pending = [call["id"] for call in calls if call["type"] != REPLY_MESSAGE]
        if self.status == "canceled":
            # "The cancelled turn is not kept as context" (docs.coze.cn, chat_cancel).
            self._forget()

    def _add(self, message: dict[str, Any]) -> None:
        if not self.saved:
            return
        self.messages.append(message)
        # The conversation has questions and answers only, no steps (docs.coze.cn, list_message).
        if message.get("type") == "answer":
            self.conversation.keep(message)


def _tool_calls(chat: dict[str, Any]) -> list[dict[str, Any]]:
    action = chat.get("required_action") or {}
    calls: list[dict[str, Any]] = action.get("submit_tool_outputs", {}).get("tool_calls", [])
    return calls


@dataclass(frozen=True)
class StoredFile:
    """An uploaded file; of its content only the first bytes, by which its type shows."""

    id: str
    owner: str
    size: int
    name: str
    created_at: int
    head: bytes


@dataclass
class Interrupt:
    """A workflow that waits for an answer."""

    workflow_id: str
    script: Script
    resumes: int
    resumed: bool = False


class State:
    """Everything that one stand-in remembers."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.conversations: Shelf[Conversation] = Shelf()
        self.chats: Shelf[Chat] = Shelf()
        self.files: Shelf[StoredFile] = Shelf()
        self.interrupts: Shelf[Interrupt] = Shelf()
        # What scripts remember between requests.
        self.notebook: Shelf[str] = Shelf()
        self._count = int.from_bytes(os.urandom(3), "big")

    @property
    def now(self) -> int:
        """The time in unix seconds, as Coze gives it."""
        return int(self.clock())

    def new_id(self) -> str:
        """Return a fresh id: like Coze's, a 64-bit number with the seconds in its upper half."""
        self._count += 1
        return str((self.now << 32) + self._count)

    def new_conversation(self, owner: str, bot_id: str = "") -> Conversation:
        """Make a conversation and keep it."""
        made = Conversation(self.new_id(), owner, bot_id, self.now, self.now)
        self.conversations[made.id] = made
        return made
