"""The command line, as a process: what it prints, how it ends, what it connects to."""

import json
import os
import re
import select
import signal
import socket
import sys
import threading
from dataclasses import fields
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from cozeproxy import __version__
from cozeproxy.cli.listening import url
from cozeproxy.cli.sandbox import in_place_of_coze
from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import MASK, Secret, Settings
from tests.support.processes import COZEPROXY, ROOT, Process, finished, said_by
from tests.support.programs import program
from tests.upstream.keys import PEM, base64_of

SERVE = [*COZEPROXY, "serve", "--port", "0"]
KEY = "pat_a_real_key_of_somebodys"
# A private key as it is pasted into one line.
PASTED = [PEM.replace("\n", "\\n"), base64_of(PEM), "".join(PEM.splitlines()[1:-1])]


@pytest.fixture
def service(tmp_path):
    """A service on the stand-in, and all that it printed."""
    with Process([*SERVE, "--sandbox", "--quickstart"], tmp_path) as process:
        yield process, process.read_until(r"^console\.log")


def block_after(heading, printed):
    blocks = printed.split("\n\n")
    return blocks[next(i for i, block in enumerate(blocks) if block.startswith(heading)) + 1]


def test_version_is_the_packages(tmp_path):
    assert finished([*COZEPROXY, "--version"], tmp_path).stdout == f"cozeproxy {__version__}\n"


def test_help_names_the_commands(tmp_path):
    printed = finished([*COZEPROXY, "--help"], tmp_path).stdout
    for command in ("serve", "sandbox", "chat", "check", "config"):
        assert f"\n    {command} " in printed


def test_the_readme_has_the_commands_that_there_are(tmp_path):
    printed = finished([*COZEPROXY, "--help"], tmp_path).stdout
    commands = re.findall(r"^    (\w+) ", printed, re.MULTILINE)
    rows = re.findall(r"^\| `cozeproxy (\w+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert rows == commands


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["serve", "--fly"], ["serve", "--sandbox=never"]]
)
def test_arguments_that_do_not_exist_end_with_status_2(arguments, tmp_path):
    result = finished([*COZEPROXY, *arguments], tmp_path)
    assert result.returncode == 2
    assert "usage: cozeproxy" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["--quickstart"], ["--dev"]])
def test_serve_without_credentials_names_the_variables_and_the_way_out(arguments, tmp_path):
    result = finished([*SERVE, *arguments], tmp_path, COZE_API_KEY="your-coze-api-key")
    assert result.returncode == 2
    for words in ("COZE_API_KEY", "COZE_BOT_ID", "cozeproxy serve --sandbox"):
        assert words in result.stderr
    assert not result.stdout


@pytest.mark.parametrize("name", ["COZE_JWT_APP_ID", "COZE_JWT_KEY_ID", "COZE_JWT_PRIVATE_KEY"])
@pytest.mark.parametrize("arguments", [[], ["--sandbox=auto"]])
def test_serve_with_a_part_of_oauth_names_the_rest(name, arguments, tmp_path):
    result = finished([*SERVE, *arguments], tmp_path, **{name: "canary"})
    assert result.returncode == 2
    assert result.stderr.startswith("cozeproxy: OAuth (COZE_JWT_*) also needs COZE_JWT_")
    assert result.stderr.count("\n") == 1
    assert name not in result.stderr.split()
    assert "canary" not in result.stderr


def test_serve_on_the_sandbox_does_not_care_for_oauth(tmp_path):
    with Process([*SERVE, "--sandbox"], tmp_path, COZE_JWT_APP_ID="1") as process:
        assert "Hello!" in said_by(process.address())


@pytest.mark.parametrize("command", ["serve", "config"])
def test_a_bad_setting_is_one_line_and_status_2(command, tmp_path):
    result = finished([*COZEPROXY, command], tmp_path, ENABLE_CORS="perhaps")
    assert result.returncode == 2
    assert result.stderr.startswith("cozeproxy: ENABLE_CORS is 'perhaps', but must be true or")
    assert result.stderr.count("\n") == 1


def test_a_bad_secret_is_not_shown(tmp_path):
    result = finished([*COZEPROXY, "config"], tmp_path, COZE_API_KEY=f"Bearer {KEY}")
    assert result.returncode == 2
    assert f"COZE_API_KEY is '{MASK}'" in result.stderr
    assert KEY not in result.stderr


@pytest.mark.parametrize("command", [["serve"], ["config"], ["check", "--jwt"]])
@pytest.mark.parametrize("key", PASTED)
def test_a_private_key_in_place_of_its_file_is_not_shown(command, key, tmp_path):
    result = finished([*COZEPROXY, *command], tmp_path, COZE_JWT_PRIVATE_KEY_FILE=key)
    assert result.returncode == 2
    assert f"COZE_JWT_PRIVATE_KEY_FILE is '{MASK}', but must be the path of" in result.stderr
    assert key[-100:] not in result.stdout + result.stderr


