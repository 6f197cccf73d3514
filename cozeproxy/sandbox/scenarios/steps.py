"""The steps that a script is made of.

A script is a generator: it yields steps, which are played one after the other, and ends the
response by ending. What a ``yield`` returns is None except for :class:`Suspend`.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cozeproxy.sandbox.wire import STREAM_TYPE, Event, LineFormat


@dataclass(frozen=True)
class Start:
    """Send the response's head. Without it, the first event sends the usual one.

    Attributes:
        content_type: The announced type of the stream.
        gzip: Compress the body and say so, whatever the caller accepts.
        http10: Answer in HTTP/1.0: nothing but the closed connection ends the body.
    """

    content_type: str = STREAM_TYPE
    gzip: bool = False
    http10: bool = False


@dataclass(frozen=True)
class Raw:
    """Write bytes as they are, whatever they break."""

    data: bytes


@dataclass(frozen=True)
class Pause:
    """Wait that many seconds."""

    seconds: float


@dataclass(frozen=True)
class Gate:
    """Wait until a test releases a step of the request's gate."""


@dataclass(frozen=True)
class Silence:
    """Send nothing more until the caller leaves; then the script is over."""


@dataclass(frozen=True)
class StopIfAlone:
    """End the script here if the caller has left."""


@dataclass(frozen=True)
class Cut:
    """Close the connection here, in the middle of the response; or reset it, with a TCP RST."""

    reset: bool = False


@dataclass(frozen=True)
class Suspend:
    """End the response, and the script with it until the awaited thing comes.

    The ``yield`` then returns what came: the tool outputs by call id (a dict), or the data that a
    workflow is resumed with (a string).
    """


@dataclass(frozen=True)
class Refuse:
    """Answer with an error in Coze's envelope instead of a stream.

    Attributes:
        code: Coze's code.
        message: Its text; None takes the known one.
        status: The HTTP status.
        headers: Further headers.
    """

    code: int
    message: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """Answer with a whole response of any kind instead of a stream."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Step: TypeAlias = (
    Event | Start | Raw | Pause | Gate | Silence | StopIfAlone | Cut | Suspend | Refuse | Answer
)
Steps: TypeAlias = Generator[Step, Any, None]


@dataclass(frozen=True)
class Scenario:
    """A named script.

    Attributes:
        name: The bot or workflow id that chooses it; ``code-<n>`` stands for any number there.
        about: One line for people.
        script: Takes a ``Turn`` or a ``Run`` and yields steps.
        lines: How events are written, where it differs from what the endpoint does.
        listed: Whether the lists of bots and workflows show it as published.
    """

    name: str
    about: str
    script: Callable[..., Steps]
    lines: LineFormat | None = None
    listed: bool = False
