"""docs/types: every example is run, and prints what it is said to print."""

import json
import re
import sys

import pytest

from cozeproxy.protocol.workflow_response import RESUME_TOOL
from cozeproxy.settings import Settings
from tests.support.processes import COZEPROXY, ROOT, Process, finished
from tests.support.programs import program

PAGES = sorted((ROOT / "docs" / "types").glob("*.md"))
# Where the pages say that the service is.
SHOWN = "http://localhost:3000"


def blocks(page, language):
    """The blocks of one language in a page, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of a service on the stand-in."""
    command = [*COZEPROXY, "serve", "--port", "0", "--sandbox"]
    folder = tmp_path_factory.mktemp("service")
    # The stand-in has one workspace, whichever is named.
    with Process(command, folder, COZE_SPACE_ID="7") as process:
        yield process.address()
        assert "Traceback" not in process.complaints()


@pytest.fixture
def run(tmp_path, address):
    """Run a program to its end, in an empty folder; give what it printed."""

    def run(*command):
        result = finished(command, tmp_path, OPENAI_BASE_URL=f"{address}/v1")
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout

    return run


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_of_a_page_prints_what_the_page_says(page, run, address):
    program = "\n".join(blocks(page, "python"))
    assert SHOWN in program
    assert run(sys.executable, "-c", program.replace(SHOWN, address)) == "".join(
        blocks(page, "text")
    )


def commands():
    for page in PAGES:
        for number, command in enumerate(blocks(page, "sh")):
            yield pytest.param(command, id=f"{page.stem}-{number}")


@pytest.mark.parametrize("command", commands())
def test_command_of_a_page_gets_an_answer(command, run, address):
    program("curl")
    assert SHOWN in command
    printed = run("sh", "-c", command.replace(SHOWN, address))
    if '"stream": true' in command:
        assert printed.endswith("data: [DONE]\n\n")
    elif "/models" in command:
        assert json.loads(printed)["object"] == "list"
    else:
        assert json.loads(printed)["choices"][0]["message"]["content"]


def test_every_page_has_python_and_a_command():
    assert [page.stem for page in PAGES if page.stem != "README"] == sorted(
        Settings.variables["DEFAULT_MODEL_TYPE"].description.rpartition(": ")[2].split(", ")
    )
    for page in PAGES:
        assert blocks(page, "python"), page
        assert blocks(page, "sh"), page


def test_map_of_the_page_is_taken():
    (text,) = blocks(ROOT / "docs" / "types" / "README.md", "json")
    assert Settings.from_env({"MODEL_MAP": text}).model_map == json.loads(text)


def test_links_of_the_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]*)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), (page.name, target)


@pytest.mark.gen_test(timeout=15)
async def test_schema_of_the_resume_tool_is_what_its_calls_hold(ask):
    (text,) = blocks(ROOT / "docs" / "types" / "workflow.md", "json")
    function = json.loads(text)["function"]
    assert function["name"] == RESUME_TOOL
    kinds = {"string": str, "integer": int, "object": dict}
    properties = function["parameters"]["properties"]
    required = function["parameters"]["required"]
    assert list(properties) == [*required, "data"]
    for workflow in ("question", "input-node", "studio-question"):
        (call,) = (await ask(f"workflow-{workflow}")).tool_calls
        arguments = json.loads(call.arguments)
        assert arguments.keys() == set(required)
        for name, value in arguments.items():
            assert isinstance(value, kinds[properties[name]["type"]]), name