def test_an_env_file_that_does_not_exist_is_one_line_and_status_2(tmp_path):
    result = finished([*COZEPROXY, "config", "--env-file", "gone.env"], tmp_path)
    assert result.returncode == 2
    assert result.stderr == (
        "cozeproxy: cannot read the settings in gone.env: No such file or directory\n"
    )


@pytest.mark.parametrize("command", [["serve", "--sandbox"], ["sandbox"]])
def test_a_port_in_use_is_one_line_and_status_1(command, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = finished([*COZEPROXY, *command, "--port", port], tmp_path)
    assert result.returncode == 1
    assert f"cozeproxy: port {port} of 127.0.0.1 is in use already" in result.stderr
    assert "Traceback" not in result.stderr
    assert not result.stdout


@pytest.mark.parametrize("command", [["serve", "--sandbox"], ["sandbox"]])
def test_a_host_that_is_not_here_is_one_line_and_status_1(command, tmp_path):
    # TEST-NET-1 of RFC 5737: nobody has it.
    result = finished([*COZEPROXY, *command, "--host", "192.0.2.1", "--port", "0"], tmp_path)
    assert result.returncode == 1
    assert "cozeproxy: cannot listen on port 0 of 192.0.2.1: " in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", [["serve", "--sandbox"], ["sandbox"]])
def test_a_signal_ends_it_cleanly(command, number, tmp_path):
    with Process([*COZEPROXY, *command, "--port", "0"], tmp_path) as process:
        process.address()
        assert process.end(number) == 0
        assert "Traceback" not in process.complaints()


def test_port_and_host_of_the_environment_are_used(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*COZEPROXY, "serve", "--sandbox"]
    with Process(command, tmp_path, PORT=str(port), HOST="0.0.0.0") as process:
        address = process.address()
        assert address == f"http://localhost:{port}"
        assert json.load(urlopen(f"{address}/health"))["status"] == "ok"


def test_the_banner_says_that_a_stand_in_answers(service):
    _, printed = service
    assert "stand-in for Coze" in printed
    assert "COZE_API_KEY and COZE_BOT_ID" in printed


def test_the_sandbox_is_used_though_there_are_credentials(tmp_path):
    with (
        socket.create_server(("127.0.0.1", 0)) as real_coze,
        Process(
            [*SERVE, "--sandbox"],
            tmp_path,
            COZE_API_KEY=KEY,
            COZE_BASE_URL=f"http://127.0.0.1:{real_coze.getsockname()[1]}",
        ) as process,
    ):
        assert "Hello!" in said_by(process.address())
        assert select.select([real_coze], [], [], 0)[0] == []


@pytest.mark.gen_test
async def test_nothing_of_the_way_to_coze_is_left_in_front_of_the_sandbox():
    given = Settings(
        coze_api_key=Secret(KEY),
        coze_base_url="https://coze.example",
        coze_bot_id="1",
        coze_workflow_id="2",
        coze_space_id="3",
        coze_jwt_app_id="4",
        coze_jwt_key_id="5",
        coze_jwt_private_key=Secret("6"),
        coze_jwt_private_key_file=Path("6"),
        coze_jwt_aud="7",
        coze_jwt_session_per_user=True,
        coze_jwt_account_id="8",
        coze_jwt_scope="{}",
        coze_ca_file=Path("9"),
        coze_token_passthrough=True,
        port=8,
    )
    async with in_place_of_coze(given) as settings:
        kept = {
            field.name
            for field in fields(Settings)
            if field.name.startswith("coze_")
            and getattr(settings, field.name) == getattr(given, field.name)
        }
        # Names that the caller's side chooses, and how OAuth is used; they open nothing.
        assert kept == {
            "coze_user_id",
            "coze_jwt_session_name",
            "coze_jwt_ttl",
        }
        assert settings.port == given.port
        assert settings.coze_api_key == Secret(Sandbox.API_KEY)


@pytest.mark.parametrize("arguments", [[], ["--sandbox=auto"]])
def test_credentials_in_the_env_file_lead_to_coze(arguments, tmp_path):
    with Process([*COZEPROXY, "sandbox", "--port", "0"], tmp_path) as coze:
        settings = re.findall(r"^COZE_\w+=.*\n", coze.read_until("^COZE_BOT_ID="), re.MULTILINE)
        (tmp_path / ".env").write_text("".join(settings))
        coze_url = settings[0].removeprefix("COZE_BASE_URL=").strip()
        with Process([*SERVE, *arguments, "--quickstart"], tmp_path) as process:
            printed = process.read_until("^curl:")
            assert f"Behind it is {coze_url}\n" in printed
            assert "Hello!" in said_by(re.search(r"listens on (\S+)", printed).group(1))
        assert "/v3/chat" in urlopen(f"{coze_url}/sandbox/requests").read().decode()


def test_auto_without_credentials_uses_the_sandbox(tmp_path):
    with Process([*SERVE, "--sandbox=auto"], tmp_path) as process:
        assert "Hello!" in said_by(process.address())


def test_without_a_bot_the_banner_says_how_to_set_one(tmp_path):
    with Process([*SERVE, "--quickstart"], tmp_path, COZE_API_KEY=KEY) as process:
        printed = process.read_until("^curl:")
    assert "Behind it is https://api.coze.com\n" in printed
    assert "set COZE_BOT_ID" in printed
    assert KEY not in printed


@pytest.mark.parametrize("stream", [False, True])
def test_the_printed_curl_line_gets_an_answer(service, stream, tmp_path):
    program("curl")
    line = block_after("curl:", service[1])
    assert "\n" not in line
    if stream:
        line = line.replace('{"model"', '{"stream": true, "model"')
    result = finished(["sh", "-c", line], tmp_path)
    assert result.returncode == 0
    if stream:
        assert result.stdout.endswith("data: [DONE]\n\n")
    else:
        assert "Hello!" in json.loads(result.stdout)["choices"][0]["message"]["content"]


@pytest.mark.parametrize("stream", [False, True])
def test_the_printed_python_lines_get_an_answer(service, stream, tmp_path):
    lines = block_after("Python", service[1]).splitlines()
    assert len(lines) == 5
    if stream:
        lines[3:] = [
            lines[3].replace("messages)", "messages, stream=True)"),
            "print(*(c.choices[0].delta.content or '' for c in answer), sep='')",
        ]
    result = finished([sys.executable, "-c", "\n".join(lines)], tmp_path)
    assert result.stderr == ""
    assert "Hello!" in result.stdout


def test_dev_starts_anew_when_the_env_file_changes(tmp_path):
    env_file = tmp_path / ".env"
    env_file.write_text("HOST=127.0.0.1\n")
    seen = threading.Event()

    def change():
        # When it looks for the first time is its own affair, so there is a change at any time.
        changes = 0
        while not seen.wait(0.1):
            changes += 1
            os.utime(env_file, (changes, changes))

    with Process([*SERVE, "--sandbox", "--dev"], tmp_path) as process:
        process.address()
        changing = threading.Thread(target=change)
        changing.start()
        try:
            address = process.address()
        finally:
            seen.set()
            changing.join()
        assert "Hello!" in said_by(address)
        assert process.end() == 0


def test_the_sandbox_command_speaks_as_coze(tmp_path):
    with Process([*COZEPROXY, "sandbox", "--port", "0"], tmp_path) as process:
        request = Request(
            f"{process.address()}/v1/bots/{Sandbox.BOT_ID}",
            headers={"Authorization": f"Bearer {Sandbox.API_KEY}"},
        )
        assert json.load(urlopen(request))["code"] == 0


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://localhost:3000"),
        ("0.0.0.0", "http://localhost:3000"),
        ("::", "http://localhost:3000"),
        ("::1", "http://[::1]:3000"),
        ("192.168.1.2", "http://192.168.1.2:3000"),
        ("coze.example", "http://coze.example:3000"),
    ],
)
def test_an_address_is_printed_as_a_person_types_it(host, address):
    assert url(host, 3000) == address


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_config_shows_no_secret(arguments, tmp_path):
    secrets = {
        name: f"canary-{name.lower()}" for name, row in Settings.variables.items() if row.secret
    }
    (tmp_path / ".env").write_text("COZE_JWT_PRIVATE_KEY=canary-in-a-file\n")
    printed = finished([*COZEPROXY, "config", *arguments], tmp_path, **secrets).stdout
    assert "canary" not in printed
    assert printed.count(MASK) == len(secrets)


