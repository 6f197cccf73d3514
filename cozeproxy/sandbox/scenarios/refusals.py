"""Bots that fail before there is a stream."""

import re

from cozeproxy.sandbox.errors import WRONG_CREDENTIAL
from cozeproxy.sandbox.scenarios.answers import echo
from cozeproxy.sandbox.scenarios.steps import Answer, Refuse, Scenario, Start, Steps
from cozeproxy.sandbox.scenarios.turn import Turn
from cozeproxy.sandbox.wire import JSON_TYPE

RETRY_AFTER_SECONDS = 7
# Codes that go with an HTTP status in what was observed or is suggested by its meaning.
CODES_BY_STATUS = {400: 4000, 401: 4100, 403: 4101, 404: 4200, 408: 4029, 413: 4302, 429: 4020}
HTML = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>nginx</body>\r\n</html>\r\n"


def numbers(asked_for: str) -> list[int]:
    """Return the numbers in the id of a scenario, e.g. [429, 4013] for ``http-429-4013``."""
    return [int(found) for found in re.findall(r"\d+", asked_for)]


def code(turn: Turn) -> Steps:
    """HTTP 200 with a Coze code."""
    (wanted,) = numbers(turn.asked_for)
    yield Refuse(wanted)


def http_status(turn: Turn) -> Steps:
    """An HTTP status with a code that suits it."""
    (status,) = numbers(turn.asked_for)
    yield Refuse(CODES_BY_STATUS.get(status, 5000), status=status)


def http_status_and_code(turn: Turn) -> Steps:
    """An HTTP status and a Coze code."""
    status, wanted = numbers(turn.asked_for)
    yield Refuse(wanted, status=status)


def no_permission(_turn: Turn) -> Steps:
    """4101 in its other meaning: the token is good but may not do this."""
    yield Refuse(4101, "The token does not have the permission chat for this bot.")


def unpublished(turn: Turn) -> Steps:
    """A bot that has not been published to the API."""
    yield Refuse(
        4015,
        f"The bot_id {turn.asked_for} has not been published to the channel Agent As API.",
    )


def html_502(_turn: Turn) -> Steps:
    """A gateway's error page."""
    yield Answer(502, "text/html", HTML)


def empty_body(_turn: Turn) -> Steps:
    """HTTP 200 and nothing."""
    yield Answer(200, JSON_TYPE, b"")


def wrong_content_type(turn: Turn) -> Steps:
    """A good stream that calls itself plain text."""
    yield Start(content_type="text/plain; charset=utf-8")
    yield from echo(turn)


def rate_limited(_turn: Turn) -> Steps:
    """HTTP 429 with ``Retry-After`` in seconds."""
    yield Refuse(4020, status=429, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def redirect(turn: Turn) -> Steps:
    """A redirect that keeps method and body; whoever follows it shows in what arrived."""
    location = {"Location": f"{turn.base_url}/elsewhere/v3/chat"}
    yield Answer(307, "text/plain", b"", location)


def json_garbage(_turn: Turn) -> Steps:
    """Something that calls itself JSON and is broken."""
    yield Answer(200, JSON_TYPE, b'{"code":4000,"msg":"bro')


def json_array(_turn: Turn) -> Steps:
    """JSON that is no envelope."""
    yield Answer(200, JSON_TYPE, b'["not", "an", "envelope"]')


def old_envelope(_turn: Turn) -> Steps:
    """Another envelope that gateways were seen to send, with ``logId`` and ``from``."""
    body = f'{{"code":4100,"msg":"{WRONG_CREDENTIAL}","logId":"02177","from":"bot-api"}}'
    yield Answer(401, JSON_TYPE, body.encode())


def no_content_type(_turn: Turn) -> Steps:
    """An error with an empty ``Content-Type``."""
    yield Answer(500, "", b"upstream connect error")


def auth_once(turn: Turn) -> Steps:
    """4100 for the first token that asks, and good answers for every other one."""
    if turn.notebook.setdefault(turn.asked_for, turn.token) == turn.token:
        yield Refuse(4100)
    yield from echo(turn)


def auth_once_code(turn: Turn) -> Steps:
    """The same with another code."""
    (wanted,) = numbers(turn.asked_for)
    if turn.notebook.setdefault(turn.asked_for, turn.token) == turn.token:
        yield Refuse(wanted)
    yield from echo(turn)


SCENARIOS = [
    Scenario("code-<n>", "HTTP 200 with that Coze code, e.g. code-4028.", code),
    Scenario("http-<n>", "That HTTP status with a code that suits it.", http_status),
    Scenario("http-<n>-<n>", "That HTTP status with that code.", http_status_and_code),
    Scenario("no-permission", "4101 for a token that lacks a permission.", no_permission),
    Scenario("unpublished", "4015, not published to the API.", unpublished),
    Scenario("html-502", "HTTP 502 with an HTML page.", html_502),
    Scenario("empty-body", "HTTP 200 with an empty body.", empty_body),
    Scenario("wrong-content-type", "A good stream as text/plain.", wrong_content_type),
    Scenario("rate-limited", "HTTP 429 with Retry-After: 7.", rate_limited),
    Scenario("redirect", "HTTP 307 to another path.", redirect),
    Scenario("json-garbage", "HTTP 200 with broken JSON.", json_garbage),
    Scenario("json-array", "HTTP 200 with JSON that is no envelope.", json_array),
    Scenario("old-envelope", "HTTP 401 with an older shape of error.", old_envelope),
    Scenario("no-content-type", "HTTP 500 with no type of content.", no_content_type),
    Scenario("auth-once", "4100 for the first token seen, then fine for others.", auth_once),
    Scenario("auth-once-<n>", "That code for the first token seen.", auth_once_code),
]
