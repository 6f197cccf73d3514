"""What is cut from an answer's text on its way: stop sequences and a fence around JSON.

Both must see text that spans deltas, so both hold back the few characters that might yet become
what they look for. However the text is split, what comes out in all is the same.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from cozeproxy.protocol import coze
from cozeproxy.protocol.response import ToolCall, Writer

_OPENING = re.compile(r"\s*```[\w+-]*[ \t]*\r?\n")
# What may still become one.
_MAY_OPEN = re.compile(r"\s*(?:`{0,2}|```[\w+-]*[ \t]*\r?)")
_FENCE = "```"


class StopCutter:
    """Lets text pass up to the first stop sequence, and nothing after it.

    The first is the one that is complete first, as for a model that writes until it has written
    one.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self._stopped = False

    def feed(self, text: str) -> str:
        """Take text; give what cannot be part of a stop sequence any more."""
        if self._stopped:
            return ""
        text = self._held + text
        found = [
            (start + len(stop), start) for stop in self._stops if (start := text.find(stop)) >= 0
        ]
        if found:
            self._stopped = True
            self._held = ""
            return text[: min(found)[1]]
        keep = len(text) - max(self._overlap(text, stop) for stop in self._stops)
        self._held = text[keep:]
        return text[:keep]

    def flush(self) -> str:
        """Give what was held back, at the end of the text."""
        held, self._held = self._held, ""
        return held

    def _overlap(self, text: str, stop: str) -> int:
        """How many of the last characters are the beginning of a stop sequence."""
        longest = min(len(stop) - 1, len(text))
        return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)


class FenceCutter:
    """Takes a Markdown code fence off that stands around the whole text."""

    def __init__(self) -> None:
        self._held = ""
        # None until the beginning has shown whether there is a fence.
        self._fenced: bool | None = None

    def feed(self, text: str) -> str:
        """Take text; give what cannot be part of a fence."""
        text = self._held + text
        self._held = ""
        if self._fenced is None:
            opening = _OPENING.match(text)
            if opening is None and _MAY_OPEN.fullmatch(text):
                self._held = text
                return ""
            self._fenced = opening is not None
            text = text[opening.end() :] if opening else text
        if self._fenced:
            keep = self._end_of_inside(text)
            text, self._held = text[:keep], text[keep:]
        return text

    def flush(self) -> str:
        """Give what was held back and is no fence, at the end of the text."""
        held, self._held = self._held, ""
        return "" if self._fenced and held.strip() == _FENCE else held

    def _end_of_inside(self, text: str) -> int:
        """Where the text ends that is inside for sure: before what may be the closing fence."""
        # No regular expression: one that begins with spaces takes the square of their number.
        rest = text.rstrip()
        backticks = min(len(_FENCE), len(rest) - len(rest.rstrip("`")))
        return len(rest[: len(rest) - backticks].rstrip())


class CutWriter:
    """A writer in front of another, which cuts the answer's text and passes all else on."""

    def __init__(self, writer: Writer, *cutters: StopCutter | FenceCutter) -> None:
        self._writer = writer
        self._cutters = cutters

    def text(self, *pieces: bytes) -> None:
        """Take pieces of the answer, and write what can be written of them."""
        for piece in pieces:
            decoded = msgspec.json.decode(piece, type=str)
            for cutter in self._cutters:
                decoded = cutter.feed(decoded)
            self._write(decoded)

    def reasoning(self, text: bytes) -> None:
        """Pass it on."""
        self._writer.reasoning(text)

    def step(self, kind: str, content: bytes) -> None:
        """Pass it on."""
        self._writer.step(kind, content)

    def tool_calls(self, calls: list[ToolCall]) -> None:
        """Write what is held back, as text comes before calls, and pass them on."""
        self._flush()
        self._writer.tool_calls(calls)

    def finish(self, reason: str, usage: coze.Usage | None, info: dict[str, Any]) -> None:
        """Write what is held back, and pass the end on."""
        self._flush()
        self._writer.finish(reason, usage, info)

    def _flush(self) -> None:
        rest = ""
        for cutter in self._cutters:
            rest = cutter.feed(rest) + cutter.flush()
        self._write(rest)

    def _write(self, text: str) -> None:
        if text:
            self._writer.text(msgspec.json.encode(text))


def cut(writer: Writer, stops: Sequence[str], *, fenced: bool) -> Writer:
    """The writer, with what is to be cut from the answer's text in front of it."""
    cutters: list[StopCutter | FenceCutter] = [FenceCutter()] if fenced else []
    if stops:
        cutters.append(StopCutter(stops))
    # Cutting takes the text out of its JSON and puts it back in, so it stands only where it is
    # asked for.
    return CutWriter(writer, *cutters) if cutters else writer
