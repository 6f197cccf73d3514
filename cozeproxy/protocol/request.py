"""From OpenAI's request to Coze's.

Coze knows two roles, user and assistant, and takes a message's kind from ``type``: history written
by the bot must say ``answer``, as the default is ``question`` (docs.coze.cn, chat_v3). The last
message is the question; those before it are context.
"""

import hashlib

import msgspec

from cozeproxy.errors import RequestError
from cozeproxy.protocol.openai import ChatRequest, Message

_encode = msgspec.json.encode


def chat_body(request: ChatRequest, bot_id: str, user_id: str) -> bytes:
    """Build the body of ``POST /v3/chat`` for a chat whose history the caller keeps.

    Coze stores nothing of it (``auto_save_history`` false): the caller sends everything each time.
    """
    return _encode(
        {
            "bot_id": bot_id,
            "user_id": user_id,
            "stream": True,
            "auto_save_history": False,
            "additional_messages": coze_messages(request.messages),
        }
    )


def user_id(request: ChatRequest, caller_key: str) -> str:
    """Name the end user, whose memory Coze keeps apart from others'.

    Coze refuses a request without one, and a number in its place. Where the caller names nobody,
    its key stands for it, as a digest: the key itself is not Coze's to see.
    """
    named = request.safety_identifier or request.user
    if named:
        return named
    return "key-" + hashlib.sha256(caller_key.encode()).hexdigest()[:32]


def coze_messages(messages: list[Message]) -> list[dict[str, str]]:
    """Turn the caller's messages into Coze's, system text in front of the first question."""
    system = [text for m in messages if _is_system(m) and (text := text_of(m))]
    out = [mapped for m in messages if not _is_system(m) for mapped in _mapped(m)]
    if system:
        folded = "\n\n".join(system)
        first = next((m for m in out if m["role"] == "user"), None)
        if first is None:
            out.append(_question(folded))
        else:
            first["content"] = f"{folded}\n\n{first['content']}"
    if not out:
        raise RequestError("Invalid 'messages': there is no text in them.", param="messages")
    return out


def text_of(message: Message) -> str:
    """A message's text: its text parts, a line each, or the refusal that stands in its place."""
    content = message.content
    if isinstance(content, list):
        content = "\n".join(part.text or part.refusal or "" for part in content)
    return content or message.refusal or ""


def _is_system(message: Message) -> bool:
    return message.role in ("system", "developer")


def _question(text: str) -> dict[str, str]:
    return {"role": "user", "type": "question", "content_type": "text", "content": text}


def _mapped(message: Message) -> list[dict[str, str]]:
    text = text_of(message)
    if message.role == "user":
        return [_question(text)]
    if message.role == "assistant":
        text = "\n".join(filter(None, [text, *_calls(message)]))
        answer = {"role": "assistant", "type": "answer", "content_type": "text", "content": text}
        return [answer] if text else []
    # What a tool said has no role of its own in Coze; as context it must not be lost.
    name = message.name or message.tool_call_id or "tool"
    return [_question(f"[Result of {name}] {text}")]


def _calls(message: Message) -> list[str]:
    functions = [call.function for call in message.tool_calls or [] if call.function]
    if message.function_call:
        functions.append(message.function_call)
    return [f"[Call of {f.name}] {f.arguments or ''}".rstrip() for f in functions]
