"""The Dockerfile: what it says, and what comes of its steps without Docker."""

import json
import re
import socket

import pytest
from dotenv import dotenv_values

from cozeproxy.sandbox import Sandbox
from cozeproxy.settings import Settings
from tests.deploys.image import Image, context, instructions, value_of
from tests.support.canaries import CALLER_KEY
from tests.support.processes import COZEPROXY, ROOT, Process, copy_of_checkout, finished, said_by

SECRET_FILES = [".env", ".env.local", "key.pem", "keys.json", "cozeproxy.env", ".git/config"]


def test_it_has_the_python_that_heroku_has():
    version = (ROOT / ".python-version").read_text().strip()
    assert value_of("FROM") == f"python:{version}-slim"


def test_it_runs_as_a_number_that_is_not_roots():
    assert all(part.isdigit() and int(part) > 0 for part in value_of("USER").split(":"))
    # And nothing is made after that.
    names = [name for name, _ in instructions()]
    assert not {"RUN", "COPY"} & set(names[names.index("USER") :])


def test_all_commands_are_in_the_form_that_needs_no_shell():
    commands = [value for name, value in instructions() if name in ("RUN", "CMD")]
    commands.append(value_of("HEALTHCHECK").partition(" CMD ")[2])
    for command in commands:
        assert json.loads(command)[0] == "python"


def test_the_command_that_runs_it_goes_before_a_copy_of_the_example_settings():
    text = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^docker run (?:.*\\\n)*.* cozeproxy$", text, re.MULTILINE)
    assert "--env-file .env " in command
    example = dotenv_values(ROOT / ".env.example")
    said = dict(each.split("=") for each in re.findall(r"--env (\S+)", command))
    settings = Settings.from_env({**example, **said, "PROXY_API_KEYS": CALLER_KEY})
    # A container's own loopback is reached by nobody.
    assert not settings.on_loopback
    assert settings.app_env == "production"
    assert f"--publish {settings.port}:{settings.port} " in command


def test_a_build_is_given_the_package_and_its_requirements_alone(tmp_path):
    checkout = copy_of_checkout(tmp_path / "checkout")
    for name in SECRET_FILES:
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text("secret")
    (checkout / "cozeproxy" / "__pycache__").mkdir()
    (checkout / "cozeproxy" / "__pycache__" / "app.pyc").touch()
    files = context(checkout)
    assert files - {"Dockerfile", ".dockerignore"} == {
        "requirements.txt",
        *(
            str(path.relative_to(checkout))
            for path in (checkout / "cozeproxy").rglob("*")
            if path.is_file() and path.suffix != ".pyc"
        ),
    }


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    folder = tmp_path_factory.mktemp("build")
    return Image(folder, copy_of_checkout(folder / "checkout"))


@pytest.fixture
def variables(image):
    """What a container has: what the image says, and where and with what it is run."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return {**image.variables, "PYTHONPATH": "", "PORT": str(port)}


def is_healthy(image, variables):
    command = image.command(value_of("HEALTHCHECK").partition(" CMD ")[2])
    # A proxy for the way to Coze is none for the way to itself.
    proxies = {"http_proxy": "http://127.0.0.1:9"}
    return finished(command, image.folder, **variables, **proxies).returncode == 0


@pytest.mark.package
@pytest.mark.timeout(600)
def test_what_was_built_serves_is_healthy_and_stops(image, variables, tmp_path):
    before = {path: path.stat().st_mtime for path in image.folder.rglob("*")}
    command = image.command(value_of("CMD"))
    with Process([*COZEPROXY, "sandbox", "--port", "0"], tmp_path) as coze:
        settings = {
            "COZE_API_KEY": Sandbox.API_KEY,
            "COZE_BASE_URL": coze.address(),
            "COZE_BOT_ID": Sandbox.BOT_ID,
            "PROXY_API_KEYS": CALLER_KEY,
        }
        assert not is_healthy(image, variables)
        with Process(command, image.folder, **variables, **settings) as process:
            assert process.address() == f"http://localhost:{variables['PORT']}"
            assert is_healthy(image, variables)
            assert "Hello!" in said_by(f"http://127.0.0.1:{variables['PORT']}")
            assert process.end() == 0
        assert not is_healthy(image, variables)
    assert {path: path.stat().st_mtime for path in image.folder.rglob("*")} == before


@pytest.mark.package
@pytest.mark.timeout(600)
def test_what_was_built_does_not_let_everybody_in_by_itself(image, variables):
    result = finished(
        image.command(value_of("CMD")), image.folder, **variables, COZE_API_KEY="pat_1"
    )
    assert result.returncode == 2
    assert "PROXY_API_KEYS" in result.stderr
