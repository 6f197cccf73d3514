"""Bots that take their time, or too much room, or never end."""

from functools import partial

from cozeproxy.sandbox.scenarios.answers import echo, echo_text
from cozeproxy.sandbox.scenarios.steps import (
    Gate,
    Pause,
    Raw,
    Scenario,
    Silence,
    Start,
    Steps,
    StopIfAlone,
)
from cozeproxy.sandbox.scenarios.turn import Turn, pieces
from cozeproxy.sandbox.wire import chat_lines

GATED_PARTS = ("one ", "two ", "three")
SECONDS_A_TOKEN = 0.05
FLOOD_DELTAS = 100_000
# Written at once, so that the flood is the reader's problem and not the writer's.
FLOOD_BATCH = 500
FOREVER_SECONDS = 0.01
KIB = 1024


def slow(turn: Turn) -> Steps:
    """The echo, a token every 50 ms."""
    yield from turn.opening()
    text = echo_text(turn)
    message_id = turn.new_id()
    for part in pieces(text):
        yield Pause(SECONDS_A_TOKEN)
        yield turn.delta(message_id, part)
    yield turn.answered(message_id, text)
    yield from turn.ending()


def gated(turn: Turn) -> Steps:
    """Three deltas, each of which waits at the gate."""
    yield from turn.opening()
    message_id = turn.new_id()
    for part in GATED_PARTS:
        yield Gate()
        yield turn.delta(message_id, part)
    yield turn.answered(message_id, "".join(GATED_PARTS))
    yield from turn.ending()


def gated_end(turn: Turn) -> Steps:
    """The answer and its marker at once; the follow-up and the end wait at the gate."""
    yield from turn.opening()
    yield from turn.say(echo_text(turn))
    yield turn.finish_marker()
    yield Gate()
    yield turn.aside("follow_up", "And then?")
    yield turn.completed()
    yield turn.done()


def delayed_first_event(turn: Turn) -> Steps:
    """The echo, but not even a head before the gate."""
    yield Gate()
    yield from echo(turn)


def delayed_after_head(turn: Turn) -> Steps:
    """The echo; the head at once, the first event after the gate."""
    yield Start()
    yield Raw(b"")
    yield Gate()
    yield from echo(turn)


def big_event(size: int, turn: Turn) -> Steps:
    """One delta of that many bytes, and the whole again."""
    yield from turn.opening()
    yield from turn.say("x" * size, ["x" * size])
    yield from turn.ending()


def flood(turn: Turn) -> Steps:
    """100,000 deltas of one character, 30 MB in all, as fast as they are read."""
    yield from turn.opening()
    message_id = turn.new_id()
    (delta,) = chat_lines(0, turn.delta(message_id, "x"))
    for _ in range(FLOOD_DELTAS // FLOOD_BATCH):
        yield StopIfAlone()
        yield Raw(delta * FLOOD_BATCH)
    yield turn.answered(message_id, "x" * FLOOD_DELTAS)
    yield from turn.ending()


def forever(turn: Turn) -> Steps:
    """Deltas until the caller leaves."""
    yield from turn.opening()
    message_id = turn.new_id()
    while True:
        yield StopIfAlone()
        yield turn.delta(message_id, "on and on ")
        yield Pause(FOREVER_SECONDS)


def silent(_turn: Turn) -> Steps:
    """Not even a head."""
    yield Silence()


def silent_after_created(turn: Turn) -> Steps:
    """The opening, then nothing."""
    yield from turn.opening()
    yield Silence()


def silent_mid_stream(turn: Turn) -> Steps:
    """Some text, then nothing."""
    yield from turn.opening()
    message_id = turn.new_id()
    yield turn.delta(message_id, "I was about ", timed=False)
    yield turn.delta(message_id, "to say")
    yield Silence()


SCENARIOS = [
    Scenario("slow", "The echo, a token every 50 ms.", slow, listed=True),
    Scenario("gated", "one two three: each delta waits at the gate.", gated),
    Scenario("gated-end", "The echo at once; what follows the finish marker is gated.", gated_end),
    Scenario("delayed-first-event", "The echo, all of it after the gate.", delayed_first_event),
    Scenario(
        "delayed-after-head", "HTTP's head, then the echo after the gate.", delayed_after_head
    ),
    Scenario("big-event-64k", "A delta of 64 KiB.", partial(big_event, 64 * KIB)),
    Scenario("big-event-1m", "A delta of 1 MiB.", partial(big_event, KIB * KIB)),
    Scenario("big-event-10m", "A delta of 10 MiB.", partial(big_event, 10 * KIB * KIB)),
    Scenario("flood", "100,000 deltas of one character.", flood),
    Scenario("forever", "Deltas until the caller leaves.", forever),
    Scenario("silent", "Never answers.", silent),
    Scenario("silent-after-created", "Silent after the opening events.", silent_after_created),
    Scenario("silent-mid-stream", "Silent after some text.", silent_mid_stream),
]
