"""The README: its tables, held against the code, and its programs, run as a person would."""

import ast
import re
import shutil
import socket
import sys

import pytest

from cozeproxy.errors import answers
from cozeproxy.handlers.base import EXPOSED
from cozeproxy.sandbox import Sandbox
from tests.support.canaries import CALLER_KEY
from tests.support.described import read
from tests.support.node import EXAMPLES, MODULES, need_node
from tests.support.processes import COZEPROXY, ROOT, Process, copy_of_checkout, finished
from tests.support.routes import served, without_names

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
# Where it says that the service is.
SHOWN = "http://localhost:3000"
HELLO = "You said: Hello! (1 message received, 0 remembered)"
# Those that no fault of Coze's or of a caller's message has: a wrong method, too many headers.
OF_HTTP = {405, 431}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def rows(head):
    """The first cells of the table that begins with a head."""
    table = TEXT.partition(f"\n| {head} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| (.*?) \|", table, re.MULTILINE)


def names(cells):
    """What is set as code."""
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_its_endpoints_are_those_that_are_served(app):
    endpoints = [tuple(without_names(name).split(" ")) for name in names(rows("endpoint"))]
    assert len(set(endpoints)) == len(endpoints)
    assert set(endpoints) == set(served(app))


def test_its_headers_of_requests_are_those_that_are_looked_at():
    described = {parameter["name"] for parameter in read()["components"]["parameters"].values()}
    listed = names(rows("header of a request"))
    assert set(listed) == described | {"authorization", "api-key", "x-request-id"}
    assert {name for name in listed if name.startswith("x-")} == set(looked_at())


def looked_at():
    """Our own headers of requests that the code names, in whatever case."""
    for folder in ("protocol", "handlers", "observability"):
        for path in (ROOT / "cozeproxy" / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    name = node.value.lower()
                    if re.fullmatch(r"x-(?:[a-z]+-)*(?:id|type)", name):
                        yield name


def test_its_headers_of_answers_are_those_that_pages_may_read():
    assert names(rows("header of an answer")) == EXPOSED.lower().split(", ")


def test_its_statuses_are_those_of_the_errors():
    statuses = {
        value.status for value in vars(answers).values() if isinstance(value, answers.Answer)
    }
    listed = [int(status) for cell in rows("status") for status in re.findall(r"\d{3}", cell)]
    assert len(set(listed)) == len(listed)
    assert set(listed) == statuses | OF_HTTP


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", TEXT)
    targets = [(target, anchor) for target, anchor in links if not target.startswith("https://")]
    assert len(targets) > 20
    for target, anchor in targets:
        page = ROOT / target
        assert page.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, target


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of a service on the stand-in."""
    command = [*COZEPROXY, "serve", "--port", "0", "--sandbox"]
    with Process(command, tmp_path_factory.mktemp("service")) as process:
        yield process.address()


def test_its_programs_in_python_get_answers(address, tmp_path):
    program = "".join(blocks("python")).replace(SHOWN, address)
    result = finished([sys.executable, "-c", program], tmp_path, OPENAI_API_KEY="for-the-first")
    assert (result.stdout, result.stderr) == (f"{HELLO}You said: Hello!\n", "")


@pytest.mark.node
def test_its_programs_in_typescript_get_answers(address, tmp_path):
    need_node()
    (tmp_path / "node_modules").symlink_to(MODULES)
    shutil.copy(EXAMPLES / "package.json", tmp_path)
    (tmp_path / "readme.ts").write_text("".join(blocks("typescript")).replace(SHOWN, address))
    command = [MODULES / ".bin" / "tsx", "readme.ts"]
    result = finished(command, tmp_path, OPENAI_API_KEY="for-the-first")
    assert (result.stdout, result.stderr) == (f"{HELLO}\nYou said: Hello!\n", "")


@pytest.mark.package
@pytest.mark.timeout(600)
def test_a_new_user_gets_from_a_clone_to_an_answer_of_a_bot(tmp_path):
    clone = copy_of_checkout(tmp_path / "clone")
    with socket.create_server(("127.0.0.1", 0)) as free:
        environment = {"PORT": str(free.getsockname()[1])}

    def do(block):
        result = finished(["sh", "-euc", block], clone, **environment)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    first, second, ask = blocks("sh")
    run, test = re.findall(r"^(\S+) +# ", first, re.MULTILINE)
    # The other one runs this test.
    assert test == "scripts/test"
    with Process([clone / run], clone, **environment) as process:
        assert "stand-in" in process.read_until(r"^console\.log")
        assert HELLO in do(ask)
        assert process.end() == 0

    *settings, run = second.splitlines()
    with Process([*COZEPROXY, "sandbox", "--port", "0"], tmp_path) as coze:
        do("\n".join(settings))
        env_file = clone / ".env"
        text = env_file.read_text()
        for name, value in {
            "COZE_API_KEY": Sandbox.API_KEY,
            "COZE_BOT_ID": Sandbox.BOT_ID,
            "COZE_BASE_URL": coze.address(),
            "PROXY_API_KEYS": CALLER_KEY,
        }.items():
            text, count = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
            assert count == 1
        env_file.write_text(text)
        with Process([clone / run], clone, **environment) as process:
            assert "stand-in" not in process.read_until(r"^console\.log")
            assert HELLO in do(ask)
            assert process.end() == 0
