"""Things to try, one after the other, and what becomes of each."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a step ends. What only looks wrong is a warning: it does not decide."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """What a step has found.

    Attributes:
        outcome: how it has ended.
        detail: what was seen.
        cure: what to do about it.
    """

    outcome: Outcome
    detail: str
    cure: str = ""


@dataclass(frozen=True)
class Step:
    """Something to try.

    Attributes:
        name: one word, which programs may rely on.
        run: tries it.
        needs: names of earlier steps without which there is nothing to try.
    """

    name: str
    run: Callable[[], Awaitable[Finding]]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """What has become of a step.

    Attributes:
        name: that of the step.
        finding: what it has found.
        seconds: how long it took.
    """

    name: str
    finding: Finding
    seconds: float


def ok(detail: str) -> Finding:
    """It is as it should be."""
    return Finding(Outcome.OK, detail)


def warning(detail: str, cure: str) -> Finding:
    """It may be wrong; what comes later tells."""
    return Finding(Outcome.WARNING, detail, cure)


def failed(detail: str, cure: str) -> Finding:
    """It is wrong."""
    return Finding(Outcome.FAILED, detail, cure)


def skipped(detail: str) -> Finding:
    """It was not tried, or cannot be told."""
    return Finding(Outcome.SKIPPED, detail)


async def run_steps(steps: Sequence[Step], tell: Callable[[Result], None]) -> list[Result]:
    """Try all steps in their order; those that need one that has failed are skipped.

    Args:
        steps: what to try.
        tell: is given each result as soon as it is there.
    """
    results: list[Result] = []
    missing: set[str] = set()
    for step in steps:
        began = time.monotonic()
        lacking = [name for name in step.needs if name in missing]
        finding = skipped(f"needs {' and '.join(lacking)}") if lacking else await step.run()
        if lacking or finding.outcome is Outcome.FAILED:
            missing.add(step.name)
        results.append(Result(step.name, finding, time.monotonic() - began))
        tell(results[-1])
    return results


def is_well(results: Sequence[Result]) -> bool:
    """Whether nothing has failed."""
    return all(result.finding.outcome is not Outcome.FAILED for result in results)
