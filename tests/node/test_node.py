"""The stock OpenAI SDK for Node.js, as a judge of what callers get."""

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.support.processes import COZEPROXY, ROOT, Process, finished

EXAMPLE = ROOT / "examples" / "node"
SDK = Path(__file__).parent / "sdk.mjs"
CHECKS = re.findall(r'^  async "(.+)"\(\)', SDK.read_text(), re.MULTILINE)

pytestmark = pytest.mark.node


@pytest.fixture(scope="module", autouse=True)
def modules():
    """The SDK, as scripts/test --all installs it."""
    installed = EXAMPLE / "node_modules"
    if not (shutil.which("node") and installed.exists()):
        assert "CI" not in os.environ, "there is no Node.js, or scripts/test has not been run"
        pytest.skip("needs Node.js and what scripts/test --all installs")
    return installed


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """All that a running service has printed."""
    command = [*COZEPROXY, "serve", "--port", "0", "--sandbox", "--quickstart"]
    with Process(command, tmp_path_factory.mktemp("service")) as process:
        yield process.read_until(r"^console\.log")


@pytest.fixture(scope="module")
def base_url(printed):
    return re.search(r"listens on (\S+)", printed).group(1) + "/v1"


@pytest.fixture
def folder(tmp_path, modules):
    """A folder in which a program finds the SDK."""
    (tmp_path / "node_modules").symlink_to(modules)
    return tmp_path


@pytest.mark.parametrize("check", CHECKS)
def test_the_node_sdk_finds_that(check, base_url, folder):
    program = shutil.copy(SDK, folder)
    result = finished(["node", program, check], folder, OPENAI_BASE_URL=base_url)
    assert result.stderr == ""
    assert result.returncode == 0


def test_the_example_prints_the_answer_whole_and_streamed(base_url, tmp_path):
    command = ["node", EXAMPLE / "chat.mjs", "你好 👋"]
    result = finished(command, tmp_path, OPENAI_BASE_URL=base_url)
    assert result.stderr == ""
    whole, streamed = result.stdout.splitlines()
    assert whole == streamed
    assert "你好 👋" in whole


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


def test_the_lock_file_names_no_registry():
    lock = (EXAMPLE / "package-lock.json").read_text()
    assert '"integrity"' in lock
    assert '"resolved"' not in lock
    assert "://" not in lock
