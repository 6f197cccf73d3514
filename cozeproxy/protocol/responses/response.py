"""The response object and what it is made of."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from cozeproxy.errors import CONTENT_FILTER, DAILY_LIMIT, NO_CREDIT, RATE_LIMIT, ServiceError
from cozeproxy.protocol.completion import counts
from cozeproxy.protocol.coze import Usage
from cozeproxy.protocol.response import ToolCall
from cozeproxy.protocol.responses.ids import REASONING, RESPONSE, FunctionCall, ResponseId

# Of OpenAI's closed list of codes for a response that has failed; all others are server errors.
_RATE = "rate_limit_exceeded"
_CODES = {RATE_LIMIT: _RATE, DAILY_LIMIT: _RATE, NO_CREDIT: _RATE, CONTENT_FILTER: "invalid_prompt"}

Object = dict[str, Any]


class Head(NamedTuple):
    """What a response is before there is anything of its answer.

    Attributes:
        model: the caller's name for it.
        created: when it was asked for, in seconds.
        echoed: the fields that repeat the request.
        nonce: a text that no other response has.
        id: what its id holds, but for Coze's ids of the turn; None where Coze keeps nothing of it.
        now: tells the time in seconds.
    """

    model: str
    created: int
    echoed: Mapping[str, Any]
    nonce: str
    id: ResponseId | None
    now: Callable[[], int]

    def identify(self, info: Mapping[str, Any]) -> str:
        """The response's id. ``info`` are Coze's ids of the turn, as far as they are known."""
        if self.id and self.id.kind == "workflow":
            return self.id.pack()
        if self.id and "chat_id" in info and "conversation_id" in info:
            ids = {name: info[name] for name in ("conversation_id", "chat_id")}
            return msgspec.structs.replace(self.id, **ids).pack()
        return RESPONSE + self.nonce

    def response(self, id_: str, status: str, output: Sequence[Object], **fields: Any) -> Object:
        """The response object. Clients want all of its keys, null or not."""
        return {
            "id": id_,
            "object": "response",
            "created_at": self.created,
            "completed_at": None,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": self.model,
            "output": output,
            "usage": None,
            **self.echoed,
            **fields,
        }


def message(id_: str, status: str, content: Sequence[Object]) -> Object:
    """The item of an answer's text."""
    return {
        "type": "message",
        "id": id_,
        "status": status,
        "role": "assistant",
        "content": content,
    }


def output_text(text: str | msgspec.Raw) -> Object:
    """The one part that the content of an answer has."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def reasoning(id_: str, summary: Sequence[Object]) -> Object:
    """The item of an answer's reasoning, as a summary: of the two forms all clients show this."""
    return {"type": "reasoning", "id": id_, "summary": summary}


def summary_text(text: str | msgspec.Raw) -> Object:
    """The one part that a summary has."""
    return {"type": "summary_text", "text": text}


def reasoning_id(message_id: str) -> str:
    """The id of the reasoning that belongs to a message."""
    return REASONING + message_id.partition("_")[2]


def function_call(call: ToolCall, status: str = "completed") -> Object:
    """The item of a call that the caller must run."""
    return {
        "type": "function_call",
        "id": FunctionCall(call.id, call.name, call.arguments).pack(),
        "status": status,
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments if status == "completed" else "",
    }


def usage_of(usage: Usage | None) -> Object | None:
    """The tokens, where Coze has told them."""
    if usage is None:
        return None
    found = counts(usage)
    return {
        "input_tokens": found.input,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": found.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": found.total,
    }


def error_of(error: ServiceError) -> Object:
    """A failure as a response has it."""
    return {"code": _CODES.get(error.answer, "server_error"), "message": str(error)}
