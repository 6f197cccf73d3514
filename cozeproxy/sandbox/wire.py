"""How Coze writes things down: JSON, log ids, envelopes and the lines of its event streams.

Coze's services are Go programs, and it shows: compact JSON, text left as UTF-8, and ``&``, ``<``
and ``>`` escaped even inside strings (recorded: cozepy 0.20.0,
tests/testdata/workflows_chat_stream_resp.txt).
"""

import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

JSON_TYPE = "application/json; charset=utf-8"
# Whether Coze adds a charset to it is not documented; no SDK cares.
STREAM_TYPE = "text/event-stream"

_GO_ESCAPES = str.maketrans(
    {
        "&": "\\u0026",
        "<": "\\u003c",
        ">": "\\u003e",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
    }
)


def dump(value: Any) -> str:
    """Return compact JSON as Go's encoder writes it; none of the escapes can hit its syntax."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_GO_ESCAPES)


def new_logid(now: float) -> str:
    """Return a log id: 14 digits of UTC time and 20 hexadecimal digits."""
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(now)) + os.urandom(10).hex().upper()


def envelope(data: Any, logid: str) -> dict[str, Any]:
    """Return the frame of a success; ``msg`` is empty then (docs.coze.cn, retrieve_chat)."""
    return {"code": 0, "msg": "", "data": data, "detail": {"logid": logid}}


def failure(code: int, message: str, logid: str) -> dict[str, Any]:
    """Return the frame of an error (docs.coze.cn, coze_error_codes)."""
    return {"code": code, "msg": message, "detail": {"logid": logid}}


@dataclass(frozen=True)
class Event:
    """One server-sent event; ``data`` is written as JSON, or as it is where it is text."""

    name: str
    data: Any

    @property
    def text(self) -> str:
        """The payload as it stands on the ``data`` line."""
        return self.data if isinstance(self.data, str) else dump(self.data)


# Takes the number of the event in its stream, from 0, and the event. Each piece that it returns is
# written and flushed by itself.
LineFormat = Callable[[int, Event], Iterable[bytes]]


def chat_lines(_number: int, event: Event) -> Iterable[bytes]:
    """/v3/chat and submit_tool_outputs: no space after the colon.

    Recorded: cozepy 0.20.0, tests/testdata/chat_text_stream_resp.txt.
    """
    return [f"event:{event.name}\ndata:{event.text}\n\n".encode()]


def chatflow_lines(_number: int, event: Event) -> Iterable[bytes]:
    """/v1/workflows/chat: one space after the colon.

    Recorded: cozepy 0.20.0, tests/testdata/workflows_chat_stream_resp.txt.
    """
    return [f"event: {event.name}\ndata: {event.text}\n\n".encode()]


def workflow_lines(number: int, event: Event) -> Iterable[bytes]:
    """stream_run and stream_resume: an ``id`` line first, one space after the colon.

    Recorded: cozepy 0.20.0, tests/testdata/workflow_run_stream_resp.txt.
    """
    return [f"id: {number}\nevent: {event.name}\ndata: {event.text}\n\n".encode()]
