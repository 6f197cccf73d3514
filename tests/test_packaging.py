"""What an installer, a platform or another package gets from the checkout."""

import ast
import importlib.metadata
import re
import sys
import venv
import zipfile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from cozeproxy import __version__
from tests.support.processes import ROOT, Process, copy_of_checkout, finished, said_by


@pytest.fixture
def pins():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pinned = [Requirement(line) for line in lines if not line.startswith("#")]
    versions = [str(requirement.specifier).removeprefix("==") for requirement in pinned]
    return {
        canonicalize_name(requirement.name): Version(version)
        for requirement, version in zip(pinned, versions, strict=True)
    }


def install_requires():
    call = ast.parse((ROOT / "setup.py").read_text()).body[-1].value
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    return [Requirement(text) for text in ast.literal_eval(keywords["install_requires"])]


def test_the_pins_are_within_the_ranges_of_the_package(pins):
    for requirement in install_requires():
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier


def test_the_pins_are_all_that_the_package_needs_and_no_more(pins):
    needed = set()
    waiting = [canonicalize_name(requirement.name) for requirement in install_requires()]
    while waiting:
        name = waiting.pop()
        needed.add(name)
        for text in importlib.metadata.requires(name) or []:
            requirement = Requirement(text)
            if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(requirement.name))
    assert needed == set(pins)


def test_the_python_version_is_a_minor_one_that_the_package_takes():
    text = (ROOT / ".python-version").read_text()
    assert re.fullmatch(r"3\.\d+\n", text)
    assert Version(text) >= Version("3.11")


@pytest.mark.package
@pytest.mark.timeout(600)
def test_the_wheel_alone_serves_from_any_folder(tmp_path):
    # A copy, since a build leaves its traces in the tree.
    source = copy_of_checkout(tmp_path / "source")
    build = finished(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", ".", source], tmp_path
    )
    assert build.returncode == 0, build.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
        metadata = archive.read(f"cozeproxy-{__version__}.dist-info/METADATA").decode()
    files = {path for path in (source / "cozeproxy").rglob("*") if path.is_file()}
    assert {str(path.relative_to(source)) for path in files} <= packed
    assert re.search(r"^License(-Expression)?: MIT$", metadata, re.MULTILINE)
    assert f"cozeproxy-{__version__}.dist-info/licenses/LICENSE" in packed

    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    install = finished([python, "-m", "pip", "install", wheel], tmp_path, PYTHONPATH="")
    assert install.returncode == 0, install.stderr
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    program = [tmp_path / "empty" / "bin" / "cozeproxy", "serve", "--sandbox", "--port", "0"]
    with Process(program, elsewhere, PYTHONPATH="") as process:
        assert "Hello!" in said_by(process.address())
        assert process.end() == 0
