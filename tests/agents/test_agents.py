"""Agents that people build with: each holds a conversation of two turns, with a tool in each."""

import json
import re
import shutil
import sys
import venv
from pathlib import Path

import pytest

from tests.support.canaries import CALLER_KEY
from tests.support.node import need_node
from tests.support.processes import COZEPROXY, Process, finished

HERE = Path(__file__).parent
OPENAI_AGENTS = "openai-agents==0.24.0"
LANGCHAIN = ("langchain-tests==1.1.9", "langchain-openai==1.7.4")
# How many of LangChain's there are that need nothing but text, for both of its APIs.
STANDARD_TESTS = 30
# What the bot says for the tool's output, and what it calls the tool with.
ANSWERS, CALLS = ["50%.", "50%."], ["Oslo", "Oslo"]


@pytest.fixture(scope="module")
def base_url(tmp_path_factory):
    command = [*COZEPROXY, "serve", "--port", "0", "--sandbox"]
    with Process(command, tmp_path_factory.mktemp("service")) as process:
        yield f"{process.address()}/v1"
        assert "Traceback" not in process.complaints()


@pytest.fixture
def told(base_url, tmp_path):
    """Run a program to its end; give what it tells of each way of asking that it knows."""

    def told(*command, cwd=tmp_path, **environment):
        settings = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": CALLER_KEY, **environment}
        result = finished(command, cwd, **settings)
        assert result.returncode == 0, result.stdout + result.stderr
        return [json.loads(line) for line in result.stdout.splitlines()]

    return told


def check(found, count):
    assert len(found) == count
    for each in found:
        assert each == {"way": each["way"], "answers": ANSWERS, "calls": CALLS}


def test_langchain_holds_a_conversation_with_a_tool(told):
    check(told(sys.executable, HERE / "langchain_program.py"), 4)


@pytest.fixture
def python_with(tmp_path):
    """Make an environment of its own with packages in it; give its Python."""

    def python_with(*packages):
        venv.create(tmp_path / "environment", with_pip=True)
        python = tmp_path / "environment" / "bin" / "python"
        install = finished([python, "-m", "pip", "install", *packages], tmp_path, PYTHONPATH="")
        assert install.returncode == 0, install.stderr
        return python

    return python_with


@pytest.mark.package
@pytest.mark.timeout(600)
def test_openai_agents_hold_a_conversation_with_a_tool(told, python_with):
    python = python_with(OPENAI_AGENTS)
    check(told(python, HERE / "openai_agents_program.py", PYTHONPATH=""), 8)


@pytest.mark.package
@pytest.mark.timeout(600)
def test_langchains_standard_tests_pass_as_far_as_a_bot_can(base_url, python_with, tmp_path):
    python = python_with(*LANGCHAIN)
    # Elsewhere, as the settings of these tests are not for those.
    shutil.copy(HERE / "langchain_standard.py", tmp_path)
    # One loop for all: LangChain's clients are shared.
    options = ["-o", "asyncio_mode=auto", "-o", "asyncio_default_test_loop_scope=session"]
    settings = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": CALLER_KEY, "PYTHONPATH": ""}
    command = [python, "-m", "pytest", *options, "langchain_standard.py"]
    result = finished(command, tmp_path, **settings)
    assert result.returncode == 0, result.stdout
    assert int(re.search(r"(\d+) passed", result.stdout).group(1)) >= STANDARD_TESTS


@pytest.mark.node
@pytest.mark.package
@pytest.mark.timeout(600)
def test_ai_sdk_holds_a_conversation_with_a_tool(told, tmp_path):
    need_node()
    for name in ("package.json", "ai_sdk_program.mjs"):
        shutil.copy(HERE / name, tmp_path)
    install = finished(["npm", "install", "--no-audit", "--no-fund"], tmp_path)
    assert install.returncode == 0, install.stderr
    check(told("node", "ai_sdk_program.mjs"), 4)
