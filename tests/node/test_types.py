"""Conversations, workflows and chatflows, with the stock OpenAI SDK for Node.js as the judge."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.node


def test_the_node_sdk_does_each_type_whole_and_streamed(node):
    program = Path(__file__).parent / "types.mjs"
    report = node("--test", "--test-timeout=60000", "--test-reporter=spec", program)
    assert "\N{HEAVY CHECK MARK}" in report
