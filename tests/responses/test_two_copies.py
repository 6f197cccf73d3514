"""Two copies of the service behind one address serve one conversation turn by turn.

Each request comes on a connection of its own and goes to the other copy than the one before it.
"""

import functools

import pytest

from tests.responses.asking import RAIN, WAYS, calls_of, output, polled, says, text_of, to

pytestmark = pytest.mark.gen_test(timeout=15)


@pytest.fixture(params=WAYS)
def ask(request, by_turns):
    return functools.partial(WAYS[request.param], by_turns)


async def test_turns_go_on_in_the_other_copy(ask, balancer, sandbox):
    first = await ask(**to("memory", "One"))
    second = await ask(**to("memory", "Two", previous_response_id=first.id))
    third = await ask(**to("echo", "Three", previous_response_id=second.id))
    assert balancer.served == [0, 1, 0]
    assert text_of(third) == "You said: Three. (1 message received, 4 remembered)"
    assert len(sandbox.state.conversations) == 1


async def test_tools_output_and_its_fork_reach_the_chat(ask, balancer):
    first = await ask(**to("tools", "Rain?", tools=[RAIN]))
    (call,) = calls_of(first)
    second = await ask(**to("tools", [output(call, "wet")], previous_response_id=first.id))
    assert text_of(second) == "The tool said: wet"
    fork = await ask(**to("memory", [output(call, "dry")], previous_response_id=first.id))
    assert text_of(fork).startswith("You said: [Result of get_rain_probability] dry")
    assert balancer.served == [0, 1, 0]


async def test_response_is_begun_polled_for_and_deleted(by_turns, balancer):
    begun = await by_turns.responses.create(**to("hello", background=True))
    response = await polled(by_turns, begun)
    await by_turns.responses.delete(response.id)
    assert text_of(response) == "Hello"
    assert balancer.served[:3] == [0, 1, 0]


async def test_conversation_is_filled_and_read(by_turns, balancer):
    made = await by_turns.conversations.create(items=[says("One")])
    answer = await by_turns.responses.create(**to("memory", "Two", conversation=made.id))
    assert text_of(answer) == "You said: Two Before that: One"
    items = [item async for item in by_turns.conversations.items.list(made.id, limit=1)]
    assert len(items) == 3
    assert balancer.served == [0, 1, 0, 1, 0]
