"""JWT-SETUP.md, followed by the word, with the stand-in in the place of Coze."""

import ast
import re
import shutil
import sys

import pytest

from cozeproxy.settings import Settings, load
from cozeproxy.upstream.assertion import load_key
from tests.support.processes import COZEPROXY, ROOT, Process, finished
from tests.support.programs import program
from tests.testclient.coze import registered
from tests.upstream.keys import APP_ID, KEY, PEM, base64_of

TEXT = (ROOT / "JWT-SETUP.md").read_text(encoding="utf-8")
FINGERPRINT = "the-fingerprint-of-the-public-key"
# It installs from the package index and serves until it is ended: tests/test_scripts.py runs it.
NOT_RUN_HERE = "scripts/run\n"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture
def home(tmp_path):
    """A person's home with a checkout in it, of which there is what the guide uses."""
    program("openssl")
    checkout = tmp_path / "cozeproxy"
    (checkout / ".venv" / "bin").mkdir(parents=True)
    command = checkout / ".venv" / "bin" / "cozeproxy"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cozeproxy "$@"\n')
    command.chmod(0o755)
    shutil.copy(ROOT / ".env.example", checkout)
    return tmp_path


def test_the_guide_leads_to_a_token(home):
    checkout = home / "cozeproxy"
    said = {}

    def do(block):
        result = finished(["sh", "-euc", block], checkout, HOME=str(home))
        assert result.returncode == 0, result.stdout + result.stderr
        said[block] = result.stdout

    make_keys, show_public_key, copy_settings, show_base64, check, run = blocks("sh")
    assert run == NOT_RUN_HERE
    do(make_keys)
    do(show_public_key)
    do(show_base64)
    do(copy_settings)
    private_key = home / ".cozeproxy" / "private_key.pem"
    assert private_key.stat().st_mode & 0o077 == 0
    assert said[show_base64] == base64_of(private_key.read_text())
    with Process([*COZEPROXY, "sandbox", "--port", "0"], home) as coze:
        address = coze.address()
        registered(address, APP_ID, FINGERPRINT, said[show_public_key])
        values = dict(line.split("=", 1) for line in blocks("ini")[0].splitlines())
        assert values["COZE_JWT_APP_ID"] == APP_ID
        values["COZE_BASE_URL"] = address
        values["COZE_JWT_PRIVATE_KEY_FILE"] = str(private_key)
        env_file = checkout / ".env"
        text = env_file.read_text()
        for name, value in values.items():
            text, count = re.subn(rf"^#?{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
            assert count == 1
        env_file.write_text(text)
        do(check)

    def shape(printed):
        """What is the same for Coze and for the stand-in, whatever the time it took."""
        lines = re.sub(r"\(\d+\.\d s\)|\d+ s,", "", printed).splitlines()
        return [line.rstrip() for line in lines if " site " not in line and "conn" not in line]

    assert shape(said[check]) == shape(blocks("text")[0])


@pytest.mark.parametrize("form", blocks("ini")[1:], ids=["one line", "several lines", "base64"])
def test_a_form_of_the_key_can_be_read_from_a_file_of_settings(form, tmp_path, monkeypatch):
    for name in Settings.variables:
        monkeypatch.delenv(name, raising=False)
    body = PEM.split("-----")[2].strip()
    # The key of the guide is cut short.
    separator = "\\n" if "\\n" in form else "\n"
    text = form.replace("MIIE...", body.replace("\n", separator))
    text = text.replace("LS0tLS1CRUdJTi...", base64_of(PEM))
    assert "..." not in text
    env_file = tmp_path / "settings.env"
    env_file.write_text(text)
    key = load(env_file).coze_jwt_private_key
    assert load_key(key.reveal()).private_numbers() == KEY.private_numbers()


def constants():
    """Every text in the code, with what is filled in left out."""
    for path in (ROOT / "cozeproxy").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_every_message_of_the_table_is_in_the_code():
    code = "\n".join(constants())
    cells = re.findall(r"^\| ([^|]*) \|", TEXT.partition("| message |")[2], re.MULTILINE)
    messages = [message for cell in cells for message in re.findall(r"`([^`]+)`", cell)]
    assert len(messages) > 20
    for message in messages:
        for part in re.split(r"COZE_[A-Z_]+|\.\.\.|must be|404", message):
            assert part.strip() in code, message


def test_every_variable_of_oauth_is_in_the_guide():
    named = set(re.findall(r"COZE_JWT_[A-Z_]*[A-Z]", TEXT))
    assert named == {name for name in Settings.variables if name.startswith("COZE_JWT_")}
