"""What the tests with the stock SDK for Node.js share.

modules    the SDK, where scripts/test --all installs it
service    one service for all of these tests, on the stand-in: a process of its own
printed    all that it printed when it was started, with the lines to try it
base_url   what the SDK is told
node       runs a program to its end; where the service is, is in its environment
"""

import re

import pytest

from tests.support.canaries import CALLER_KEY
from tests.support.node import MODULES, need_node
from tests.support.processes import COZEPROXY, Process, finished

PRINTED_LAST = r"^console\.log"


@pytest.fixture(scope="session", autouse=True)
def modules():
    need_node()
    return MODULES


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    command = [*COZEPROXY, "serve", "--port", "0", "--sandbox", "--quickstart"]
    with Process(command, tmp_path_factory.mktemp("service")) as process:
        yield process
        assert "Traceback" not in process.complaints()


@pytest.fixture(scope="session")
def printed(service):
    return service.read_until(PRINTED_LAST)


@pytest.fixture(scope="session")
def base_url(printed):
    return re.search(r"listens on (\S+)", printed).group(1) + "/v1"


@pytest.fixture(scope="session")
def node(base_url, tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")

    def node(*arguments):
        told = {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": CALLER_KEY}
        result = finished(["node", *arguments], folder, **told)
        assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr
        return result.stdout

    return node
