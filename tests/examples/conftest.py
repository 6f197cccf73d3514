"""What the tests of the examples share.

base_url  of one service on the stand-in: what the programs are told
run       runs a program to its end, the one in Python and then the one in TypeScript
"""

import sys

import pytest

from tests.support.node import EXAMPLES as IN_TYPESCRIPT
from tests.support.node import MODULES, need_node
from tests.support.processes import COZEPROXY, ROOT, Process, finished

IN_PYTHON = ROOT / "examples" / "python"
LANGUAGES = ["python", pytest.param("typescript", marks=pytest.mark.node)]


@pytest.fixture(scope="session")
def base_url(tmp_path_factory):
    command = [*COZEPROXY, "serve", "--port", "0", "--sandbox"]
    with Process(command, tmp_path_factory.mktemp("service")) as process:
        yield f"{process.address()}/v1"
        assert "Traceback" not in process.complaints()


@pytest.fixture(params=LANGUAGES)
def program(request):
    """Start a program by its name, as whoever reads it is told to."""
    if request.param == "python":
        return lambda name: [sys.executable, IN_PYTHON / f"{name}.py"]
    need_node()
    return lambda name: [MODULES / ".bin" / "tsx", IN_TYPESCRIPT / f"{name}.ts"]


@pytest.fixture
def run(program, base_url, tmp_path):
    """Run a program to its end, in an empty folder; give what it printed."""

    def run(name, *arguments, given=None, **environment):
        environment = {"OPENAI_BASE_URL": base_url} | environment
        result = finished([*program(name), *arguments], tmp_path, given=given, **environment)
        assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr
        return result.stdout

    return run
