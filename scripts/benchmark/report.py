"""The table: medians over the rounds, each against its target."""

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import NamedTuple

from benchmark.figures import QUIET_SERVICE, SERVICE, Results
from benchmark.measures import Measured

# Both ends together use that much of their core: they are what sets the pace.
ENDS_FULL = 0.95
# Programs that are no part of this, and take that much of a core, are in the way.
OTHERS_FEW = 0.1
JUDGED_DRIP = "drip-100"
LATENCIES = {
    "delay_p50_ms": "added delay a token, median, ms",
    "delay_p99_ms": "added delay a token, p99, ms",
    "first_p50_ms": "added time to first token, median, ms",
    "first_p99_ms": "added time to first token, p99, ms",
}
SCALED = {
    "cpu_us": "CPU a token, with nginx's, us",
    "delay_p50_ms": "delay a token, median, ms",
    "delay_p99_ms": "delay a token, p99, ms",
}
LONE = {
    "memory": {
        "idle_mb": "memory idle, MB",
        "stream_kb": "memory an open stream, kB",
        "stalled_mb": "memory a stalled reader, MB",
        "after_mb": "memory after the load, MB",
        "growth_percent": "more after the same load again, %",
    },
    "start": {"seconds": "start to first answer, s"},
}


class Target(NamedTuple):
    """The most that a figure may be, and what it is to come to."""

    most: float
    aim: float | None = None

    def __str__(self) -> str:
        """Return it as the table has it."""
        return f"≤ {self.most:g}" + ("" if self.aim is None else f", aim {self.aim:g}")

    def verdict(self, value: float) -> str:
        """Say whether a figure is what it is to be."""
        if value > self.most:
            return "**missed**"
        return "met" if self.aim is None or value > self.aim else "met, also the aim"


# By figure and quantity, or "ratio" for that to nginx.
TARGETS = {
    ("burst", "ratio"): Target(12, 9),
    (JUDGED_DRIP, "ratio"): Target(2.6, 1.8),
    (JUDGED_DRIP, "delay_p99_ms"): Target(5),
    (JUDGED_DRIP, "together_percent"): Target(0),
    ("drip-1", "first_p50_ms"): Target(1.5),
    ("drip-1", "first_p99_ms"): Target(5),
    ("memory", "stream_kb"): Target(90, 60),
    ("memory", "stalled_mb"): Target(1),
    ("memory", "growth_percent"): Target(5),
    ("start", "seconds"): Target(0.6),
    ("logging-burst", "cost"): Target(5),
    ("logging-drip", "cost"): Target(5),
}


class Row(NamedTuple):
    """A line of the table: the figure, by subject as it is printed, and how it stands."""

    label: str
    cells: dict[str, str]
    target: str = ""
    verdict: str = ""


Rounds = Sequence[dict[str, Measured]]
# Gives a subject's figure in one round, if it has one.
Of = Callable[[str, dict[str, Measured]], float | None]


def rows(results: Results) -> Iterator[Row]:
    """Return the lines for what was measured."""
    for figure, rounds in results.items():
        if figure == "burst":
            yield _pace(rounds, "streams a second")
            yield from _cpu(figure, rounds, "CPU a stream")
        elif figure.startswith("drip-"):
            yield from _drip(figure, rounds)
        elif figure == "whole":
            yield _pace(rounds, "answers a second, not streamed")
            yield _line(
                figure, rounds, "cpu_us", "CPU an answer, not streamed, us", _plain("cpu_us")
            )
        elif figure == "scaling-burst":
            yield _pace(rounds, "copies behind nginx: streams a second")
            yield _line(figure, rounds, "gain", "copies behind nginx: times one copy's", _gain)
            label = "copies behind nginx: CPU a stream, with nginx's, us"
            yield _line(figure, rounds, "cpu_us", label, _plain("cpu_us"))
        elif figure == "scaling-drip":
            for quantity, label in SCALED.items():
                yield _line(
                    figure, rounds, quantity, f"copies behind nginx: {label}", _plain(quantity)
                )
        elif figure.startswith("logging-"):
            what = "stream" if figure == "logging-burst" else "token"
            yield _line(
                figure, rounds, "cost", f"cost of logging and metrics, CPU a {what}, %", _cost
            )
        else:
            for quantity, label in LONE.get(figure, {}).items():
                yield _line(figure, rounds, quantity, label, _plain(quantity))


