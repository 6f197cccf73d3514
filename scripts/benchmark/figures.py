"""The figures: what is measured of whom, in turns."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from benchmark import measures
from benchmark.measures import Measured
from benchmark.subjects import Stage, Subject, Variant

# By figure, for each round: what was measured, by the name of whom it was measured of.
Results = dict[str, list[dict[str, Measured]]]

SERVICE = "cozeproxy"
QUIET_SERVICE = "cozeproxy without records"
BURST_CONNECTIONS = 32
DRIP_CONNECTIONS = 100
SECTIONS = ("burst", "drip", "whole", "memory", "start", "logging", "scaling")
# How many copies of the service are compared.
COPIES = (1, 2)


class Scale(NamedTuple):
    """How much of everything there is.

    Attributes:
        rounds: how often all is measured.
        seconds: for how long each time.
        drips: connections of the dripped streams.
        probes: how many times to first token are taken each time.
        held: streams that are held open to see their memory.
        stalled: callers that stop reading.
    """

    rounds: int
    seconds: float
    drips: Sequence[int]
    probes: int
    held: int
    stalled: int


FULL = Scale(5, 2.0, (1, 32, 100, 400), 200, 400, 20)
QUICK = Scale(3, 1.0, (1, 100), 100, 200, 10)
SMOKE = Scale(1, 0.3, (2,), 3, 3, 2)


class Figure(NamedTuple):
    """Something that is measured once of each in every round."""

    name: str
    measure: Callable[[Any], Measured]
    of: Sequence[Subject | Variant]


@dataclass(frozen=True)
class Bench:
    """Has the subjects take turns at each figure.

    Attributes:
        stage: where the subjects run.
        scale: how much there is of everything.
        forwarders: what passes Coze's bytes on as they are.
        services: cozeproxy, and others to compare it with.
        variants: what these were started from.
        quiet: cozeproxy without what is measured as a cost of its own.
        copies: some numbers of copies of cozeproxy behind nginx; none where that is missing.
    """

    stage: Stage
    scale: Scale
    forwarders: list[Subject]
    services: list[Subject]
    variants: list[Variant]
    quiet: Subject
    copies: list[Subject]

    def run(self, sections: Sequence[str], tell: Callable[[str], None]) -> Results:
        """Measure some sections, and say on the way what is being measured."""
        figures = [figure for name in sections for figure in self._figures(name)]
        results: Results = {figure.name: [] for figure in figures}
        for number in range(self.scale.rounds):
            for figure in figures:
                measured = {}
                for each in turned(figure.of, number):
                    round_ = f"round {number + 1} of {self.scale.rounds}"
                    tell(f"{round_}: {figure.name}, {each.name}")
                    measured[each.name] = figure.measure(each)
                # In the order of the table, whoever was the first.
                results[figure.name].append({each.name: measured[each.name] for each in figure.of})
        return results

    def _figures(self, section: str) -> Iterator[Figure]:
        scale, stage = self.scale, self.stage
        subjects = [*self.forwarders, *self.services]
        burst = partial(measures.burst, stage, connections=BURST_CONNECTIONS, seconds=scale.seconds)
        drip = partial(measures.drip, stage, seconds=scale.seconds, probes=scale.probes)
        match section:
            case "burst":
                yield Figure("burst", burst, subjects)
            case "drip":
                for number in scale.drips:
                    yield Figure(f"drip-{number}", partial(drip, connections=number), subjects)
            case "whole":
                yield Figure("whole", partial(burst, stream=False), self.services)
            case "memory":
                memory = partial(
                    measures.memory,
                    stage,
                    held=scale.held,
                    stalled=scale.stalled,
                    seconds=scale.seconds,
                )
                yield Figure("memory", memory, self.variants)
            case "start":
                yield Figure("start", partial(measures.start, stage), self.variants)
            case "logging":
                both = [self.services[0], self.quiet]
                number = min(DRIP_CONNECTIONS, max(scale.drips))
                yield Figure("logging-burst", burst, both)
                yield Figure("logging-drip", partial(drip, connections=number, probes=1), both)
            case "scaling" if self.copies:
                number = min(DRIP_CONNECTIONS, max(scale.drips))
                yield Figure("scaling-burst", burst, self.copies)
                yield Figure("scaling-drip", partial(drip, connections=number), self.copies)


def turned(of: Sequence[Any], number: int) -> list[Any]:
    """Return them in the order of a round: each is the first in turn."""
    first = number % len(of)
    return [*of[first:], *of[:first]]
