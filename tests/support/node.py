"""Node.js, and what scripts/test --all installs for it."""

from tests.support.processes import ROOT
from tests.support.programs import lacking, program

EXAMPLES = ROOT / "examples" / "node"
MODULES = EXAMPLES / "node_modules"


def need_node():
    """Skip the test where there is no Node.js or no SDK, but not in CI."""
    program("node")
    if not MODULES.exists():
        lacking("there is not what scripts/test --all installs")
