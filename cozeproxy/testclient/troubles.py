"""What can go wrong with a request to a service, in words for who has made it."""

import json
from collections.abc import Mapping
from typing import Any

LONGEST_BODY = 200


class AskError(Exception):
    """A request has failed.

    Attributes:
        reason: what has happened, in one line.
        cure: what to do about it, where that is known from here; else empty.
        status: of HTTP; 0 where there was no answer.
        code: OpenAI's name for the error; None where there is none.
        is_of_coze: whether it is Coze that has refused or failed, and not the service.
    """

    def __init__(
        self, reason: str, cure: str = "", *, status: int = 0, code: str | None = None
    ) -> None:
        super().__init__(reason, cure, status, code)
        self.reason = one_line(reason)
        self.cure = cure
        self.status = status
        self.code = code
        self.is_of_coze = False


def one_line(text: str) -> str:
    """A text without line breaks, and without what a terminal would act on."""
    return "".join(char for char in " ".join(text.split()) if char.isprintable())


def refused(status: int, headers: Mapping[str, str], body: bytes) -> AskError:
    """The trouble that a response tells of which is no success."""
    if 300 <= status < 400:
        return AskError(
            f"it answers with HTTP {status}, and sends on to {headers.get('Location', 'nowhere')}",
            "Give that address, up to the path, as --url.",
            status=status,
        )
    content = error_in(_json(body))
    if content is not None:
        return told(content, status)
    kind = headers.get("Content-Type", "no type")
    text = one_line(body.decode(errors="replace"))[:LONGEST_BODY]
    return AskError(
        f"it answers with HTTP {status} ({kind}), which is no answer of cozeproxy's: {text}",
        "Check the address: something else answers there, or something stands in front.",
        status=status,
    )


def told(content: Mapping[str, Any], status: int) -> AskError:
    """The trouble that an error object of OpenAI's tells of."""
    message = str(content.get("message") or "no message")
    code = content.get("code")
    said = " ".join(str(part) for part in (status or None, code) if part)
    error = AskError(f"{said}: {message}", status=status, code=code and str(code))
    error.is_of_coze = message.startswith("Coze")
    return error


def error_in(value: object) -> Mapping[str, Any] | None:
    """The error object of a JSON value, if there is one."""
    found = value.get("error") if isinstance(value, dict) else None
    return found if isinstance(found, dict) else None


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return None
