"""/v3/chat and what belongs to it (docs.coze.cn: chat_v3, retrieve_chat, chat_cancel, ...)."""

from typing import Any

from cozeproxy.sandbox import scenarios, validation
from cozeproxy.sandbox.chatting import Asked, PlayingHandler
from cozeproxy.sandbox.errors import CozeError, missing_resource
from cozeproxy.sandbox.records import query_of
from cozeproxy.sandbox.scenarios.studio import is_studio
from cozeproxy.sandbox.state import RUNNING, Chat
from cozeproxy.sandbox.wire import chat_lines


class CreateHandler(PlayingHandler):
    """POST /v3/chat."""

    async def post(self) -> None:
        """Start a chat: streamed, or to be polled."""
        if not self.request.headers.get("Authorization"):
            raise self.without_token()
        body = self.json_body()
        bot_id = validation.text_field(body, "bot_id")
        scenario = scenarios.BOTS.find(bot_id)
        if scenario is None:
            # Before the token is looked at, as was seen on api.coze.cn.
            raise missing_resource("bot_id", bot_id)
        caller = self.authorize()
        if is_studio(bot_id):
            # It streams unless told otherwise.
            body = {"stream": True} | body
        validation.chat_request(body, lambda file_id: self.find_file(caller, file_id))
        conversation_id = self.query().get("conversation_id")
        asked = Asked(
            asked_for=bot_id,
            bot_id=bot_id,
            gate=body["user_id"],
            saved=body.get("auto_save_history") is not False,
            caller=caller,
            query=query_of(self.request),
            body=body,
            conversation=self.conversation(caller, conversation_id, bot_id),
        )
        chat, script = self.begin(asked, scenario)
        lines = scenario.lines or chat_lines
        if body.get("stream"):
            await self.stream(chat, script, lines)
        else:
            # Always in_progress, or cozepy 0.20.0 would stop polling at once (chat/__init__.py,
            # create_and_poll); a Studio says created all the same.
            status = "created" if chat.studio else "in_progress"
            shown = {**chat.shown, "status": status}
            del shown["usage"]
            await self.poll(chat, script, lines)
            self.succeed(shown)

    def invalid_token(self) -> CozeError:
        """Return 4100, or what a Studio says."""
        if is_studio(str(self.json_body().get("bot_id"))):
            return CozeError(700012006, "authentication failed: api key is invalid")
        return super().invalid_token()


class OneChatHandler(PlayingHandler):
    """An endpoint about one chat."""

    def find(self, conversation_id: str, chat_id: str) -> Chat:
        """Return a chat of this caller's.

        Raises:
            CozeError: There is none: 4001, or 4002 where it is the conversation that lacks.
        """
        caller = self.authorize()
        conversation = self.state.conversations.get(conversation_id)
        if conversation is None or conversation.owner != caller.owner:
            raise CozeError(4002)
        chat = self.state.chats.get(chat_id)
        if chat is None or chat.conversation is not conversation:
            raise CozeError(4001)
        return chat

    def find_by_query(self) -> Chat:
        """Return the chat that the query names."""
        return self.find(self.need("conversation_id"), self.need("chat_id"))


class RetrieveHandler(OneChatHandler):
    """/v3/chat/retrieve: GET by the documents, POST by cozepy and @coze/api."""

    def get(self) -> None:
        """Give the state of a chat; only kept ones can be polled (docs.coze.cn, retrieve_chat)."""
        chat = self.find_by_query()
        if not chat.saved:
            raise CozeError(4001)
        self.succeed(_retrieved(chat))

    def post(self) -> None:
        """Do the same."""
        self.get()


class MessagesHandler(OneChatHandler):
    """GET /v3/chat/message/list."""

    def get(self) -> None:
        """Give the bot's messages, steps included, in no order that one may rely on."""
        chat = self.find_by_query()
        listed = sorted(chat.messages, key=lambda message: str(message["type"]), reverse=True)
        if chat.studio:
            self.write_json({"code": 0, "msg": "", "Messages": listed})
        elif listed or chat.status != "failed":
            self.succeed(listed)
        else:
            # Seen after a failed chat (coze-py, issue 425).
            self.succeed()


class CancelHandler(OneChatHandler):
    """POST /v3/chat/cancel."""

    def post(self) -> None:
        """Cancel a running chat; a stream that is open goes on to its end."""
        body = self.json_body()
        ids = (validation.text_field(body, name) for name in ("conversation_id", "chat_id"))
        chat = self.find(*ids)
        if chat.status not in RUNNING:
            raise CozeError(4104)
        chat.end("canceled")
        if chat.task is not None:
            chat.task.cancel()
        if chat.studio:
            self.write_json({"code": 0, "msg": "", "ChatV3ChatDetail": chat.shown})
        else:
            self.succeed(chat.shown)


class SubmitHandler(OneChatHandler):
    """POST /v3/chat/submit_tool_outputs."""

    async def post(self) -> None:
        """Go on with a chat that waits for tools; the chat's id stays the same."""
        chat = self.find_by_query()
        body = self.json_body()
        if not chat.saved:
            # docs.coze.cn, chat_submit_tool_outputs.
            raise CozeError(5000)
        script = chat.script
        if script is None or not chat.pending:
            raise CozeError(4000, "The chat does not wait for tool outputs.")
        outputs = _outputs(body, chat.pending)
        chat.script = None
        chat.shown = {**chat.shown, "status": "in_progress"}
        chat.conversation.running = chat.id
        if body.get("stream"):
            await self.stream(chat, script, chat_lines, outputs)
        else:
            shown = _retrieved(chat)
            shown.pop("required_action", None)
            await self.poll(chat, script, chat_lines, outputs)
            self.succeed(shown)


def _outputs(body: dict[str, Any], pending: list[str]) -> dict[str, str]:
    """Return the outputs by call id; all calls of a step must be answered together."""
    given = body.get("tool_outputs")
    if not isinstance(given, list) or not all(
        isinstance(item, dict) and isinstance(item.get("output"), str) for item in given
    ):
        raise CozeError(4000)
    outputs = {str(item.get("tool_call_id")): item["output"] for item in given}
    if outputs.keys() != set(pending):
        raise CozeError(4000, "The tool_outputs do not match the tool calls of the chat.")
    return {call_id: outputs[call_id] for call_id in pending}


def _retrieved(chat: Chat) -> dict[str, Any]:
    shown = {key: value for key, value in chat.shown.items() if key != "last_error"}
    if chat.shown.get("last_error", {}).get("code"):
        shown["last_error"] = chat.shown["last_error"]
    if chat.meta_data:
        shown["meta_data"] = chat.meta_data
    action = shown.get("required_action")
    if action:
        # An empty object here, null in the stream (docs.coze.cn, use_local_plugin).
        calls = [
            {**call, "require_info": {}} for call in action["submit_tool_outputs"]["tool_calls"]
        ]
        shown["required_action"] = {**action, "submit_tool_outputs": {"tool_calls": calls}}
    return shown
