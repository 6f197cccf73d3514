"""POST /v1/workflows/chat (docs.coze.cn, workflow_chat): always a stream."""

from cozeproxy.sandbox import scenarios, validation
from cozeproxy.sandbox.chatting import Asked, PlayingHandler
from cozeproxy.sandbox.errors import CozeError, missing_resource
from cozeproxy.sandbox.records import query_of
from cozeproxy.sandbox.wire import chatflow_lines
from cozeproxy.sandbox.workflows import gate_name


class ChatHandler(PlayingHandler):
    """POST /v1/workflows/chat."""

    async def post(self) -> None:
        """Start a chat; the conversation's id is in the body here."""
        caller = self.authorize()
        body = self.json_body()
        validation.chatflow_request(body, lambda file_id: self.find_file(caller, file_id))
        workflow_id = body["workflow_id"]
        scenario = scenarios.CHATFLOWS.find(workflow_id)
        if scenario is None:
            raise missing_resource("workflow_id", workflow_id)
        asked = Asked(
            asked_for=workflow_id,
            bot_id=None,
            gate=gate_name(body, workflow_id),
            saved=True,
            caller=caller,
            query=query_of(self.request),
            body=body,
            conversation=self.conversation(
                caller, body.get("conversation_id"), body.get("bot_id") or ""
            ),
        )
        chat, script = self.begin(asked, scenario)
        await self.stream(chat, script, scenario.lines or chatflow_lines)

    def invalid_token(self) -> CozeError:
        """Return what workflow endpoints say."""
        return CozeError(4100, status=401)
