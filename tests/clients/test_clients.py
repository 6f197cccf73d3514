"""docs/clients.md: what is said of programs that can be had here is done as it is written."""

import re

import pytest

from cozeproxy.handlers.base import not_found
from tests.support.environments import Environment
from tests.support.processes import COZEPROXY, ROOT, Process, finished

PAGE = ROOT / "docs" / "clients.md"
TEXT = PAGE.read_text(encoding="utf-8")
# Where it says that the service is.
SHOWN = "http://localhost:3000"
HELLO = "You said: Hello! (1 message received, 0 remembered)\n"


def section(title):
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def blocks(language, text=TEXT):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of a service on the stand-in."""
    command = [*COZEPROXY, "serve", "--port", "0", "--sandbox"]
    with Process(command, tmp_path_factory.mktemp("service")) as process:
        yield process.address()
        assert "Traceback" not in process.complaints()


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clients") / "environment"
    return Environment(folder, ROOT / "tests" / "clients" / "requirements.txt")


@pytest.fixture
def do(environment, address, tmp_path):
    """Do what a section says, in its order; give what was printed."""

    def do(title):
        text = section(title).replace(SHOWN, address)
        shell = "".join(blocks("sh", text))
        program = "".join(blocks("python", text))
        if program:
            (tmp_path / "program.py").write_text(program)
            shell += "python program.py\n"
        # What it installs is there already, in the version that the tests are for.
        variables = {"HOME": str(tmp_path), "LLM_USER_PATH": str(tmp_path), "PIP_QUIET": "1"}
        result = environment.shell(shell, tmp_path, **variables)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return do


@pytest.mark.package
@pytest.mark.timeout(600)
def test_the_sdk_needs_two_variables(do):
    assert do("SDKs of OpenAI's") == HELLO


@pytest.mark.package
@pytest.mark.timeout(600)
def test_langchain_answers_whole_and_streamed_by_other_types_and_with_what_only_coze_has(do):
    assert do("LangChain") == f"{HELLO}{HELLO}You said: Hello!\nTrue\n"


@pytest.mark.package
@pytest.mark.timeout(600)
def test_llm_answers_by_its_address_and_by_its_name(do):
    once, named, again = do("`llm`").splitlines()
    assert once == named == HELLO.rstrip()
    assert again == "You said: And again! (3 messages received, 0 remembered)"


@pytest.mark.parametrize("block", blocks("sh"))
def test_a_command_is_understood_by_a_plain_shell(block, tmp_path):
    assert finished(["sh", "-n"], tmp_path, given=block).stderr == ""


def test_a_wrong_address_is_told_in_the_words_of_the_page():
    assert str(not_found("GET", "/models")).startswith("Invalid URL (GET /models).")
    assert '"Invalid URL"' in TEXT


def test_its_links_lead_somewhere():
    for target, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", TEXT):
        page = PAGE.parent / target if target else PAGE
        assert page.exists(), target
        headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
        assert not anchor or anchor in anchors, (target, anchor)
