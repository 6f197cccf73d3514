"""The soak, with hardly any streams: that it runs to its end, and judges what came."""

import sys

from tests.support.processes import ROOT, finished


def test_the_soak_ends_well_and_tells_how_answers_ended(tmp_path):
    path = f"{ROOT / 'scripts'}:{ROOT}"
    command = [sys.executable, "-m", "soaking", "--streams", "400", "--connections", "20"]
    result = finished(command, tmp_path, PYTHONPATH=path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "| left by its caller |" in result.stdout
    assert "| whole |" in result.stdout
    assert "UNEXPECTED" not in result.stdout
