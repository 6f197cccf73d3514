"""The programs in examples/node, and the lines that the service prints, as a person runs them."""

import re
from pathlib import Path

import pytest

from tests.support.files import PNG
from tests.support.processes import ROOT, finished

pytestmark = pytest.mark.node

EXAMPLES = ROOT / "examples" / "node"


@pytest.fixture
def folder(tmp_path, modules):
    """A folder in which a program finds the SDK."""
    (tmp_path / "node_modules").symlink_to(modules)
    return tmp_path


def test_chat_prints_the_answer_whole_and_streamed(node):
    whole, streamed = node(EXAMPLES / "chat.mjs", "你好 👋").splitlines()
    assert whole == streamed
    assert "你好 👋" in whole


def test_tools_prints_the_call_the_output_and_the_answer(node):
    call, output, answer = node(EXAMPLES / "tools.mjs").splitlines()
    assert call == 'get_rain_probability {"location":"Oslo"}'
    assert output == '-> {"location":"Oslo","probability":0.5}'
    assert answer == "50%."


def test_images_shows_the_bot_addresses_and_files(node, tmp_path):
    (tmp_path / "dot.png").write_bytes(PNG)
    address = "https://example.com/cat.png"
    answer = node(EXAMPLES / "images.mjs", "What is this?", address, tmp_path / "dot.png")
    shown = rf"You said: What is this\? \[image {re.escape(address)}\] \[image \d+\]"
    assert re.match(shown, answer)


@pytest.mark.parametrize("stream", [False, True])
def test_the_printed_node_lines_get_an_answer(printed, stream, folder):
    lines = printed.partition("\n\nNode.js")[2].splitlines()[2:]
    assert len(lines) == 5
    if stream:
        lines[3:] = [
            lines[3].replace("messages }", "messages, stream: true }"),
            "let text = '';",
            "for await (const c of answer) text += c.choices[0].delta.content ?? '';",
            "console.log(text);",
        ]
    (folder / "snippet.mjs").write_text("\n".join(lines))
    result = finished(["node", "snippet.mjs"], folder)
    assert result.stderr == ""
    assert "Hello!" in result.stdout


def test_every_example_is_run_here():
    ours = Path(__file__).read_text()
    assert all(f'"{example.name}"' in ours for example in EXAMPLES.glob("*.mjs"))


def test_the_lock_file_names_no_registry():
    lock = (EXAMPLES / "package-lock.json").read_text()
    assert '"integrity"' in lock
    assert '"resolved"' not in lock
    assert "://" not in lock