@pytest.mark.parametrize("arguments", [[], ["--json"]])
@pytest.mark.parametrize("key", PASTED)
def test_config_shows_no_private_key_in_a_wrong_variable(arguments, key, tmp_path):
    result = finished([*COZEPROXY, "config", *arguments], tmp_path, COZE_JWT_KEY_ID=key)
    assert result.returncode == 0
    assert result.stdout.count(MASK) == 1
    assert key[-100:] not in result.stdout


def test_config_says_where_each_setting_comes_from(tmp_path):
    (tmp_path / ".env").write_text("COZE_BOT_ID=1\nPORT=1\nCOZE_API_KEY=your-coze-api-key\n")
    result = finished([*COZEPROXY, "config"], tmp_path, PORT="2")
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()}
    assert list(rows) == list(Settings.variables)
    assert rows["COZE_BOT_ID"] == ["1", ".env"]
    assert rows["PORT"] == ["2", "environment"]
    assert rows["HOST"] == ["127.0.0.1", "default"]
    assert rows["COZE_API_KEY"] == ["(not", "set)", "default"]


def test_config_as_json_has_the_values_of_their_own_types(tmp_path):
    (tmp_path / "other.env").write_text("COZE_API_KEY=a\nENABLE_CORS=no\n")
    command = [*COZEPROXY, "config", "--json", "--env-file", "other.env"]
    rows = json.loads(finished(command, tmp_path).stdout)
    assert rows["COZE_API_KEY"] == {"value": MASK, "source": "other.env"}
    assert rows["ENABLE_CORS"] == {"value": False, "source": "other.env"}
    assert rows["ALLOWED_ORIGINS"] == {"value": ["*"], "source": "default"}
    assert rows["COZE_BOT_ID"] == {"value": None, "source": "default"}
