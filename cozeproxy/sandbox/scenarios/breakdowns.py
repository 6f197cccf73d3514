"""Bots that fail inside their stream: at once after the opening, or after some text."""

from collections.abc import Callable
from dataclasses import replace

from cozeproxy.sandbox.errors import MESSAGES
from cozeproxy.sandbox.scenarios.refusals import numbers
from cozeproxy.sandbox.scenarios.steps import Cut, Raw, Scenario, Start, Steps
from cozeproxy.sandbox.scenarios.turn import Turn
from cozeproxy.sandbox.wire import Event

SPOKEN = ("Everything is ", "going well, 一切顺利")
RECORDED = (5000, "event interval error")
QUOTA = "Your free quota has been used up. Please upgrade to a paid plan to continue."
MIB = 1024 * 1024
LONG_BLOCKS = 40
BOMB_BLOCKS = 100


def failed(turn: Turn) -> Steps:
    """chat.failed as it was recorded, with last_error; the recording ends there."""
    yield turn.failed(*RECORDED)


def failed_with_code(turn: Turn) -> Steps:
    """The same with another code."""
    (wanted,) = numbers(turn.asked_for)
    yield turn.failed(wanted, MESSAGES.get(wanted, "Unknown error."))


def failed_done(turn: Turn) -> Steps:
    """The same with done after it."""
    yield turn.failed(*RECORDED)
    yield turn.done()


def failed_code_msg(_turn: Turn) -> Steps:
    """chat.failed as docs.coze.cn, chat_v3 has it."""
    yield Event("conversation.chat.failed", {"code": 701231, "msg": "error"})


def failed_string_code(_turn: Turn) -> Steps:
    """chat.failed as docs.coze.cn, workflow_chat has it: the code is a string."""
    message = "The conversation name does not exist"
    yield Event("conversation.chat.failed", {"code": "720702204", "msg": message})


def failed_quota(turn: Turn) -> Steps:
    """A quota that runs out after the chat was accepted (coze-py, issue 425)."""
    yield turn.failed(4028, QUOTA)


def failed_auth(turn: Turn) -> Steps:
    """A token that is found to be invalid after the chat was accepted."""
    yield turn.failed(4100, "authentication is invalid")


def error_event(_turn: Turn) -> Steps:
    """The error event as @coze/api 1.3.9 types it."""
    yield Event("error", {"code": 4013, "msg": "The model's request rate limit is exceeded."})


def error_event_with_code(turn: Turn) -> Steps:
    """The same with another code."""
    (wanted,) = numbers(turn.asked_for)
    yield Event("error", {"code": wanted, "msg": MESSAGES.get(wanted, "Unknown error.")})


def error_event_empty(_turn: Turn) -> Steps:
    """The error event of cozepy's recordings: an empty object."""
    yield Event("error", {})


def error_event_string(_turn: Turn) -> Steps:
    """An error event that is plain text."""
    yield Event("error", "internal server error")


def error_event_string_code(_turn: Turn) -> Steps:
    """An error event whose code is a string."""
    yield Event("error", {"code": "5000", "msg": "event interval error"})


def bare_error(_turn: Turn) -> Steps:
    """The error's envelope on a data line, with no event line."""
    yield Raw(b'data:{"code":5000,"msg":"event interval error"}\n\n')


def canceled(turn: Turn) -> Steps:
    """A chat that somebody canceled, in an event that only other APIs of Coze are known to have."""
    yield Event("conversation.chat.canceled", turn.chat("canceled"))
    yield turn.done()


def eof(_turn: Turn) -> Steps:
    """The body ends properly, only too early."""
    yield from ()


def no_done(turn: Turn) -> Steps:
    """chat.completed, then the body ends without done."""
    yield turn.completed()


def done_only(turn: Turn) -> Steps:
    """Done, without chat.completed."""
    yield turn.done()


def cut(_turn: Turn) -> Steps:
    """The connection closes inside an event, the chunked body unfinished."""
    yield Raw(b'event:conversation.message.delta\ndata:{"id":"75')
    yield Cut()


def reset(_turn: Turn) -> Steps:
    """The connection is reset."""
    yield Cut(reset=True)


def undecodable(turn: Turn) -> Steps:
    """A delta whose JSON is broken, and an end as if nothing were wrong."""
    yield Raw(b'event:conversation.message.delta\ndata:{"id":"75","content":"bro\n\n')
    yield from turn.ending()


