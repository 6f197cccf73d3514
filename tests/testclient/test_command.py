"""``cozeproxy check`` as a process: what it prints, and how it ends."""

import json
import signal
import socket

import pytest

from cozeproxy.sandbox import Sandbox
from tests.support.processes import COZEPROXY, Process, finished
from tests.testclient.coze import registered
from tests.testclient.expected import SERVICE_STEPS, STEPS
from tests.upstream.keys import APP_ID, KEY, KEY_ID, OAUTH, STRANGER, private_pem, public_pem

CHECK = [*COZEPROXY, "check", "--jwt"]
EVERYTHING = [*COZEPROXY, "check", "--deep", "--workflow"]


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Variables that lead to a token of a stand-in's, in another process."""
    command = [*COZEPROXY, "sandbox", "--port", "0"]
    with Process(command, tmp_path_factory.mktemp("coze")) as coze:
        address = coze.address()
        registered(address, APP_ID, KEY_ID, public_pem(KEY))
        yield {
            "COZE_BASE_URL": address,
            **OAUTH,
        }


def test_what_works_is_said_line_by_line_with_status_0(good, tmp_path):
    result = finished(CHECK, tmp_path, **good)
    assert (result.returncode, result.stderr) == (0, "")
    *lines, last = result.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", name] for name in STEPS]
    assert last == "OAuth works."


def test_what_does_not_is_said_with_the_cure_and_status_1(good, tmp_path):
    result = finished(CHECK, tmp_path, **good | {"COZE_JWT_PRIVATE_KEY": private_pem(STRANGER)})
    # The log would say the same again.
    assert (result.returncode, result.stderr) == (1, "")
    failed, *more, skipped, last = result.stdout.splitlines()[6:]
    assert failed.startswith("failed   token       Coze answered invalid_client: invalid jwt: ")
    column = failed.index("Coze")
    assert {line[:column] for line in more} == {" " * column}
    said = " ".join(line[column:] for line in more)
    assert "-> The private key does not match the public key that Coze has under" in said
    assert skipped == "skipped  access      needs token"
    assert last.startswith("OAuth does not work; see what has failed.")
    assert max(map(len, result.stdout.splitlines())) <= 100


@pytest.mark.parametrize(("changed", "status"), [({}, 0), ({"COZE_JWT_KEY_ID": "another"}, 1)])
def test_json_is_all_that_is_printed(good, changed, status, tmp_path):
    result = finished([*CHECK, "--json"], tmp_path, **good | changed)
    assert (result.returncode, result.stderr) == (status, "")
    report = json.loads(result.stdout)
    assert report["ok"] is (status == 0)
    assert len(report["checks"]) == len(STEPS)


def test_settings_of_the_named_file_are_checked(good, tmp_path):
    lines = [f"{name}='{value}'\n" for name, value in good.items()]
    (tmp_path / "other.env").write_text("".join(lines))
    assert finished(CHECK, tmp_path, COZE_BASE_URL=good["COZE_BASE_URL"]).returncode == 1
    result = finished([*CHECK, "--env-file", "other.env"], tmp_path)
    assert result.returncode == 0, result.stdout


def test_an_api_key_does_not_count(good, tmp_path):
    variables = {"COZE_API_KEY": Sandbox.API_KEY, "COZE_BASE_URL": good["COZE_BASE_URL"]}
    result = finished(CHECK, tmp_path, **variables)
    assert result.returncode == 1
    assert result.stdout.startswith("failed   settings    missing: COZE_JWT_APP_ID")


def test_a_setting_that_cannot_be_read_is_one_line_and_status_2(good, tmp_path):
    variables = good | {"COZE_JWT_PRIVATE_KEY_FILE": "gone.pem"}
    result = finished([*CHECK, "--json"], tmp_path, **variables)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "cozeproxy: COZE_JWT_PRIVATE_KEY_FILE is 'gone.pem', but must be the path of a file that"
        " can be read: No such file or directory\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--url", "localhost"],
        ["--key", "k"],
        ["--admin-key", "k"],
        ["--ca-file", __file__],
        ["--deep"],
        ["--workflow"],
    ],
)
def test_oauth_alone_needs_no_service(good, arguments, tmp_path):
    result = finished([*CHECK, *arguments], tmp_path, **good)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("cozeproxy: --jwt tries no service")


class TestService:
    """Without --jwt: a running service, and what its settings lead to."""

    @pytest.fixture(scope="class")
    def running(self, good, tmp_path_factory):
        """The variables of a service, which runs."""
        variables = good | {
            "COZE_BOT_ID": Sandbox.BOT_ID,
            "COZE_WORKFLOW_ID": Sandbox.WORKFLOW_ID,
            "PROXY_API_KEYS": "ann:the-key-of-ann",
        }
        command = [*COZEPROXY, "serve", "--port", "0"]
        with Process(command, tmp_path_factory.mktemp("service"), **variables) as process:
            yield variables | {"PORT": process.address().rpartition(":")[2]}

    def test_settings_and_service_are_tried_with_the_keys_of_the_settings(self, running, tmp_path):
        result = finished(EVERYTHING, tmp_path, **running)
        assert (result.returncode, result.stderr) == (0, ""), result.stdout
        *lines, last = result.stdout.splitlines()
        steps = [*STEPS, "bot", *SERVICE_STEPS, "chat", "stream", "workflow"]
        assert [line.split()[:2] for line in lines if line[0] != " "] == [["ok", x] for x in steps]
        assert last == "All is well."

    def test_another_service_is_tried_without_them(self, running, tmp_path):
        url = ["--url", f"127.0.0.1:{running['PORT']}/v1"]
        result = finished([*COZEPROXY, "check", *url], tmp_path, **running)
        assert (result.returncode, result.stderr) == (1, "")
        assert [line.split()[:2] for line in result.stdout.splitlines() if line[0] != " "] == [
            ["ok", "service"],
            ["ok", "ready"],
            ["skipped", "token"],
            ["failed", "door"],
            ["skipped", "models"],
            ["Not", "all"],
        ]
        with_key = finished([*COZEPROXY, "check", *url, "--key", "the-key-of-ann"], tmp_path)
        assert with_key.returncode == 0, with_key.stdout

    @pytest.mark.parametrize(("changed", "status"), [({}, 0), ({"COZE_BOT_ID": "unpublished"}, 1)])
    def test_json_is_all_that_is_printed(self, running, changed, status, tmp_path):
        result = finished([*COZEPROXY, "check", "--json"], tmp_path, **running | changed)
        assert (result.returncode, result.stderr) == (status, "")
        report = json.loads(result.stdout)
        assert report["ok"] is (status == 0)
        assert len(report["checks"]) == len([*STEPS, "bot", *SERVICE_STEPS])

    @pytest.mark.parametrize(
        "variables",
        [
            {"APP_ENV": "production", "TOKEN_ENDPOINTS": "loopback"},
            {"MODEL_MAP": '{"a": {"type": "workflow"}}'},
            {"PORT": "none"},
        ],
    )
    def test_settings_that_no_service_would_start_with_are_one_line_and_status_2(
        self, variables, tmp_path
    ):
        result = finished([*COZEPROXY, "check"], tmp_path, **variables)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith("cozeproxy: ")
        assert result.stderr.count("\n") == 1


def test_an_interrupt_ends_it_at_once(good, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Process(CHECK, tmp_path, **good | {"COZE_BASE_URL": address}) as process:
            connection, _ = silent.accept()
            with connection:
                assert process.end(signal.SIGINT) == -signal.SIGINT
                assert process.complaints() == ""