def others(results: Results) -> str:
    """Say how much of the machine other programs took meanwhile."""
    shares = [
        measured["others_core"]
        for rounds in results.values()
        for each in rounds
        for measured in each.values()
        if "others_core" in measured
    ]
    if not shares:
        return "not measured"
    said = f"{max(0, median(shares)):.2f} cores, at most {max(0, *shares):.2f}"
    return said if median(shares) < OTHERS_FEW else f"{said}: **too much for these figures**"


def _cpu(figure: str, rounds: Rounds, label: str) -> Iterator[Row]:
    yield _line(figure, rounds, "cpu_us", f"{label}, us", _plain("cpu_us"))
    if "nginx" in rounds[0]:
        yield _line(figure, rounds, "ratio", f"{label}, times nginx's", _times_nginx)


def _drip(figure: str, rounds: Rounds) -> Iterator[Row]:
    streams = figure.removeprefix("drip-") + (" stream" if figure == "drip-1" else " streams")
    yield from _cpu(figure, rounds, f"{streams}: CPU a token")
    for quantity, label in LATENCIES.items():
        yield _line(figure, rounds, quantity, f"{streams}: {label}", _added(quantity))
    label = f"{streams}: tokens that came with another, %"
    yield _line(figure, rounds, "together_percent", label, _plain("together_percent"))


def _pace(rounds: Rounds, label: str) -> Row:
    """Return how many answers a second there were, "≥" where both ends could do no more."""
    row = _line("", rounds, "", label, _plain("streams_s"))
    for subject in row.cells:
        if median(each[subject]["ends_core"] for each in rounds) > ENDS_FULL:
            row.cells[subject] = f"≥ {row.cells[subject]}"
    return row


def _line(figure: str, rounds: Rounds, quantity: str, label: str, of: Of) -> Row:
    cells = {}
    target = TARGETS.get((figure, quantity))
    verdict = ""
    for subject in rounds[0]:
        values = [value for each in rounds if (value := of(subject, each)) is not None]
        if not values:
            continue
        value = median(values)
        added = figure.startswith("drip-") and quantity in LATENCIES and subject != "direct"
        cells[subject] = number(value, "+" if added else "-")
        if target and subject == SERVICE:
            verdict = target.verdict(value)
    return Row(label, cells, str(target or ""), verdict)


def _plain(quantity: str) -> Of:
    def of(subject: str, measured: dict[str, Measured]) -> float | None:
        if subject == "direct" and quantity == "cpu_us":
            return None
        return measured[subject][quantity]

    return of


def _added(quantity: str) -> Of:
    """Return what is more than without anything between; for that itself, what it is."""

    def of(subject: str, measured: dict[str, Measured]) -> float:
        base = 0.0 if subject == "direct" else measured["direct"][quantity]
        return measured[subject][quantity] - base

    return of


def _times_nginx(subject: str, measured: dict[str, Measured]) -> float | None:
    if subject == "direct":
        return None
    return measured[subject]["cpu_us"] / measured["nginx"]["cpu_us"]


def _cost(subject: str, measured: dict[str, Measured]) -> float | None:
    if subject == QUIET_SERVICE:
        return None
    return (measured[subject]["cpu_us"] / measured[QUIET_SERVICE]["cpu_us"] - 1) * 100


def _gain(subject: str, measured: dict[str, Measured]) -> float:
    one = next(iter(measured.values()))
    return measured[subject]["streams_s"] / one["streams_s"]


def number(value: float, sign: str) -> str:
    """Return a figure with as many digits as mean something."""
    size = abs(value)
    digits = 0 if size >= 100 or value == 0 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:{sign}z,.{digits}f}"


def table(lines: Sequence[Row]) -> str:
    """Return the lines as a table in Markdown, whose columns stand in line as they are."""
    subjects = list(dict.fromkeys(name for row in lines for name in row.cells))
    grid = [["figure", *subjects, "target", ""]]
    for row in lines:
        cells = [row.cells.get(name, "") for name in subjects]
        grid.append([row.label, *cells, row.target, row.verdict])
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    rule = ["-" * (width - 1) + ":" for width in widths]
    for place in (0, -2, -1):
        rule[place] = "-" * max(3, widths[place])
    grid.insert(1, rule)
    return "\n".join(_joined(cells, widths) for cells in grid)


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    last = len(cells) - 2
    padded = [
        cell.rjust(width) if 0 < place < last else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"
