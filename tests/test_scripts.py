"""The scripts, on a copy of the checkout: what a person gets who has just cloned it."""

import re
import shutil
import socket
import stat

import pytest

from cozeproxy import __version__
from tests.support.processes import ROOT, Process, copy_of_checkout, finished, said_by

FILES = [path for path in (ROOT / "scripts").iterdir() if path.is_file()]
SCRIPTS = sorted(path for path in FILES if path.suffix != ".md")
SHELL = [path for path in [*SCRIPTS, ROOT / ".ci" / "run"] if path.read_bytes()[:9] == b"#!/bin/sh"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy in a folder with a space in its name, with what scripts/install has made."""
    clone = copy_of_checkout(tmp_path_factory.mktemp("clone") / "a copy")
    result = installed(clone)
    assert "Making .venv" in result.stderr
    return clone


def installed(clone):
    """Run scripts/install, from another folder."""
    result = finished([clone / "scripts" / "install"], clone.parent)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    return result


def remove_python(venv):
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to("/gone/python")


def remove_pip(venv):
    for folder in venv.glob("lib/python*/site-packages/pip"):
        shutil.rmtree(folder)


def interrupt(venv):
    (venv / ".unfinished").touch()


def move_from_elsewhere(venv):
    for program in (venv / "bin" / "activate", venv / "bin" / "cozeproxy"):
        program.write_text(program.read_text().replace(str(venv), "/elsewhere/.venv"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_run_and_has_its_line_in_the_table(script):
    assert script.stat().st_mode & stat.S_IXUSR
    assert f"| `{script.name}` |" in (ROOT / "scripts" / "README.md").read_text()


@pytest.mark.parametrize("script", SHELL, ids=lambda path: path.name)
def test_a_shell_script_is_understood_by_a_plain_shell(script, tmp_path):
    assert finished(["sh", "-n", script], tmp_path).stderr == ""


def test_without_a_python_that_is_new_enough_the_scripts_say_so(tmp_path):
    clone = copy_of_checkout(tmp_path / "clone")
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "dirname", "grep", "cat", "cksum"):
        (tools / name).symlink_to(shutil.which(name))
    old = tools / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    result = finished([clone / "scripts" / "run"], tmp_path, PATH=str(tools))
    assert result.returncode == 1
    assert result.stderr.startswith("No Python from 3.11 on was found")
    assert not result.stdout


@pytest.mark.package
@pytest.mark.timeout(600)
def test_a_second_install_does_nothing(clone):
    assert installed(clone).stderr == ""


@pytest.mark.package
@pytest.mark.timeout(600)
def test_changed_requirements_are_installed(clone):
    with (clone / "requirements.txt").open("a") as requirements:
        requirements.write("# changed\n")
    said = installed(clone).stderr
    assert "Making" not in said
    assert "Installing" in said


@pytest.mark.package
@pytest.mark.timeout(600)
@pytest.mark.parametrize("damage", [remove_python, remove_pip, interrupt, move_from_elsewhere])
def test_an_environment_that_does_not_work_is_made_anew(damage, clone, tmp_path):
    damage(clone / ".venv")
    assert "Making .venv" in installed(clone).stderr
    version = finished([clone / ".venv" / "bin" / "cozeproxy", "--version"], tmp_path)
    assert version.stdout == f"cozeproxy {__version__}\n"
    assert installed(clone).stderr == ""


@pytest.mark.package
@pytest.mark.timeout(600)
def test_run_without_credentials_serves_on_the_stand_in(clone, tmp_path):
    with Process([clone / "scripts" / "run", "--port", "0"], tmp_path) as process:
        printed = process.read_until(r"^console\.log")
        assert "stand-in for Coze" in printed
        assert "Hello!" in said_by(re.search(r"listens on (\S+)", printed).group(1))
        assert process.end() == 0


@pytest.mark.package
@pytest.mark.timeout(600)
def test_run_takes_the_settings_of_the_environment_and_of_the_checkout(clone, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (clone / ".env").write_text("COZE_API_KEY=pat_1\nCOZE_BASE_URL=https://coze.example\n")
    environment = {"PORT": str(port), "HOST": "0.0.0.0"}
    with Process([clone / "scripts" / "run"], tmp_path, **environment) as process:
        printed = process.read_until("^curl:")
    (clone / ".env").unlink()
    assert f"listens on http://localhost:{port}\n" in printed
    assert "Behind it is https://coze.example\n" in printed
