"""Saying what was found: lines for people, JSON for programs.

What Coze answers is part of it, and might repeat what it was sent. So whatever looks like a
credential is masked here, at the one way out.
"""

import json
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from cozeproxy.settings import masked
from cozeproxy.testclient.steps import Result, is_well

WIDTH = 100
INDENT = " " * 21


def as_text(result: Result) -> str:
    """A result as lines: outcome, name and what was seen, and below it what to do."""
    finding = result.finding
    taken = f" ({result.seconds:.1f} s)" if result.seconds >= 0.1 else ""
    head = f"{finding.outcome:8} {result.name:11} "
    lines = _wrapped(masked(finding.detail) + taken)
    lines += _wrapped(f"-> {masked(finding.cure)}") if finding.cure else []
    return (head + "\n".join(lines).lstrip()).rstrip()


def as_json(results: Sequence[Result]) -> str:
    """All results as one JSON object."""
    checks: list[dict[str, Any]] = [
        {
            "name": result.name,
            "outcome": result.finding.outcome,
            "detail": masked(result.finding.detail),
            "cure": masked(result.finding.cure),
            "seconds": round(result.seconds, 3),
        }
        for result in results
    ]
    return json.dumps({"ok": is_well(results), "checks": checks}, indent=2, ensure_ascii=False)


def _wrapped(text: str) -> list[str]:
    # A path or an address that is cut in two could not be copied.
    return wrap(
        text,
        WIDTH,
        initial_indent=INDENT,
        subsequent_indent=INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