def invalid_utf8(turn: Turn) -> Steps:
    """A delta with bytes that are no UTF-8, and an end as if nothing were wrong."""
    whole = f"event:conversation.message.delta\ndata:{turn.delta('75', '?').text}\n\n"
    yield Raw(whole.encode().replace(b'"?"', b'"\xff\xfe"'))
    yield from turn.ending()


def endless_line(turn: Turn) -> Steps:
    """A line that does not end for 40 MB."""
    yield Raw(b"event:conversation.message.delta\ndata:" + turn.delta("75", "").text.encode()[:-1])
    for _ in range(LONG_BLOCKS):
        yield Raw(b" " * MIB)


def gzip(turn: Turn) -> Steps:
    """The body is compressed, whatever the caller accepts."""
    yield from turn.say("This is compressed.")
    yield from turn.ending()


def http10(_turn: Turn) -> Steps:
    """The connection closes, which in HTTP/1.0 is a proper end, before done."""
    yield from ()


def gzip_bomb(_turn: Turn) -> Steps:
    """A data line of 100 MB of spaces, 100 kB on the wire."""
    yield Raw(b"event:conversation.message.delta\ndata:")
    for _ in range(BOMB_BLOCKS):
        yield Raw(b" " * MIB)


def _at_once(failure: Callable[[Turn], Steps], start: Start) -> Callable[[Turn], Steps]:
    def script(turn: Turn) -> Steps:
        yield start
        yield from turn.opening()
        yield from failure(turn)

    return script


def _after_text(failure: Callable[[Turn], Steps], start: Start) -> Callable[[Turn], Steps]:
    def script(turn: Turn) -> Steps:
        yield start
        yield from turn.opening()
        message_id = turn.new_id()
        for part in SPOKEN:
            yield turn.delta(message_id, part)
        yield from failure(turn)

    return script


FAILURES = [
    Scenario("failed", "chat.failed with last_error 5000.", failed),
    Scenario("failed-<n>", "chat.failed with that last_error.", failed_with_code),
    Scenario("failed-done", "The same, then done.", failed_done),
    Scenario("failed-code-msg", "chat.failed with {code,msg}.", failed_code_msg),
    Scenario("failed-string-code", 'chat.failed with a code like "720702204".', failed_string_code),
    Scenario("failed-quota", "chat.failed with last_error 4028.", failed_quota),
    Scenario("failed-auth", "chat.failed with last_error 4100.", failed_auth),
    Scenario("error-event", "An error event, 4013.", error_event),
    Scenario("error-event-<n>", "An error event with that code.", error_event_with_code),
    Scenario("error-event-empty", "An error event with {}.", error_event_empty),
    Scenario("error-event-string", "An error event with plain text.", error_event_string),
    Scenario(
        "error-event-string-code", 'An error event with code "5000".', error_event_string_code
    ),
    Scenario("bare-error", "An error on a data line without an event line.", bare_error),
    Scenario("canceled", "chat.canceled, then done.", canceled),
    Scenario("eof", "The body ends too early.", eof),
    Scenario("no-done", "chat.completed, then the body ends.", no_done),
    Scenario("done-only", "done without chat.completed.", done_only),
    Scenario("cut", "The connection closes inside an event.", cut),
    Scenario("reset", "The connection is reset.", reset),
    Scenario("undecodable", "A delta with broken JSON, then a good end.", undecodable),
    Scenario("invalid-utf8", "A delta with invalid UTF-8, then a good end.", invalid_utf8),
    Scenario("endless-line", "A line of 40 MB.", endless_line),
    Scenario("gzip", "A good stream, compressed without being asked.", gzip),
    Scenario("gzip-bomb", "100 MB of spaces, compressed to 100 kB.", gzip_bomb),
    Scenario("http10", "HTTP/1.0, closed before done.", http10),
]
# Failures whose stream has a head of its own.
STARTS = {
    "gzip": Start(gzip=True),
    "gzip-bomb": Start(gzip=True),
    "http10": Start(http10=True),
}


def _both(scenario: Scenario) -> list[Scenario]:
    start = STARTS.get(scenario.name, Start())
    return [
        replace(scenario, script=_at_once(scenario.script, start)),
        Scenario(
            f"{scenario.name}-after-text",
            f"Some text, then: {scenario.about}",
            _after_text(scenario.script, start),
        ),
    ]


def empty_stream(_turn: Turn) -> Steps:
    """A stream's head, and no event at all."""
    yield Start()


SCENARIOS = [
    *(variant for scenario in FAILURES for variant in _both(scenario)),
    Scenario("empty-stream", "A stream without any event.", empty_stream),
]
