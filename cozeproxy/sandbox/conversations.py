"""/v1/conversation... (docs.coze.cn: create_conversation, list_conversations, ...)."""

from typing import Any

from cozeproxy.sandbox import validation
from cozeproxy.sandbox.errors import CozeError
from cozeproxy.sandbox.handler import Handler
from cozeproxy.sandbox.scenarios.studio import is_studio
from cozeproxy.sandbox.state import Conversation

CREATOR_ID = "2478000000000000001"
LONGEST_NAME = 100
MOST_FIRST_MESSAGES = 16
MOST_LISTED = 50


class ConversationHandler(Handler):
    """An endpoint about conversations."""

    def find(self, identifier: str) -> Conversation:
        """Return a conversation of this caller's.

        Raises:
            CozeError: There is none: 4002.
        """
        caller = self.authorize()
        found = self.state.conversations.get(identifier)
        if found is None or found.owner != caller.owner:
            raise CozeError(4002)
        return found

    def name_in(self, body: dict[str, Any]) -> str:
        """Return the name in a body, "" if there is none."""
        name = body.get("name") or ""
        if not isinstance(name, str) or len(name) > LONGEST_NAME:
            raise CozeError(4000)
        return name


class CreateHandler(ConversationHandler):
    """POST /v1/conversation/create."""

    def post(self) -> None:
        """Make a conversation, with messages or without."""
        caller = self.authorize()
        body = self.json_body()
        validation.meta_data(body)
        first = validation.messages(
            {"additional_messages": body.get("messages")},
            MOST_FIRST_MESSAGES,
            saved=True,
            find_file=self.state.files.get,
        )
        made = self.state.new_conversation(caller.owner, str(body.get("bot_id") or ""))
        made.name = self.name_in(body)
        made.meta_data = body.get("meta_data") or {}
        for message in first:
            made.keep(new_message(self, made, message))
        self.succeed(shown(made))


class RetrieveHandler(ConversationHandler):
    """GET /v1/conversation/retrieve."""

    def get(self) -> None:
        """Give one conversation."""
        found = self.find(self.need("conversation_id"))
        if is_studio(found.bot_id):
            self.write_json({"code": 0, "msg": "", "ConversationData": shown(found)})
        else:
            self.succeed(shown(found))


class ListHandler(ConversationHandler):
    """GET /v1/conversations."""

    def get(self) -> None:
        """List the conversations of a bot, the latest first unless told otherwise."""
        caller = self.authorize()
        bot_id = self.need("bot_id")
        query = self.query()
        listed = [
            found
            for found in self.state.conversations.values()
            if found.bot_id == bot_id and found.owner == caller.owner
        ]
        if query.get("sort_order", "DESC").upper() == "DESC":
            listed.reverse()
        page, more = self.page(listed, MOST_LISTED)
        if len(page) > MOST_LISTED:
            raise CozeError(4000, f"page_size cannot be over {MOST_LISTED}.")
        self.succeed({"has_more": more, "conversations": [shown(found) for found in page]})


class EditHandler(ConversationHandler):
    """/v1/conversations/<id>."""

    def put(self, identifier: str) -> None:
        """Give it another name."""
        found = self.find(identifier)
        found.name = self.name_in(self.json_body())
        found.updated_at = self.state.now
        self.succeed(shown(found))

    def delete(self, identifier: str) -> None:
        """Delete it."""
        del self.state.conversations[self.find(identifier).id]
        self.succeed()


class ClearHandler(ConversationHandler):
    """POST /v1/conversations/<id>/clear."""

    def post(self, identifier: str) -> None:
        """Start a new section: what came before is no longer remembered."""
        found = self.find(identifier)
        found.section_id = self.state.new_id()
        self.succeed({"id": found.section_id, "conversation_id": found.id})


def shown(found: Conversation) -> dict[str, Any]:
    """Return a Conversation object; a Studio misspells the creator's key."""
    creator = "creator_d" if is_studio(found.bot_id) else "creator_id"
    return {
        "id": found.id,
        "name": found.name,
        "meta_data": found.meta_data,
        creator: CREATOR_ID,
        "connector_id": "1024",
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "last_section_id": found.section_id,
    }


def new_message(
    handler: Handler, conversation: Conversation, message: dict[str, Any]
) -> dict[str, Any]:
    """Return a Message object for something that was put into a conversation by hand."""
    now = handler.state.now
    return {
        "id": handler.state.new_id(),
        "conversation_id": conversation.id,
        "bot_id": "",
        "chat_id": "",
        "meta_data": message.get("meta_data") or {},
        "role": message["role"],
        "content": message["content"],
        "content_type": message.get("content_type") or "text",
        "created_at": now,
        "updated_at": now,
        "type": message.get("type") or "",
    }
