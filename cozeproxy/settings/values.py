"""The values of settings: one function for each kind, from a variable's text.

Each takes text that is stripped and not empty, and raises ValueError with what is allowed, worded
to follow "must be". It must not repeat the text, which may be secret.
"""

import json
import re
from pathlib import Path
from typing import Literal, TypeVar, cast, get_args
from urllib.parse import urlsplit

ModelType = Literal["chat", "conversation", "workflow", "chatflow"]
AppEnv = Literal["development", "production"]
TokenEndpoints = Literal["shut", "loopback"]
UnknownModel = Literal["default", "reject"]
WorkflowOutput = Literal["auto", "raw"]
LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
MODEL_TYPES = ", ".join(get_args(ModelType))

T = TypeVar("T")

MASK = "********"
HIGHEST_PORT = 65535
# Seconds; docs.coze.cn, oauth_jwt: duration_seconds.
LONGEST_TOKEN_LIFE = 86399
# A scheme and a host, with a port or without: what a browser sends as Origin (RFC 6454, 6.2).
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s?#@]+")


class Secret:
    """A string that shows itself nowhere but where :meth:`reveal` is called."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def reveal(self) -> str:
        """Return the string itself, for the one place that sends it or signs with it."""
        return self._value


def text(value: str) -> str:
    """Any text."""
    return value


def secret_text(value: str) -> Secret:
    """Any text that must not be shown, of several lines too."""
    return Secret(value)


def token(value: str) -> Secret:
    """A token that goes into a header as it is: a line break in it would begin another one."""
    if not re.fullmatch(r"[!-~]+", value):
        raise ValueError("the token alone, without 'Bearer', spaces and line breaks")
    return Secret(value)


def key(value: str) -> Secret:
    """A key that opens doors of this service."""
    if not re.fullmatch(r"[!-~]{8,}", value):
        raise ValueError("at least 8 characters, without spaces and line breaks")
    return Secret(value)


def identifier(value: str) -> str:
    """The id of something at Coze: decimal digits there, words in the sandbox."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
        raise ValueError("the id alone: at most 64 letters, digits, '-' and '_'")
    return value


def identifiers(value: str) -> tuple[str, ...]:
    """Several ids, with commas between."""
    found = tuple(part.strip() for part in value.split(",") if part.strip())
    try:
        # A list of nothing but commas would count as none: as no limit, where it is one.
        return tuple(identifier(part) for part in found or ("",))
    except ValueError as error:
        raise ValueError("ids with commas between: letters, digits, '-' and '_'") from error


def parameter(value: str) -> str:
    """The name of a workflow's parameter."""
    if not re.fullmatch(r"\w{1,64}", value):
        raise ValueError("a name of letters, digits and '_', at most 64")
    return value


def seconds(value: str) -> float:
    """A positive number of seconds."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value) or float(value) <= 0:
        raise ValueError("a positive number of seconds")
    return float(value)


def seconds_or_off(value: str) -> float:
    """A number of seconds, where none is off."""
    return 0.0 if re.fullmatch(r"0(\.0{1,6})?", value) else seconds(value)


def count(value: str) -> int:
    """How many of something there may be, at least one."""
    if not re.fullmatch(r"[0-9]{1,12}", value) or int(value) < 1:
        raise ValueError("a whole number from 1 on")
    return int(value)


def count_or_none(value: str) -> int:
    """How many of something there may be, or none."""
    if not re.fullmatch(r"[0-9]{1,3}", value):
        raise ValueError("a whole number from 0 to 999")
    return int(value)


def token_life(value: str) -> int:
    """For how many seconds Coze is asked to let a token live."""
    if not re.fullmatch(r"[0-9]{1,5}", value) or not 1 <= int(value) <= LONGEST_TOKEN_LIFE:
        raise ValueError(f"a whole number of seconds from 1 to {LONGEST_TOKEN_LIFE}")
    return int(value)


def json_object(value: str) -> str:
    """A JSON object, kept as text."""
    try:
        found = json.loads(value)
    except ValueError as error:
        raise ValueError(f"a JSON object; this is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError("a JSON object")  # noqa: TRY004 - it is about the text that was given
    return value


def file(value: str) -> Path:
    """A file that is there, so that a wrong path is found at the start."""
    try:
        with Path(value).open("rb"):
            return Path(value)
    except OSError as error:
        raise ValueError(f"the path of a file that can be read: {error.strerror}") from error


def port(value: str) -> int:
    """A TCP port; 0 leaves the choice to the system."""
    if not re.fullmatch(r"[0-9]{1,5}", value) or int(value) > HIGHEST_PORT:
        raise ValueError(f"a whole number from 0 to {HIGHEST_PORT}")
    return int(value)


def boolean(value: str) -> bool:
    """Yes or no, in the spellings that other programs take."""
    word = value.lower()
    if word in {"true", "1", "yes", "on"}:
        return True
    if word in {"false", "0", "no", "off"}:
        return False
    raise ValueError("true or false (also 1 or 0, yes or no, on or off)")


def model_type(value: str) -> ModelType:
    """One of the four ways to ask Coze."""
    return _chosen(value, get_args(ModelType))


def app_env(value: str) -> AppEnv:
    """Where the service runs."""
    return _chosen(value, get_args(AppEnv))


def token_endpoints(value: str) -> TokenEndpoints:
    """For whom the token endpoints are open without an admin key."""
    return _chosen(value, get_args(TokenEndpoints))


def unknown_model(value: str) -> UnknownModel:
    """What becomes of model names that say nothing."""
    return _chosen(value, get_args(UnknownModel))


def workflow_output(value: str) -> WorkflowOutput:
    """What is given of a workflow's End node."""
    return _chosen(value, get_args(WorkflowOutput))


def log_format(value: str) -> LogFormat:
    """The form of the log."""
    return _chosen(value, get_args(LogFormat))


def log_level(value: str) -> LogLevel:
    """How bad it must be to be logged; other programs want it in capitals."""
    return _chosen(value.lower(), get_args(LogLevel))


def host(value: str) -> str:
    """A name or an address to listen on; an IPv6 address may stand in brackets."""
    bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    # One colon would be a port's; an IPv6 address has at least two.
    if not re.fullmatch(r"[A-Za-z0-9._:%-]+", bare) or bare.count(":") == 1:
        raise ValueError("a host name or an IP address, without scheme and port")
    return bare


def base_url(value: str) -> str:
    """Where an API is, without a slash at the end; a path in front of all others is possible."""
    try:
        parts = urlsplit(value)
        sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, or brackets without a pair
        sound = False
    if not sound or re.search(r"[?#@\s]", value):
        raise ValueError("an http:// or https:// address without user name, query and fragment")
    # Addresses of older API versions are what people have in their notes; they end in a 404.
    if re.search(r"/(open_api|v[0-9]+)(/|$)", value):
        raise ValueError(
            "the address alone, such as https://api.coze.com: the paths of the API,"
            " such as /open_api/v2 or /v3, are added to it"
        )
    return value.rstrip("/")


def origins(value: str) -> tuple[str, ...]:
    """A list of origins of web pages; a slash at the end, which no browser sends, is taken off."""
    found = tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
    if not found or not all(origin == "*" or ORIGIN.fullmatch(origin) for origin in found):
        raise ValueError("* or origins such as https://chat.example.com, with commas between")
    return found


def _chosen(value: str, allowed: tuple[T, ...]) -> T:
    if value not in allowed:
        *others, last = map(str, allowed)
        raise ValueError(f"{', '.join(others)} or {last}")
    return cast("T", value)
