"""The watch over all tests, which fails those in which a secret is shown: it finds what leaks."""

import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from cozeproxy.settings import Settings
from tests.support.canaries import SETTINGS, looked_for
from tests.support.processes import ENVIRONMENT, ROOT


@pytest.mark.usefixtures("post")
def test_every_secret_setting_has_a_value_that_is_looked_for(settings):
    secret = {name for name, row in Settings.variables.items() if row.secret}
    assert set(SETTINGS) == secret
    assert all(getattr(settings, name.lower()) for name in secret)
    for name, value in SETTINGS.items():
        assert any(text in value for text in looked_for().values()), name


@pytest.mark.slow
def test_every_test_that_leaks_fails_and_no_other(tmp_path):
    report = tmp_path / "report.xml"
    options = ["-o", "python_files=leaks.py", "-p", "no:cacheprovider", f"--junitxml={report}"]
    command = [sys.executable, "-m", "pytest", *options, "tests/doors/leaks.py"]
    result = subprocess.run(
        command, check=False, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True
    )
    ends = {
        case.get("name"): {child.tag for child in case}
        for case in ET.parse(report).iter("testcase")
    }
    assert len(ends) > 20, result.stdout
    passed = {name for name, tags in ends.items() if not tags & {"failure", "error"}}
    assert passed == {name for name in ends if name.startswith("test_good")}
    assert len(passed) == 2
