"""When an answer ends for the caller: at Coze's finish marker, or with Coze's own end.

`gated-end` gives answer and marker at once and holds the rest at its gate.
"""

import asyncio

import pytest

from tests.service.asking import body, objects, says, to

pytestmark = [pytest.mark.gen_test(timeout=15), pytest.mark.usefixtures("engine")]

ECHO = "You said: Hi. (1 message received, 0 remembered)"
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {}}}]


def asked(**fields):
    return body("gated-end", stream=True, user="held", **fields)


def text(chunks):
    return "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])


@pytest.fixture
def turns(post):
    """Let everything that could happen without the gate happen: several round trips."""

    async def turns():
        for _ in range(5):
            await post(None, "/health", "GET")

    return turns


async def test_stream_ends_at_the_finish_marker(connect, sandbox):
    exchange = await connect(asked())
    # To the end of the body, while what follows the marker does not exist yet.
    chunks = objects(await exchange.rest())
    await sandbox.gates.reached("held")
    assert text(chunks) == ECHO
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert "follow_ups" not in chunks[-1]["coze"]


@pytest.mark.parametrize("leave", [False, True])
async def test_upstream_is_read_to_its_end_behind_the_callers_back(
    connect, sandbox, turns, caller, leave
):
    exchange = await connect(asked())
    await exchange.rest()
    await sandbox.gates.reached("held")
    if leave:
        await exchange.close()
        await turns()
    sandbox.gates.release("held")
    await turns()
    await caller.chat.completions.create(**to("hello"))
    # A connection that was not read to the end of its body could not be used again.
    first, second = (request.connection for request in sandbox.requests)
    assert first == second
    assert [chat.status for chat in sandbox.state.chats.values()] == ["completed"] * 2


@pytest.mark.parametrize(
    ("fields", "follow_ups"),
    [
        ({"stream_options": {"include_usage": True}}, None),
        ({"coze": {"follow_ups": True}}, ["And then?"]),
    ],
)
async def test_stream_waits_for_what_was_asked_for(connect, sandbox, turns, fields, follow_ups):
    exchange = await connect(asked(**fields))
    await exchange.until("remembered)")
    await sandbox.gates.reached("held")
    rest = asyncio.create_task(exchange.rest())
    await turns()
    assert not rest.done()
    sandbox.gates.release("held")
    chunks = objects(await rest)
    assert chunks[-1]["coze"].get("follow_ups") == follow_ups
    assert ("usage" in chunks[-1]) is (follow_ups is None)


@pytest.mark.parametrize(
    "fields", [{"coze": {"auto_save_history": True}}, {"tools": TOOLS}], ids=["saved", "tools"]
)
async def test_turn_that_coze_keeps_ends_when_the_conversation_is_free(
    connect, sandbox, turns, caller, fields
):
    exchange = await connect(asked(**fields))
    await exchange.until("remembered)")
    await sandbox.gates.reached("held")
    rest = asyncio.create_task(exchange.rest())
    await turns()
    assert not rest.done()
    sandbox.gates.release("held")
    conversation_id = objects(await rest)[-1]["coze"]["conversation_id"]
    again = to("memory", "More", coze={"conversation_id": conversation_id})
    answer = await caller.chat.completions.create(**again)
    assert f"Before that: Hi | {ECHO}" in answer.choices[0].message.content


async def test_turn_in_a_conversation_ends_when_the_conversation_is_free(
    connect, sandbox, turns, caller
):
    first = await caller.chat.completions.create(**to("hello", coze={"auto_save_history": True}))
    held = {"coze": {"conversation_id": first.coze["conversation_id"]}}
    exchange = await connect(asked(**held))
    await exchange.until("remembered)")
    await sandbox.gates.reached("held")
    rest = asyncio.create_task(exchange.rest())
    await turns()
    assert not rest.done()
    sandbox.gates.release("held")
    await rest
    await caller.chat.completions.create(**to("hello", **held))


async def test_whole_answer_has_the_usage_that_comes_last(post, sandbox, turns):
    asking = asyncio.create_task(post(body("gated-end", user="held")))
    await sandbox.gates.reached("held")
    await turns()
    assert not asking.done()
    sandbox.gates.release("held")
    assert b'"usage"' in (await asking).body


async def test_marker_after_an_interrupt_is_no_end(post):
    response = await post(body("tools", stream=True, tools=TOOLS, messages=[says("Hi")]))
    assert objects(response.body)[-1]["choices"][0]["finish_reason"] == "tool_calls"
