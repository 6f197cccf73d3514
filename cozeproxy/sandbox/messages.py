"""/v1/conversation/message/... (docs.coze.cn: create_message, list_message, ...)."""

from typing import Any

from cozeproxy.sandbox import validation
from cozeproxy.sandbox.conversations import ConversationHandler, new_message
from cozeproxy.sandbox.errors import CozeError
from cozeproxy.sandbox.state import Conversation

MOST_LISTED = 50


class MessageHandler(ConversationHandler):
    """An endpoint about messages of the conversation that the query names."""

    def in_query(self) -> Conversation:
        """Return the conversation."""
        return self.find(self.need("conversation_id"))

    def message_in(self, conversation: Conversation) -> dict[str, Any]:
        """Return the message that the query names.

        Raises:
            CozeError: There is none: 4005.
        """
        message_id = self.need("message_id")
        for message in conversation.messages:
            if message["id"] == message_id:
                return message
        raise CozeError(4005)


class CreateHandler(MessageHandler):
    """POST /v1/conversation/message/create."""

    def post(self) -> None:
        """Put a message into the conversation; its type is empty."""
        conversation = self.in_query()
        body = self.json_body()
        # An answer need not call itself one here: the endpoint takes no type.
        checked = {**body, "type": "answer" if body.get("role") == "assistant" else "question"}
        validation.message_fields(checked, saved=True)
        if body.get("content_type") == "object_string":
            validation.object_string(
                body["content"], beside_text=False, find_file=self.state.files.get
            )
        made = new_message(self, conversation, {**body, "type": ""})
        conversation.keep(made)
        self.succeed(made)


class ListHandler(MessageHandler):
    """POST /v1/conversation/message/list."""

    def post(self) -> None:
        """List questions and answers, the latest first unless told otherwise.

        Times of change come as strings here (docs.coze.cn, list_message, its sample).
        """
        conversation = self.in_query()
        body = self.json_body()
        limit = body.get("limit") or MOST_LISTED
        if not isinstance(limit, int) or not 1 <= limit <= MOST_LISTED:
            raise CozeError(4000)
        listed = [
            message
            for message in conversation.messages
            if body.get("chat_id") in (None, "", message["chat_id"])
        ]
        if body.get("order") != "asc":
            listed.reverse()
        window, more = _window(listed, body, limit)
        answer = [{**message, "updated_at": str(message["updated_at"])} for message in window]
        self.succeed(
            answer,
            first_id=answer[0]["id"] if answer else "",
            last_id=answer[-1]["id"] if answer else "",
            has_more=more,
        )


class RetrieveHandler(MessageHandler):
    """/v1/conversation/message/retrieve: GET, but POST by coze-java."""

    def get(self) -> None:
        """Give one message."""
        self.succeed(self.message_in(self.in_query()))

    def post(self) -> None:
        """Do the same."""
        self.get()


class ModifyHandler(MessageHandler):
    """POST /v1/conversation/message/modify."""

    def post(self) -> None:
        """Change a message; the answer has it under ``message``."""
        found = self.message_in(self.in_query())
        body = self.json_body()
        changes = {
            name: body[name]
            for name in ("content", "content_type", "meta_data")
            if body.get(name) is not None
        }
        validation.meta_data(changes)
        if not isinstance(changes.get("content", ""), str):
            raise CozeError(4000)
        found.update(changes, updated_at=self.state.now)
        self.succeed(message=found)


class DeleteHandler(MessageHandler):
    """POST /v1/conversation/message/delete."""

    def post(self) -> None:
        """Remove a message and give it back; an answer takes its steps along."""
        conversation = self.in_query()
        found = self.message_in(conversation)
        conversation.messages.remove(found)
        chat = self.state.chats.get(found["chat_id"])
        if chat is not None and found["type"] == "answer":
            others = [m for m in chat.messages if m["type"] == "answer" and m["id"] != found["id"]]
            chat.messages[:] = others
        self.succeed(found)


def _window(
    listed: list[dict[str, Any]], body: dict[str, Any], limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """Return the part of a list that the bounds leave, and whether there is more of it.

    ``before_id`` and ``after_id`` are about the position in the list as it is ordered: older
    messages follow after ``last_id`` where the latest come first. "0" and "" are no bounds.
    """
    ids = [message["id"] for message in listed]
    before, after = body.get("before_id"), body.get("after_id")
    if after in ids:
        listed = listed[ids.index(after) + 1 :]
    elif before in ids:
        listed = listed[: ids.index(before)]
        return listed[-limit:], len(listed) > limit
    return listed[:limit], len(listed) > limit
