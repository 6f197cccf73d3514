"""The import table of docs/architecture.md, held against the code."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "cozeproxy"
IMPURE = {"asyncio", "os", "socket", "time", "datetime", "logging", "random", "secrets", "uuid"}


def table():
    """The rows of the table: part, ours, others."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = [
        [set(re.findall(r"`(\w+)`", cell)) for cell in row.strip("|").split("|")]
        for row in re.findall(r"^\| `.*$", text, re.MULTILINE)
    ]
    return {part.pop(): (ours, others) for part, ours, others in names}


def modules():
    """Every module that belongs to a part, with its part."""
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE)
        part = relative.parts[0].removesuffix(".py")
        if part not in ("__init__", "__main__"):
            yield pytest.param(part, path, id=str(relative))


def imported(path):
    """The full names of the modules that a module imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(("part", "path"), modules())
def test_module_imports_only_what_its_part_may(part, path):
    ours, others = table()[part]
    for name in imported(path):
        top, _, rest = name.partition(".")
        if top == "cozeproxy":
            assert rest.split(".")[0] in ours | {part, "__version__"}, name
        elif top not in sys.stdlib_module_names:
            assert top in others, name
        if part == "protocol":
            assert top not in IMPURE, name
        if part == "handlers":
            assert top != "os", name


@pytest.mark.parametrize(("part", "path"), modules())
def test_only_the_settings_read_the_environment(part, path):
    words = re.findall(r"\bos\.(?:environ|getenv)\b", path.read_text(encoding="utf-8"))
    assert part == "settings" or not words


def test_every_part_has_its_row():
    parts = {param.values[0] for param in modules()}
    assert parts == table().keys()
