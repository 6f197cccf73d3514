"""Every way in which Coze refuses or fails: the stock SDK for Node.js raises in each of them.

What it should raise is in the same tables that hold for the SDK for Python.
"""

import json
from pathlib import Path

import pytest

from tests.service.test_endings import ENDED, FAILED, RAISED, REFUSED, SPOKEN

pytestmark = pytest.mark.node

PROGRAM = Path(__file__).parent / "endings.mjs"
# A self-hosted Studio fails in its own words.
STUDIO = {
    "studio-failed": (502, "upstream_error"),
    "studio-failed-after-text": (502, "upstream_error"),
    "studio-canceled": (502, "upstream_error"),
}
ACCEPTED = {**FAILED, **{f"{bot}-after-text": error for bot, error in FAILED.items()}, **STUDIO}
GOOD = [*ENDED, *(f"{bot}-after-text" for bot in ENDED)]

each_way = pytest.mark.parametrize("way", ["whole", "streamed", "helper"])


@pytest.fixture(scope="module")
def endings(node):
    lines = node(PROGRAM, *REFUSED, *ACCEPTED, *GOOD).splitlines()
    return {(ending["bot"], ending["way"]): ending for ending in map(json.loads, lines)}


def check_error(ending, status, code):
    """The SDK raised what OpenAI's own errors would make it raise."""
    error = ending["error"]
    assert error["code"] == code
    assert error["requestID"].startswith("req_")
    if ending["text"]:
        # A status had gone out before, so that only the stream itself could tell.
        assert ending["way"] != "whole"
        assert SPOKEN.startswith(ending["text"])
        assert (error["class"], error.get("status")) == ("APIError", None)
    else:
        assert (error["class"], error["status"]) == (RAISED[status].__name__, status)


@each_way
@pytest.mark.parametrize("bot", REFUSED)
def test_refusal_is_raised_and_sent_again_only_if_that_may_help(endings, bot, way):
    ending, (status, code, should_retry) = endings[bot, way], REFUSED[bot]
    check_error(ending, status, code)
    assert ending["text"] == ""
    patient = ending["error"]["retryAfter"] is not None
    may_help = (status >= 500 or status in (408, 409, 429)) and should_retry is None
    assert ending["chats"] == (2 if may_help and not patient else 1)


@each_way
@pytest.mark.parametrize("bot", ACCEPTED)
def test_failure_of_an_accepted_chat_is_raised_and_not_sent_again(endings, bot, way):
    ending = endings[bot, way]
    check_error(ending, *ACCEPTED[bot])
    assert ending["chats"] == 1


@each_way
@pytest.mark.parametrize("bot", GOOD)
def test_stream_with_one_of_two_end_marks_is_no_failure(endings, bot, way):
    ending = endings[bot, way]
    assert "error" not in ending
    assert ending["text"] == (SPOKEN if bot.endswith("-after-text") else "")


def test_failures_are_raised_with_a_status_and_inside_streams(endings):
    seen = {bool(ending["text"]) for ending in endings.values() if "error" in ending}
    assert seen == {False, True}


@each_way
def test_rate_limit_says_how_long_to_wait(endings, way):
    assert endings["rate-limited", way]["error"]["retryAfter"] == "7"
