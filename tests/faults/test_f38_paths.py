"""Ids are parts of one call to one host: no id makes another path, query or host of it."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.faults.bad_requests import NAMES, packed
from tests.faults.raw_caller import CHAT, request
from tests.service.asking import says
from tests.support import coze

pytestmark = pytest.mark.gen_test(timeout=15)

HI = [says("Hi")]
# Where an id may stand in a request: its body, and lines of its head.
PLACES = {
    "model": lambda id_: ({"model": f"bot-{id_}", "messages": HI}, ()),
    "model, conversation": lambda id_: ({"model": f"conversation-{id_}", "messages": HI}, ()),
    "model, workflow": lambda id_: ({"model": f"workflow-{id_}", "messages": HI}, ()),
    "model, chatflow": lambda id_: (
        {"model": f"chatflow-{id_}", "messages": HI, "x-bot-id": "7"},
        (),
    ),
    "body": lambda id_: ({"model": "x", "messages": HI, "x-bot-id": id_}, ()),
    "body, conversation": lambda id_: (
        {"model": "bot-7", "messages": HI, "x-conversation-id": id_},
        (),
    ),
    "body, workflow": lambda id_: ({"model": "x", "messages": HI, "x-workflow-id": id_}, ()),
    "extra_headers": lambda id_: (
        {"model": "x", "messages": HI, "extra_headers": {"x-bot-id": id_}},
        (),
    ),
    "coze": lambda id_: (
        {"model": "bot-7", "messages": HI, "coze": {"conversation_id": id_}},
        (),
    ),
    "file": lambda id_: (
        {"model": "bot-7", "messages": [says([{"type": "file", "file": {"file_id": id_}}])]},
        (),
    ),
    "question of a workflow": lambda id_: (
        {
            "model": "bot-7",
            "messages": HI,
            "coze": {"resume": packed("call_cozeflow_", id_, "1", 2)},
        },
        (),
    ),
}
HEADERS = ("x-bot-id", "x-workflow-id", "x-conversation-id")
# What no header can hold stands in bodies only.
IN_HEADERS = {name: id_ for name, id_ in NAMES.items() if id_.isascii() and id_.isprintable()}


@pytest.mark.parametrize("id_", NAMES.values(), ids=NAMES.keys())
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
async def test_id_of_another_form_is_a_400_and_no_call(dial, upstream, place, id_):
    asked, lines = place(id_)
    response = await (await dial()).ask(asked, CHAT, "POST", *lines)
    assert response.status == 400
    assert response.error["type"] == "invalid_request_error"
    assert upstream.accepted == 0


@pytest.mark.parametrize("id_", IN_HEADERS.values(), ids=IN_HEADERS.keys())
@pytest.mark.parametrize("header", HEADERS)
async def test_id_of_another_form_in_a_header_is_a_400_and_no_call(dial, upstream, header, id_):
    asked = {"model": "bot-7", "messages": HI}
    response = await (await dial()).ask(asked, CHAT, "POST", f"{header}: {id_}")
    assert response.status == 400
    assert upstream.accepted == 0


@pytest.mark.parametrize("id_", NAMES.values(), ids=NAMES.keys())
async def test_bot_of_a_new_conversation_has_to_have_the_form_of_an_id(dial, upstream, id_):
    caller = await dial()
    asked = [({"x-bot-id": id_}, ())]
    if id_ in IN_HEADERS.values():
        asked.append(({}, (f"x-bot-id: {id_}",)))
    for body, lines in asked:
        response = await caller.ask(body, "/v1/conversations", "POST", *lines)
        assert (response.status, response.error["param"]) == (400, "x-bot-id")
    assert upstream.accepted == 0


async def test_event_of_a_workflow_is_a_value_whatever_it_is(dial, upstream):
    # This one is Coze's own, and has no form that is known.
    evil = '../x?y=1#z"\r\nX-Evil: 1'
    resume = packed("call_cozeflow_", "7", evil, 2)
    caller = await dial()
    asked = {"model": "bot-7", "messages": HI, "coze": {"resume": resume}}
    await caller.send(request(asked))
    call = await upstream.called()
    assert call.path == "/v1/workflow/stream_resume"
    assert call.json["event_id"] == evil
    assert "x-evil" not in call.headers
    await call.answer(coze.event("Done", json.dumps({})))
    await caller.response()


async def test_good_id_is_one_value_of_the_query(dial, upstream):
    caller = await dial()
    id_ = "7_-" + "a" * 50
    await caller.send(request({"model": "bot-7", "messages": HI, "x-conversation-id": id_}))
    call = await upstream.called()
    url = urlsplit(call.path)
    assert (url.path, parse_qs(url.query)) == ("/v3/chat", {"conversation_id": [id_]})
    assert call.headers["host"] == urlsplit(upstream.base_url).netloc
    await call.answer(coze.answer("Fine"))
    assert (await caller.response()).status == 200
