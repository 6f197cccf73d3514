"""Bots that stop and wait: for tools that the caller runs, or for the user."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cozeproxy.sandbox.scenarios.steps import Scenario, Steps, Suspend
from cozeproxy.sandbox.scenarios.turn import Turn, function_call, reply_call
from cozeproxy.sandbox.wire import Event, dump

# A real one; ids are opaque, and their padding is part of them (docs.coze.cn, use_local_plugin).
CALL_ID = "BUJJS0JKQ0dHR0VeFkNCQF5HEEZBXhJFEUJeEhFCRkESSktDREISSUI="
QUESTION = "Which city is it about?"


def tools(turn: Turn) -> Steps:
    """One call of a local plugin (docs.coze.cn, use_local_plugin)."""
    turn = _first_leg(turn)
    yield from turn.opening()
    call = _rain_call(_call_id(turn), "Oslo")
    yield _announced(turn, call)
    yield from turn.requires_action([call])
    outputs = yield Suspend()
    yield from _second_leg(turn, outputs)


def tools_parallel(turn: Turn) -> Steps:
    """Two calls in one step, to be answered together."""
    turn = _first_leg(turn)
    yield from turn.opening()
    calls = [_rain_call(_call_id(turn), city) for city in ("Oslo", "Bergen")]
    for call in calls:
        yield _announced(turn, call)
    yield from turn.requires_action(calls)
    outputs = yield Suspend()
    yield from _second_leg(turn, outputs)


def tools_twice(turn: Turn) -> Steps:
    """A call, and after its output another one."""
    turn = _first_leg(turn)
    yield from turn.opening()
    first = _rain_call(_call_id(turn), "Oslo")
    yield _announced(turn, first)
    yield from turn.requires_action([first])
    outputs = yield Suspend()
    yield turn.in_progress()
    yield from _responses(turn, outputs)
    second = _rain_call(_call_id(turn), "Bergen")
    yield _announced(turn, second)
    yield from turn.requires_action([second])
    outputs = yield Suspend()
    yield from _second_leg(turn, outputs)


def tools_after_text(turn: Turn) -> Steps:
    """Some text, then a call."""
    yield from turn.opening()
    yield from turn.say("Let me look that up.")
    call = _rain_call(_call_id(turn), "Oslo")
    yield _announced(turn, call)
    yield from turn.requires_action([call])
    outputs = yield Suspend()
    yield from _second_leg(turn, outputs)


def tools_then_failed(turn: Turn) -> Steps:
    """A call whose output the run then fails on."""
    turn = _first_leg(turn)
    yield from turn.opening()
    call = _rain_call(_call_id(turn), "Oslo")
    yield _announced(turn, call)
    yield from turn.requires_action([call])
    yield Suspend()
    yield turn.in_progress()
    yield turn.failed(5000, "event interval error")


def question(turn: Turn) -> Steps:
    """A question to the user; the next message in the conversation is taken as the answer."""
    yield from turn.opening()
    if turn.answers_question():
        yield from turn.say(f"Thank you. I have noted: {turn.text}")
        yield from turn.ending()
        return
    yield from turn.say(QUESTION)
    yield from turn.requires_action([reply_call()])


def _first_leg(turn: Turn) -> Turn:
    return turn.sectioned(chats=True, messages=False)


def _call_id(turn: Turn) -> str:
    # As long as a real one, with a part of its own.
    own = turn.new_id()
    return own + CALL_ID[len(own) :]


def _rain_call(call_id: str, location: str) -> dict[str, Any]:
    return function_call(call_id, "get_rain_probability", {"location": location})


def _announced(turn: Turn, call: Mapping[str, Any]) -> Event:
    content = {
        "name": "ts-weather_assistant-get_rain_probability",
        "arguments": json.loads(call["function"]["arguments"]),
        "plugin_id": 7374787648269074486,
        "plugin_name": "weather_assistant",
        "api_id": 7375048893094101003,
        "api_name": "get_rain_probability",
        "plugin_type": 6,
        "thought": "need rain data",
    }
    return turn.aside("function_call", dump(content))


def _second_leg(turn: Turn, outputs: Mapping[str, str]) -> Iterator[Event]:
    """What comes after the outputs: no ``created``, and no sections (the guide's sample)."""
    turn = turn.sectioned(chats=False, messages=False)
    answer_id = turn.new_id()
    yield turn.in_progress(completed_at=turn.now())
    yield from _responses(turn, outputs)
    text = " ".join(_conclusion(output) for output in outputs.values())
    yield turn.delta(answer_id, text, timed=False)
    yield turn.answered(answer_id, text)
    yield from turn.ending()


def _responses(turn: Turn, outputs: Mapping[str, str]) -> Sequence[Event]:
    return [turn.aside("tool_response", output) for output in outputs.values()]


def _conclusion(output: str) -> str:
    """Return ``50%.`` for ``{"probability": 0.5}``, else the output itself."""
    try:
        return f"{json.loads(output)['probability']:.0%}."
    except (ValueError, TypeError, KeyError):
        return f"The tool said: {output}"


SCENARIOS = [
    Scenario(
        "tools", "Asks the caller to run a tool, answers with its output.", tools, listed=True
    ),
    Scenario("tools-parallel", "Asks for two tools in one step.", tools_parallel),
    Scenario("tools-twice", "Asks for a tool again after the first output.", tools_twice),
    Scenario("tools-after-text", "Says something before it asks for a tool.", tools_after_text),
    Scenario("tools-then-failed", "Fails once it has the tool's output.", tools_then_failed),
    Scenario("question", "Asks the user (reply_message) and goes on with the reply.", question),
]
