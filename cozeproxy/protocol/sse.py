"""Server-sent events: bytes to events, and data to bytes.

The reader follows the WHATWG's rules for event streams and not what Coze's lines happen to look
like today: Coze itself writes with and without a space after the colon, with and without ``id:``
lines, depending on the endpoint. Only CR, LF and CRLF end a line; ``bytes.splitlines`` knows no
others, unlike ``str.splitlines``.
"""

import re

# Coze has no documented limit. Recorded events stay under 100 kB; a card or a tool's answer may be
# larger. The bound is what one broken stream may cost in memory.
MAX_EVENT_BYTES = 16 * 1024 * 1024
# What another line of data costs beside its bytes, in memory and in time.
LINE_COST = 64

_BOM = b"\xef\xbb\xbf"


# One event: its name (empty where the stream gave none) and its data, lines joined by LF.
Event = tuple[bytes, bytes]

# An event as Coze writes nearly all of them.
_USUAL = re.compile(rb"(?:id:[^\n]*\n)?event: ?([^\n]*)\ndata: ?([^\n]*)\n\n")


class EventParser:
    """Takes pieces of an event stream, cut anywhere, and gives back the events they complete.

    Attributes:
        overflowed: an event grew beyond the bound; nothing more is parsed.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.overflowed = False
        self._max = max_event_bytes
        # The line that has not ended yet, in the pieces it came in: joining them at every piece
        # would cost the square of a long line's length.
        self._line: list[bytes] = []
        self._line_size = 0
        # The event that is being read.
        self._name = b""
        self._data: list[bytes] = []
        self._data_size = 0
        # The last piece ended in CR; an LF that starts the next one belongs to it.
        self._after_cr = False
        # A byte order mark may come.
        self._at_start = True

    def receive_data(self, piece: bytes) -> list[Event]:
        """Give the events that this piece completes, in order."""
        if self._at_start and piece and not self._line and piece[0] != _BOM[0]:
            self._at_start = False
        if self._is_between_events and len(piece) <= self._max and b"\r" not in piece:
            # Tokens come in whole events of one shape, which one pass in C takes apart.
            between = _USUAL.split(piece)
            rest = between.pop()
            names, data = between[1::3], between[2::3]
            if not any(between[::3]):
                events = list(zip(names, data, strict=True))
                if rest:
                    self._take_lines(rest, events)
                return events
        events = []
        if piece and not self.overflowed:
            self._take_lines(piece, events)
        return events

    @property
    def _is_between_events(self) -> bool:
        return not (
            self._line
            or self._name
            or self._data
            or self._at_start
            or self._after_cr
            or self.overflowed
        )

    def _take_lines(self, piece: bytes, events: list[Event]) -> None:
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
        self._after_cr = piece.endswith(b"\r")
        lines = piece.splitlines(keepends=True)
        unfinished = lines.pop() if lines and not lines[-1].endswith((b"\n", b"\r")) else b""
        for line in lines:
            self._take_line(line.rstrip(b"\r\n"), events)
        if unfinished:
            self._line.append(unfinished)
            self._line_size += len(unfinished)
            self._check(self._line_size)

    def _take_line(self, line: bytes, events: list[Event]) -> None:
        if self._line:
            self._line.append(line)
            line = b"".join(self._line)
            self._line, self._line_size = [], 0
        self._check(len(line))
        if self.overflowed:
            return
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if not line:
            if self._data:
                events.append((self._name, b"\n".join(self._data)))
            self._name, self._data, self._data_size = b"", [], 0
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data_size += len(value) + (LINE_COST if self._data else 0)
            self._data.append(value)
        elif field == b"event":
            self._name = value

    def _check(self, line_size: int) -> None:
        if self._data_size + line_size > self._max:
            self.overflowed = True
            self._line, self._data = [], []


def encode(data: bytes) -> bytes:
    """Wrap one line of data as an event.

    OpenAI's chat streams have no ``event:`` line, and some readers choke on CRLF: LF it is.
    """
    return b"data: " + data + b"\n\n"


DONE = encode(b"[DONE]")
