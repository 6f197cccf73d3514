"""What bots and chatflows have in common: from a checked request to a script that is played."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cozeproxy.sandbox.errors import CozeError
from cozeproxy.sandbox.handler import Caller, ChatHandler
from cozeproxy.sandbox.scenarios.steps import Scenario, Start
from cozeproxy.sandbox.scenarios.studio import is_studio
from cozeproxy.sandbox.scenarios.turn import Turn, count_tokens
from cozeproxy.sandbox.stage import Left, Stage, play
from cozeproxy.sandbox.state import RUNNING, Chat, Conversation, Script, StoredFile
from cozeproxy.sandbox.wire import LineFormat


@dataclass(frozen=True)
class Asked:
    """A request for a chat that passed all checks.

    Attributes:
        asked_for: The bot or workflow id.
        bot_id: The id that objects show, None for a chatflow.
        gate: The name of its gate.
        saved: Whether the conversation keeps it.
    """

    asked_for: str
    bot_id: str | None
    gate: str
    saved: bool
    caller: Caller
    query: Mapping[str, str]
    body: Mapping[str, Any]
    conversation: Conversation

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages that came with the request."""
        return self.body.get("additional_messages") or []


class PlayingHandler(ChatHandler):
    """An endpoint that plays chat scripts."""

    def find_file(self, caller: Caller, file_id: str) -> StoredFile | None:
        """Return a file of this caller's, which nobody else may use."""
        found = self.state.files.get(file_id)
        return found if found is not None and found.owner == caller.owner else None

    def conversation(self, caller: Caller, identifier: str | None, bot_id: str) -> Conversation:
        """Return the conversation named, or a new one.

        Raises:
            CozeError: There is none of this caller's with this id (4002), or a chat is running in
                it (4016).
        """
        if not identifier:
            return self.state.new_conversation(caller.owner, bot_id)
        found = self.state.conversations.get(identifier)
        if found is None or found.owner != caller.owner:
            raise CozeError(4002)
        if found.running is not None:
            raise CozeError(4016)
        return found

    def begin(self, asked: Asked, scenario: Scenario) -> tuple[Chat, Script]:
        """Make the chat, keep its messages, and return its script, not yet begun."""
        turn = self._turn(asked)
        if is_studio(asked.asked_for):
            self.clear_header("x-tt-logid")
            self.set_header("X-Log-ID", self.logid)
        chat = Chat(
            id=turn.chat_id,
            conversation=asked.conversation,
            saved=asked.saved,
            studio=is_studio(asked.asked_for),
            gate=asked.gate,
            meta_data=asked.body.get("meta_data") or {},
            shown=turn.chat("in_progress"),
        )
        self.state.chats[chat.id] = chat
        asked.conversation.running = chat.id
        asked.conversation.updated_at = self.state.now
        if asked.saved:
            for message in asked.messages:
                asked.conversation.keep(self._kept(message, turn))
        return chat, scenario.script(turn)

    async def stream(self, chat: Chat, script: Script, lines: LineFormat, came: Any = None) -> None:
        """Play a script into this response, to its end or to where it waits."""
        self.stage = Stage(self, lines)
        await self.sandbox.play(self._play(chat, script, self.stage, came))
        if not self.stage.opened.is_set():
            await self.stage.start(Start())

    async def poll(self, chat: Chat, script: Script, lines: LineFormat, came: Any = None) -> None:
        """Play a script behind the scenes; come back once it has sent its first event."""
        stage = Stage(None, lines)
        task = self.sandbox.start_play(self._play(chat, script, stage, came))
        chat.task = task
        task.add_done_callback(lambda _: stage.opened.set())
        await stage.opened.wait()
        if task.done():
            # A refusal belongs into this response.
            task.result()

    async def _play(self, chat: Chat, script: Script, stage: Stage, came: Any) -> None:
        try:
            chat.script = await play(
                script,
                stage,
                watch=chat.see,
                gate=lambda: self.sandbox.gates.step(chat.gate),
                came=came,
            )
        except Left:
            # It hangs, for all that anybody can tell; only a cancel frees the conversation.
            return
        except Exception:
            chat.withdraw()
            raise
        if chat.status in RUNNING:
            # The stream broke off; nobody may wait for this chat.
            chat.end("failed", last_error={"code": 5000, "msg": "event interval error"})

    def _turn(self, asked: Asked) -> Turn:
        state, memory = self.state, asked.conversation.memory
        chat_id = state.new_id()
        contents = [content_text(message) for message in asked.messages]
        memories = [content_text(message) for message in memory]
        return Turn(
            new_id=state.new_id,
            now=lambda: state.now,
            base_url=self.sandbox.base_url,
            chat_id=chat_id,
            conversation_id=asked.conversation.id,
            section_id=asked.conversation.section_id,
            asked_for=asked.asked_for,
            bot_id=asked.bot_id,
            query=asked.query,
            body=asked.body,
            text=_last_user_text([*memory, *asked.messages]),
            memory=memories,
            received=len(contents),
            input_count=sum(map(count_tokens, [*memories, *contents])),
            created_at=state.now,
            token=asked.caller.token,
            notebook=state.notebook,
            debug_url=debug_url(chat_id, asked.asked_for),
        )

    def _kept(self, message: Mapping[str, Any], turn: Turn) -> dict[str, Any]:
        kind = message.get("type") or "question"
        return {
            "id": self.state.new_id(),
            "conversation_id": turn.conversation_id,
            "bot_id": turn.bot_id or "",
            "role": message["role"],
            "type": kind,
            "content": message["content"],
            "content_type": message.get("content_type") or "text",
            "chat_id": turn.chat_id,
            "meta_data": message.get("meta_data") or {},
            "created_at": self.state.now,
            "updated_at": self.state.now,
        }


def debug_url(execute_id: str, workflow_id: str) -> str:
    """Return the page where Coze shows a run."""
    return (
        f"https://www.coze.cn/work_flow?execute_id={execute_id}"
        f"&space_id=7400000000000000003&workflow_id={workflow_id}"
    )


def content_text(message: Mapping[str, Any]) -> str:
    """Return a message's text; files of an object_string as e.g. ``[image 7400...]``."""
    content = str(message["content"])
    if message.get("content_type") != "object_string":
        return content
    return " ".join(map(_item_text, json.loads(content)))


def _item_text(item: Mapping[str, Any]) -> str:
    if item["type"] == "text":
        return str(item["text"])
    return f"[{item['type']} {item.get('file_id') or item.get('file_url')}]"


def _last_user_text(messages: Sequence[Mapping[str, Any]]) -> str:
    texts = [content_text(message) for message in messages if message["role"] == "user"]
    return texts[-1] if texts else ""
