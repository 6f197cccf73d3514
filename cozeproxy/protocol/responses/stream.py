"""The way out of a response: one translation, and the writer at its end."""

from cozeproxy.protocol.plan import Plan
from cozeproxy.protocol.responses.events import ResponseEvents
from cozeproxy.protocol.responses.response import Head
from cozeproxy.protocol.responses.writer import WholeResponse
from cozeproxy.protocol.stream import ChatStream


def response_stream(head: Head, plan: Plan, *, streaming: bool) -> ChatStream:
    """Make the translation of one answer of Coze's to a response."""
    writer = ResponseEvents(head) if streaming else WholeResponse(head)
    stream = ChatStream(writer, plan.read_into)
    writer.follow(stream)
    return stream
