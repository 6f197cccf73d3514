"""The stock OpenAI SDK for Node.js, as a judge of what callers get.

Each program is a set of tests for Node.js's own runner, whose report is shown where one fails.
"""

import urllib.request
from pathlib import Path

import pytest

pytestmark = pytest.mark.node

HERE = Path(__file__).parent
# How many callers leave in leaving.mjs.
LEAVING = 5
# More than the service could need to notice that a caller has left.
MANY = 1000


@pytest.fixture
def judge(node):
    def judge(program):
        # A hang is a failure of the program, and not of all tests.
        options = ["--test", "--test-timeout=60000", "--test-reporter=spec"]
        return node(*options, HERE / program)

    return judge


@pytest.mark.parametrize(
    "program",
    ["chat.mjs", "tools.mjs", "images.mjs", "answers.mjs", "endpoints.mjs", "responses.mjs"],
)
def test_the_node_sdk_finds_nothing_wrong(judge, program):
    assert "\N{HEAVY CHECK MARK}" in judge(program)


def test_the_service_notices_every_caller_that_leaves(judge, service, base_url):
    left = service.complaints().count(" 499 POST ") + LEAVING
    judge("leaving.mjs")
    # The line is written when the service sees the closed connection; each answer is a turn of its
    # loop in which it can.
    for _ in range(MANY):
        if service.complaints().count(" 499 POST ") >= left:
            break
        urllib.request.urlopen(f"{base_url}/models").close()
    assert service.complaints().count(" 499 POST ") == left
