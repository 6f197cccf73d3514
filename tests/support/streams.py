"""The translation of one answer, set up for tests, and reading what it writes."""

import json

from cozeproxy.protocol.completion import ChunkWriter, CompletionWriter, Head
from cozeproxy.protocol.plan import Plan
from cozeproxy.protocol.response import ChatTranslator, Wanted
from cozeproxy.protocol.stream import MAX_ANSWER_BYTES, ChatStream

HEAD = Head("chatcmpl-1", 1700000000, "gpt-4")


def streamed(*, include_usage=False, stops=(), fenced=False, max_bytes=MAX_ANSWER_BYTES, **wanted):
    """A chat as a stream of chunks, for a caller that wants what the arguments say."""
    writer = ChunkWriter(HEAD, include_usage=include_usage)
    return ChatStream(writer, _reader(wanted, stops, fenced=fenced), max_bytes)


def whole(*, stops=(), fenced=False, max_bytes=MAX_ANSWER_BYTES, **wanted):
    """A chat that is given whole."""
    reader = _reader(wanted, stops, fenced=fenced)
    return ChatStream(CompletionWriter(HEAD), reader, max_bytes)


def _reader(wanted, stops, *, fenced):
    chat = Wanted("7", **wanted)
    plan = Plan(None, lambda writer: ChatTranslator(writer, chat), stops=stops, fenced=fenced)
    return plan.read_into


def chunks_of(out):
    """The chunks of a stream, which must be nothing but data lines that end in [DONE]."""
    frames = out.decode().split("\n\n")
    assert frames.pop() == ""
    assert all(frame.startswith("data: ") and "\n" not in frame for frame in frames)
    payloads = [frame.removeprefix("data: ") for frame in frames]
    assert payloads.pop() == "[DONE]"
    return [json.loads(payload) for payload in payloads]


def text_of(out):
    """The text of an answer, from its chunks."""
    deltas = [choice["delta"] for chunk in chunks_of(out) for choice in chunk["choices"]]
    return "".join(delta.get("content", "") for delta in deltas)
