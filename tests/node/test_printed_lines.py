"""The lines for Node.js that the service prints, as a person runs them."""

import pytest

from tests.support.processes import finished

pytestmark = pytest.mark.node


@pytest.fixture
def folder(tmp_path, modules):
    """A folder in which a program finds the SDK."""
    (tmp_path / "node_modules").symlink_to(modules)
    return tmp_path


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
