"""What may be done with any bytes: functions that raise where they find that something is wrong.

Each takes one input. Hypothesis calls them in test_fuzz.py, atheris in run.py, and what once failed
is kept in tests/corpus, in a folder with the function's name.
"""

import contextlib
import json
import re
from urllib.parse import parse_qs

import msgspec

from cozeproxy.errors import RequestError
from cozeproxy.protocol.ids import coze_file_id, unpack_call_id, unpack_resume_id
from cozeproxy.protocol.parsing import ignored_fields, parse_chat_request
from cozeproxy.protocol.plan import Rules
from cozeproxy.protocol.planning import make_plan
from cozeproxy.protocol.responses.ids import (
    unpack_function_call,
    unpack_message_id,
    unpack_response_id,
)
from cozeproxy.protocol.responses.parsing import parse_responses_request
from cozeproxy.protocol.responses.past import Known, Past, previous_of
from cozeproxy.protocol.responses.request import ask_for
from cozeproxy.protocol.routing import Defaults
from cozeproxy.protocol.sse import EventParser

RULES = Rules(Defaults(bot_id="7", workflow_id="8"))
# Ids in queries, and in bodies that go to Coze.
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Longer inputs are cut in two at every so many places only.
MOST_CUTS = 60


def sse(data):
    """A stream has one meaning, that of the standard, however it is cut."""
    expected = by_the_standard(data)
    step = max(1, len(data) // MOST_CUTS)
    for pieces in (
        [data],
        [data[i : i + 1] for i in range(len(data))],
        *([data[:i], data[i:]] for i in range(1, len(data), step)),
    ):
        parser = EventParser()
        assert [event for piece in pieces for event in parser.receive_data(piece)] == expected
        assert not parser.overflowed


def by_the_standard(data):
    """The events of a stream, as the WHATWG has it ("interpreting an event stream"), read whole."""
    lines = re.split(rb"\r\n|\n|\r", data.removeprefix(b"\xef\xbb\xbf"))
    events, name, found = [], b"", []
    # The last one has no end.
    for line in lines[:-1]:
        field, _, value = line.partition(b":")
        value = value[1:] if value.startswith(b" ") else value
        if not line:
            if found:
                events.append((name, b"\n".join(found)))
            name, found = b"", []
        elif field == b"data":
            found.append(value)
        elif field == b"event":
            name = value
    return events


def request(data):
    """A body becomes a call that is JSON and goes where it should, or is refused."""
    with contextlib.suppress(RequestError):
        asked = parse_chat_request(data)
        assert all(name.isidentifier() for name in ignored_fields(data))
        check_plan(make_plan(asked, {}, RULES))


def response(data):
    """The same of a request for a response, whose id then leads back to what it was."""
    with contextlib.suppress(RequestError):
        asked = parse_responses_request(data)
        previous = previous_of(asked)
        known = Known(list(asked.placed_items()), Past(previous) if previous else None)
        served = ask_for(asked, known, {}, RULES, None)
        check_plan(served.plan)
        json.loads(msgspec.json.encode(served.echoed))
        if served.id:
            id_ = msgspec.structs.replace(served.id, conversation_id="1", chat_id="2")
            assert unpack_response_id(id_.pack()) == id_


def check_plan(plan):
    call = plan.call(str(i) for i, _ in enumerate(plan.attachments))
    assert re.fullmatch(r"/v[13]/[a-z_/]+", call.path)
    assert all(map(ID.fullmatch, call.query.values()))
    assert all(map(ID.fullmatch, plan.targets))
    json.loads(call.body.decode("utf-8"))
    for attachment in plan.attachments:
        assert re.fullmatch(r"[\w .()-]+\.[a-z0-9]+", attachment.name)


def ids(data):
    """An id is read as it was given out, or refused."""
    text = data.decode("utf-8", "surrogateescape")
    for read in (unpack_call_id, unpack_resume_id):
        with contextlib.suppress(RequestError):
            found = read(text, "p")
            assert found.pack() == text
            assert ID.fullmatch(found[0])
    for read in (unpack_response_id, unpack_message_id, unpack_function_call):
        found = read(text)
        assert found is None or found.pack() == text
    with contextlib.suppress(RequestError):
        assert parse_qs(f"id={coze_file_id(text, 'p')}") == {"id": [coze_file_id(text, "p")]}
