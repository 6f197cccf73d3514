"""Answers to chat completion requests, whole and streamed, as a stranger reads them.

It shares no code with the service, which writes them: what is checked here is what goes out.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from cozeproxy.testclient.calls import Caller, Exchange
from cozeproxy.testclient.troubles import AskError, error_in, refused, told

PATH = "/v1/chat/completions"
BROKEN = "Its log may say why. Try again."


class DataReader:
    """Reads what stands on the data lines of a stream, however it is cut."""

    def __init__(self) -> None:
        self._rest = b""

    def receive(self, piece: bytes) -> list[str]:
        """Take a piece; give what has become complete."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        # Comments are signs of life, and the service has no other fields.
        return [
            line.removeprefix(b"data:").strip().decode(errors="replace")
            for line in lines
            if line.startswith(b"data:")
        ]


class Answer:
    """What has come of an answer so far.

    Attributes:
        text: that of the answer.
        finish_reason: why it has ended; empty where it has not.
        conversation_id: Coze's, empty where it was not told.
    """

    def __init__(self) -> None:
        self.text = ""
        self.finish_reason = ""
        self.conversation_id = ""
        self._calls: dict[int, dict[str, Any]] = {}

    @property
    def question(self) -> Mapping[str, Any] | None:
        """The call by which a workflow asks something; None where it does not."""
        for call in self._calls.values():
            if call["function"]["name"] == "coze_resume_workflow":
                return call
        return None

    @property
    def message(self) -> dict[str, Any]:
        """The answer as a message of a later request."""
        calls = list(self._calls.values())
        return {
            "role": "assistant",
            "content": self.text,
            **({"tool_calls": calls} if calls else {}),
        }

    def take(self, part: Mapping[str, Any]) -> str:
        """Take a chunk, or a whole completion; give the text that it adds."""
        added = ""
        for choice in part.get("choices") or ():
            message = _message(choice)
            added += message.get("content") or ""
            for place, call in enumerate(message.get("tool_calls") or ()):
                self._add(call.get("index", place), call)
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
        self.text += added
        return added

    def _add(self, place: int, call: Mapping[str, Any]) -> None:
        function = call.get("function") or {}
        known = self._calls.setdefault(
            place, {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        )
        known["id"] = call.get("id") or known["id"]
        known["function"]["name"] += function.get("name") or ""
        known["function"]["arguments"] += function.get("arguments") or ""


def reasoning_in(part: Mapping[str, Any]) -> str:
    """What a chunk, or a whole completion, has of the bot's reasoning."""
    choices = part.get("choices") or ()
    return "".join(_message(choice).get("reasoning_content") or "" for choice in choices)


def _message(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    return choice.get("delta") or choice.get("message") or {}


async def ask(
    caller: Caller,
    body: Mapping[str, Any],
    headers: Mapping[str, str],
    answer: Answer,
) -> AsyncGenerator[tuple[str, dict[str, Any]]]:
    """Ask, and give each part of the answer as it comes: the text that it adds, and all of it.

    A part is a chunk, or the one completion where the answer is not streamed.

    Args:
        caller: towards the service.
        body: of the request.
        headers: of the request.
        answer: takes each part, before it is given.

    Raises:
        AskError: the service has refused or failed, or the answer has broken off.
    """
    async with (
        caller.send("POST", PATH, body, headers) as exchange,
        aclosing(_parts(exchange, streamed=bool(body.get("stream")))) as parts,
    ):
        async for part in parts:
            answer.conversation_id = exchange.headers.get("X-Conversation-Id", "")
            yield answer.take(part), part


async def _parts(exchange: Exchange, *, streamed: bool) -> AsyncGenerator[dict[str, Any]]:
    if not streamed:
        yield _completion(exchange, await exchange.whole())
        return
    reader = DataReader()
    async for piece in exchange:
        if not _is_stream(exchange):
            raise refused(exchange.status, exchange.headers, piece + await exchange.whole())
        for data in reader.receive(piece):
            if data == "[DONE]":
                # To the end, or the service would see a caller that leaves.
                await exchange.whole()
                return
            yield _chunk(data)
    if not _is_stream(exchange):
        raise refused(exchange.status, exchange.headers, b"")
    raise AskError("the answer broke off before its end", BROKEN)


def _is_stream(exchange: Exchange) -> bool:
    kind = exchange.headers.get("Content-Type", "").lower()
    return exchange.status == 200 and kind.startswith("text/event-stream")


def _completion(exchange: Exchange, body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body) if exchange.status == 200 else None
    except ValueError:
        found = None
    if not isinstance(found, dict) or error_in(found):
        raise refused(exchange.status, exchange.headers, body)
    return found


def _chunk(data: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise AskError("a part of the answer cannot be read", BROKEN) from error
    content = error_in(found)
    if content is not None:
        raise told(content, 0)
    if not isinstance(found, dict):
        raise AskError("a part of the answer is no object", BROKEN)
    return found
