"""Coze's event streams, written out by hand so that nothing under test has a part in them."""

import json

CHAT = {"id": "71", "conversation_id": "72", "bot_id": "7", "last_error": {"code": 0, "msg": ""}}
# The total is Coze's own count, and no sum of the others.
USAGE = {"token_count": 17, "output_count": 5, "input_count": 10}


def event(name, data):
    """An event in the line format of /v3/chat: no space after the colon."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"event:{name}\ndata:{text}\n\n".encode()


def chat(state, **fields):
    return event(f"conversation.chat.{state}", {**CHAT, "status": state, **fields})


def message(state, kind, content, id_="81", **fields):
    return event(
        f"conversation.message.{state}",
        {
            "id": id_,
            "conversation_id": "72",
            "role": "assistant",
            "type": kind,
            "content": content,
            "content_type": "text",
            **fields,
        },
    )


def delta(content, id_="81", **fields):
    return message("delta", "answer", content, id_, **fields)


def completed(content, id_="81", kind="answer"):
    return message("completed", kind, content, id_)


CREATED = chat("created") + chat("in_progress")
FINISH_MARKER = completed('{"msg_type":"generate_answer_finish","data":""}', "82", "verbose")
COMPLETED = chat("completed", usage=USAGE)
DONE = event("done", '"[DONE]"')
END = COMPLETED + DONE


def answer(*deltas, id_="81"):
    """A whole stream that says these deltas."""
    said = b"".join(delta(text, id_) for text in deltas)
    return CREATED + said + completed("".join(deltas), id_) + FINISH_MARKER + END
