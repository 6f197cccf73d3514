"""Voices: what becomes of a text that is to be spoken."""

from collections.abc import Iterator
from dataclasses import dataclass

from cozeproxy.sandbox.scenarios.refusals import numbers
from cozeproxy.sandbox.scenarios.steps import (
    Cut,
    Gate,
    Raw,
    Refuse,
    Scenario,
    Silence,
    Start,
    Steps,
)

# In how many pieces a sound is sent.
PIECES = 3


@dataclass(frozen=True)
class Speech:
    """What a script gets.

    Attributes:
        asked_for: The voice id.
        sound: The whole sound.
        content_type: What it is sent as.
    """

    asked_for: str
    sound: bytes
    content_type: str

    @property
    def pieces(self) -> Iterator[Raw]:
        """The sound in pieces."""
        size = -(-len(self.sound) // PIECES)
        return (Raw(self.sound[i : i + size]) for i in range(0, len(self.sound), size))


def tone(speech: Speech) -> Steps:
    """A sound as long as its text."""
    yield Start(speech.content_type)
    yield from speech.pieces


def gated(speech: Speech) -> Steps:
    """The same; each piece waits at the gate."""
    yield Start(speech.content_type)
    for piece in speech.pieces:
        yield Gate()
        yield piece


def silent(_speech: Speech) -> Steps:
    """No answer at all."""
    yield Silence()


def silent_mid_stream(speech: Speech) -> Steps:
    """Silence of the wrong kind after the first piece."""
    yield Start(speech.content_type)
    yield next(speech.pieces)
    yield Silence()


def empty(speech: Speech) -> Steps:
    """A sound of no length."""
    yield Start(speech.content_type)


def cut(speech: Speech) -> Steps:
    """The connection closes after the first piece."""
    yield Start(speech.content_type)
    yield next(speech.pieces)
    yield Cut()


def reset(speech: Speech) -> Steps:
    """The connection is reset after the first piece."""
    yield Start(speech.content_type)
    yield next(speech.pieces)
    yield Cut(reset=True)


def code(speech: Speech) -> Steps:
    """HTTP 200 with a Coze code."""
    (wanted,) = numbers(speech.asked_for)
    yield Refuse(wanted)


def http_status_and_code(speech: Speech) -> Steps:
    """An HTTP status and a Coze code."""
    status, wanted = numbers(speech.asked_for)
    yield Refuse(wanted, status=status)


SCENARIOS = [
    Scenario("tone", "A tone, or silence where it is compressed, as long as the text.", tone),
    Scenario("gated", "The same in three pieces: each waits at the gate.", gated),
    Scenario("silent", "Never answers.", silent),
    Scenario("silent-mid-stream", "Silent after the first piece.", silent_mid_stream),
    Scenario("empty", "A sound of no length.", empty),
    Scenario("cut", "The connection closes after the first piece.", cut),
    Scenario("reset", "The connection is reset after the first piece.", reset),
    Scenario("code-<n>", "HTTP 200 with that Coze code.", code),
    Scenario("http-<n>-<n>", "That HTTP status with that code.", http_status_and_code),
]
