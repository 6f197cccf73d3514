"""The benchmark, with hardly any load: that it runs to its end and has a figure for everything."""

import json
import sys

import pytest

from tests.support.processes import ROOT, finished
from tests.support.programs import program

pytestmark = pytest.mark.slow

# All but the cost of logging, which is measured as the first two are.
SECTIONS = "burst,drip,whole,memory,start"
FIGURES = {"burst", "drip-2", "whole", "memory", "start"}


def test_the_benchmark_measures_every_figure_and_writes_them_down(tmp_path):
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmark", "--smoke", "--only", SECTIONS, "--json", file]
    result = finished(command, tmp_path, PYTHONPATH=str(ROOT / "scripts"))
    assert result.returncode == 0, result.stderr
    written = json.loads(file.read_text())
    assert set(written["figures"]) == FIGURES
    for rounds in written["figures"].values():
        assert [bool(measured["cozeproxy"]) for measured in rounds] == [True]
    for row in written["table"]:
        assert f"| {row['label']} " in result.stdout
        assert row["cells"]["cozeproxy"]


def test_the_benchmark_compares_copies_behind_nginx(tmp_path):
    program("nginx")
    file = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmark", "--smoke", "--only", "scaling", "--json", file]
    result = finished(command, tmp_path, PYTHONPATH=str(ROOT / "scripts"))
    assert result.returncode == 0, result.stderr
    written = json.loads(file.read_text())
    assert set(written["figures"]) == {"scaling-burst", "scaling-drip"}
    for rounds in written["figures"].values():
        assert [list(measured) for measured in rounds] == [["1 copy", "2 copies"]]
    for row in written["table"]:
        assert row["cells"].keys() == {"1 copy", "2 copies"}


def test_the_benchmark_knows_its_sections(tmp_path):
    command = [sys.executable, "-m", "benchmark", "--only", "burst,speed"]
    result = finished(command, tmp_path, PYTHONPATH=str(ROOT / "scripts"))
    assert result.returncode == 2
    assert "there is no speed" in result.stderr
