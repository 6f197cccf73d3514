"""The programs in TypeScript, and that of the README, have the types that the SDK asks for."""

import re
import shutil

import pytest

from tests.support.node import EXAMPLES, MODULES, need_node
from tests.support.processes import ROOT, finished

pytestmark = pytest.mark.node


@pytest.fixture
def check(tmp_path):
    """Check programs by their names, in a folder that is set up as that of the examples."""
    need_node()
    (tmp_path / "node_modules").symlink_to(MODULES)
    for name in ("tsconfig.json", "package.json"):
        shutil.copy(EXAMPLES / name, tmp_path)

    def check(**programs):
        for name, text in programs.items():
            (tmp_path / f"{name}.ts").write_text(text)
        return finished([MODULES / ".bin" / "tsc"], tmp_path)

    return check


def test_the_examples_have_the_right_types(check):
    programs = {path.stem: path.read_text() for path in EXAMPLES.glob("*.ts")}
    assert len(programs) > 5
    result = check(**programs)
    assert (result.returncode, result.stdout) == (0, "")


def test_the_readme_has_the_right_types(check):
    blocks = re.findall(
        r"^```typescript\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    result = check(readme="".join(blocks))
    assert (result.returncode, result.stdout) == (0, "")


def test_a_wrong_type_is_found(check):
    text = (EXAMPLES / "chat.ts").read_text()
    wrong = text.replace('role: "user"', 'role: "poet"')
    assert wrong != text
    result = check(chat=wrong)
    assert result.returncode != 0
    assert "'\"poet\"' is not assignable to type" in result.stdout


def test_a_program_in_typescript_needs_no_compiler(check):
    # What Node.js strips by itself are types alone.
    result = check(chat="enum Poem { Ode }\nconsole.log(Poem.Ode);\n")
    assert "erasableSyntaxOnly" in result.stdout


def test_the_lock_file_names_no_registry():
    lock = (EXAMPLES / "package-lock.json").read_text()
    assert '"integrity"' in lock
    assert '"resolved"' not in lock
    assert "://" not in lock
