"""docs/logging.md, held against the code: what may be logged, and what the metrics are."""

import ast
import re
from types import SimpleNamespace
from typing import get_args

import pytest

from cozeproxy.errors import COZE_ANSWERS, CozeError, UpstreamError
from cozeproxy.observability import Metrics, RequestRecord, TokenTally
from cozeproxy.observability.record import HOUSEKEEPING, Ended
from cozeproxy.settings import Settings
from cozeproxy.upstream.grant import TokenError
from tests.seeing.reading import named
from tests.support.processes import ROOT

DOCUMENT = (ROOT / "docs" / "logging.md").read_text(encoding="utf-8")
LEVELS = {name: name.upper() for name in ("debug", "info", "warning", "error")}
LEVELS |= {"exception": "ERROR", "critical": "CRITICAL", "log": "any"}


def tables(title):
    """The tables of a section: the cells of each, without the head."""
    (section,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    found = re.findall(r"^\|---.*\n((?:\|.*\n)+)", section, re.MULTILINE)
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
        for table in found
    ]


def code(text):
    """What is set as code."""
    return re.findall(r"`([^`]+)`", text)


def loggers(tree, module):
    """The names of a module's loggers, and what each is called there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and "getLogger" in ast.unparse(node.value):
            (argument,) = node.value.args
            name = argument.value if isinstance(argument, ast.Constant) else module
            yield node.targets[0].id, name


def logged():
    """All that the package may log: level, logger, and the text with its gaps."""
    for path in sorted((ROOT / "cozeproxy").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = dict(loggers(tree, ".".join(path.relative_to(ROOT).with_suffix("").parts)))
        for node in ast.walk(tree):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=logger), attr=level), args=[first, *_]
                ) if logger in names and level in LEVELS:
                    # Anything but a literal is as it stands, so that it is in no table.
                    text = first.value if isinstance(first, ast.Constant) else ast.unparse(first)
                    yield LEVELS[level], names[logger], re.sub(r"%[\w.]+", "…", text)


def test_all_that_may_be_logged_is_listed_with_its_level():
    (rows,) = tables("What appears at which level")
    listed = [
        (level, *code(logger), re.sub(r"<[^>]+>", "…", *code(line)))
        for level, logger, line, _ in rows
        if code(line)
    ]
    assert sorted(listed) == sorted(logged())


def test_housekeeping_is_what_is_said_to_be_at_debug(app):
    (rows,) = tables("What appears at which level")
    (when,) = [row[3] for row in rows if row[:2] == ["DEBUG", "`cozeproxy.access`"]]
    routes = {rule.target_kwargs["route"] for rule in app.default_router.rules[0].target.rules[:-1]}
    assert set(code(when)) == HOUSEKEEPING & routes


@pytest.fixture
def full():
    """A record that has every part."""
    record = RequestRecord(Metrics(), "/v1/chat/completions", "req_1")
    record.key, record.model, record.kind = "ann", "gpt-4", "chatflow"
    record.bot, record.workflow = "1", "2"
    record.call_begins(SimpleNamespace(ended=False, info={}, tokens=(1, 2)))
    record.stream_begins()
    record.piece_goes_out()
    record.failed(CozeError(4028, "no", "2024"), midway=True)
    record.answered(200, "POST", "/v1/chat/completions")
    return record


def test_parts_of_a_line_are_listed_in_their_order(full):
    parts, endings = tables("The line of a request")
    assert [name for row in parts for name in code(row[0])] == list(full.fields())
    assert tuple(name for row in endings for name in code(row[0])) == get_args(Ended)


def test_line_that_is_shown_has_those_parts_in_that_order(full):
    (line,) = re.findall(r"^```\n(.*)\n```$", DOCUMENT, re.MULTILINE)
    shown = named(line)
    assert [name for name in named(str(full)) if name in shown] == list(shown)
    assert line.split()[5] in get_args(Ended)


@pytest.fixture
def metrics():
    """Metrics that have something of each kind."""
    metrics = Metrics(["gpt-4"])
    metrics.watch_tokens(lambda: TokenTally(1, 2, 3.0))
    metrics.answered(("/health", "chat", "200", "complete", ""), "gpt-4", 1.0, 0.5)
    metrics.tokens("chat", "gpt-4", "ann", (1, 2))
    metrics.retry(CozeError(4100, "no"))
    metrics.cancel(done=True)
    return metrics.page("")[0].decode()


def test_metrics_are_listed_with_their_labels_and_meaning(metrics):
    listed = {
        code(name)[0]: (set(code(labels)), what) for name, labels, what in tables("Metrics")[0]
    }
    meanings = dict(re.findall(r"^# HELP (cozeproxy_\w+) (.*)$", metrics, re.MULTILINE))
    assert {name: what for name, (_, what) in listed.items()} == meanings
    for name, (labels, _) in listed.items():
        samples = re.findall(rf"^{name}(?:_count)?(?:{{(.*)}})? ", metrics, re.MULTILINE)
        assert samples, name
        assert set(re.findall(r'(\w+)="', samples[0])) == labels, name


def test_labels_are_explained_with_the_words_for_what_failed():
    listed, labels = tables("Metrics")
    explained = {name for row in labels for name in code(row[0])}
    assert explained == {name for row in listed for name in code(row[1])}
    (words,) = [set(code(row[1])) for row in labels if row[0] == "`code`"]
    faults = {error.fault for error in (*UpstreamError.__subclasses__(), TokenError)}
    assert words == faults
    assert not words & set(map(str, COZE_ANSWERS))


def test_settings_that_it_names_exist():
    settings = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`", DOCUMENT))
    assert settings <= set(Settings.variables)
    seeing = {"ENABLE_LOGGING", "LOG_FORMAT", "LOG_LEVEL", "METRICS_KEY", "METRICS_PUBLIC"}
    assert seeing <= settings
