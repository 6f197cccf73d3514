"""Bots whose streams look odd and are valid all the same (WHATWG HTML, server-sent events).

All of them say the same: the echo, in Chinese where bytes are divided.
"""

import json
from collections.abc import Iterable

from cozeproxy.sandbox.scenarios.answers import chinese, echo
from cozeproxy.sandbox.scenarios.steps import Scenario, Start, Steps
from cozeproxy.sandbox.scenarios.turn import Turn
from cozeproxy.sandbox.wire import Event, chat_lines, chatflow_lines

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def crlf(number: int, event: Event) -> Iterable[bytes]:
    """Lines that end in CR LF."""
    return [piece.replace(b"\n", b"\r\n") for piece in chat_lines(number, event)]


def bare_cr(number: int, event: Event) -> Iterable[bytes]:
    """Lines that end in CR alone."""
    return [piece.replace(b"\n", b"\r") for piece in chat_lines(number, event)]


def comments(number: int, event: Event) -> Iterable[bytes]:
    """A byte order mark first, and everything that a reader must pass over."""
    start = BYTE_ORDER_MARK if number == 0 else b""
    noise = f": heartbeat\nretry: 3000\nid: {number}\nunknown: field\nnocolon\n".encode()
    return [start + noise, *chat_lines(number, event), b": between events\n\n"]


def one_byte(number: int, event: Event) -> Iterable[bytes]:
    """Each byte by itself, also inside characters."""
    return [bytes([byte]) for piece in chat_lines(number, event) for byte in piece]


def halves(number: int, event: Event) -> Iterable[bytes]:
    """Each event ends where the next one is half way, so that no piece is an event."""
    whole = b"".join(chat_lines(number, event))
    middle = len(whole) // 2
    return [whole[:middle], whole[middle:]]


def escapes(_number: int, event: Event) -> Iterable[bytes]:
    r"""All that is not ASCII as ``\uXXXX``, emoji as surrogate pairs."""
    data = event.data if isinstance(event.data, str) else json.dumps(event.data)
    return [f"event:{event.name}\ndata:{data}\n\n".encode()]


def multiline_data(_number: int, event: Event) -> Iterable[bytes]:
    """JSON over several data lines, which a reader joins with newlines."""
    data = event.data if isinstance(event.data, str) else json.dumps(event.data, indent=1)
    lines = "".join(f"data:{line}\n" for line in data.split("\n"))
    return [f"event:{event.name}\n{lines}\n".encode()]


def data_first(_number: int, event: Event) -> Iterable[bytes]:
    """The data line before the event line."""
    return [f"data:{event.text}\nevent:{event.name}\n\n".encode()]


def no_final_newline(number: int, event: Event) -> Iterable[bytes]:
    """The stream ends right after done's data, as cozepy's own recordings do."""
    lines = b"".join(chat_lines(number, event))
    return [lines.rstrip(b"\n") if event.name == "done" else lines]


def http10_done(turn: Turn) -> Steps:
    """A body that only the closed connection ends, whole by what it says itself."""
    yield Start(http10=True)
    yield from echo(turn)


def charset(turn: Turn) -> Steps:
    """The content type in capitals and with a charset."""
    yield Start(content_type="Text/Event-Stream; charset=UTF-8")
    yield from echo(turn)


SCENARIOS = [
    Scenario("crlf", "Lines end in CR LF.", echo, crlf),
    Scenario("cr", "Lines end in CR.", echo, bare_cr),
    Scenario("spaced", "A space after each colon.", echo, chatflow_lines),
    Scenario("comments", "Comments, retry and id lines, a byte order mark.", echo, comments),
    Scenario("one-byte", "Chinese, byte by byte.", chinese, one_byte),
    Scenario("halves", "Every event in two pieces.", chinese, halves),
    Scenario("escapes", "Chinese as \\uXXXX.", chinese, escapes),
    Scenario("multiline-data", "JSON over several data lines.", echo, multiline_data),
    Scenario("data-first", "data before event.", echo, data_first),
    Scenario("no-final-newline", "Ends without a newline.", echo, no_final_newline),
    Scenario("http10-done", "HTTP/1.0, ended by closing, with done.", http10_done),
    Scenario("charset", "Content-Type with capitals and a charset.", charset),
]
