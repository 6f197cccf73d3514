"""Node.js, and what scripts/test --all installs for it."""

import os
import shutil

import pytest

from tests.support.processes import ROOT

EXAMPLES = ROOT / "examples" / "node"
MODULES = EXAMPLES / "node_modules"


def need_node():
    """Skip the test where there is no Node.js or no SDK, but not in CI."""
    if not (shutil.which("node") and MODULES.exists()):
        assert "CI" not in os.environ, "there is no Node.js, or scripts/test has not been run"
        pytest.skip("needs Node.js and what scripts/test --all installs")
