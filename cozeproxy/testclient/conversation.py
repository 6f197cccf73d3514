"""What a person says to a service, turn by turn, as requests."""

import base64
import json
import mimetypes
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cozeproxy.testclient.answers import Answer

# The types in which Coze keeps what was said, so that a turn names its conversation.
KEPT = ("conversation", "chatflow")


@dataclass(frozen=True)
class Manner:
    """How everything of a conversation is asked.

    Attributes:
        model: the model name.
        kind: the type; None leaves it to the service.
        bot_id: the bot; None leaves it to the service.
        workflow_id: the workflow; None leaves it to the service.
        parameters: for a workflow.
        stream: whether answers come as they are written.
    """

    model: str
    kind: str | None = None
    bot_id: str | None = None
    workflow_id: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    stream: bool = True


class Conversation:
    """What has been said so far.

    Args:
        manner: how everything is asked.
        conversation_id: Coze's, to go on with.
        images: parts of a message, to be shown with the first one.

    Attributes:
        conversation_id: Coze's; None where the service does not keep what was said.
    """

    def __init__(
        self,
        manner: Manner,
        conversation_id: str | None = None,
        images: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.conversation_id = conversation_id
        self._manner = manner
        self._images = images
        named = re.match(r"(conversation|chatflow)-", manner.model)
        self._is_kept = bool(conversation_id or named or manner.kind in KEPT)
        self._messages: list[dict[str, Any]] = []
        # The id of the call by which a workflow asks something.
        self._waiting: str | None = None

    def say(self, text: str) -> tuple[dict[str, Any], dict[str, str]]:
        """Say something: the body of the request that does, and its headers."""
        if self._waiting:
            said: dict[str, Any] = {"role": "tool", "tool_call_id": self._waiting, "content": text}
        elif self._images and not self._messages:
            content = [{"type": "text", "text": text}, *self._images]
            said = {"role": "user", "content": content}
        else:
            said = {"role": "user", "content": text}
        self._messages.append(said)
        manner = self._manner
        body: dict[str, Any] = {
            "model": manner.model,
            "messages": self._messages,
            "stream": manner.stream,
        }
        if manner.parameters:
            body["coze"] = {"parameters": dict(manner.parameters)}
        headers = {
            "x-model-type": manner.kind,
            "x-bot-id": manner.bot_id,
            "x-workflow-id": manner.workflow_id,
            "x-conversation-id": self.conversation_id,
        }
        return body, {name: value for name, value in headers.items() if value}

    def hear(self, answer: Answer) -> None:
        """Take an answer, or what has come of it."""
        if not answer.text and not answer.finish_reason:
            # What was not answered has not been said: it can be said again.
            self._messages.pop()
            return
        self._messages.append(answer.message)
        self._waiting = answer.question["id"] if answer.question else None
        if self._is_kept and answer.conversation_id:
            self.conversation_id = answer.conversation_id


def image_part(given: str) -> dict[str, Any]:
    """An image as a part of a message: an address as it is, a file as what is in it.

    Raises:
        OSError: the file cannot be read.
    """
    url = given
    if not re.match(r"(https?://|data:)", given):
        kind = mimetypes.guess_type(given)[0] or "application/octet-stream"
        content = base64.b64encode(Path(given).read_bytes()).decode()
        url = f"data:{kind};base64,{content}"
    return {"type": "image_url", "image_url": {"url": url}}


def parameter(given: str) -> tuple[str, Any]:
    """A workflow's parameter from ``name=value``; a value that is JSON is what it says, else text.

    Raises:
        ValueError: there is no name.
    """
    name, equals, value = given.partition("=")
    if not equals or not name.strip():
        raise ValueError("name=value")
    try:
        return name.strip(), json.loads(value, parse_constant=_refuse)
    except ValueError:
        return name.strip(), value


def _refuse(constant: str) -> None:
    # NaN and its like are Python's, and no JSON.
    raise ValueError(constant)
