"""The figures: what is measured of whom, in turns."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from benchmark import measures
from benchmark.measures import Measured
from benchmark.subjects import Entrant, Stage

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
        pairs: how often a round looks for what is near to nothing: the cost of logging.
    """

    rounds: int
    seconds: float
    drips: Sequence[int]
    probes: int
    held: int
    stalled: int
    pairs: int


FULL = Scale(5, 2.0, (1, 32, 100, 400), 200, 400, 20, 4)
QUICK = Scale(3, 1.0, (1, 100), 100, 200, 10, 2)
SMOKE = Scale(1, 0.3, (2,), 3, 3, 2, 1)


class Figure(NamedTuple):
    """Something that is measured of each in every round, once or more often."""

    name: str
    measure: Callable[[Entrant], Measured]
    of: Sequence[Entrant]
    often: int = 1

    def measured(self, turn: int) -> dict[str, Measured]:
        """Measure it of each, by name; who comes first is another one each turn."""
        found = {}
        for each in turned(self.of, turn):
            try:
                found[each.name] = self.measure(each)
            except Exception as error:
                error.add_note(f"when {self.name} of {each.name} was measured")
                raise
        # In the order of the table, whoever was the first.
        return {each.name: found[each.name] for each in self.of}


@dataclass(frozen=True)
class Bench:
    """Has the entrants take turns at each figure.

    Attributes:
        stage: where they run.
        scale: how much there is of everything.
        forwarders: what passes Coze's bytes on as they are.
        services: cozeproxy, and others to compare it with.
        quiet: cozeproxy without what is measured as a cost of its own.
        copies: some numbers of copies of cozeproxy behind nginx; none where that is missing.
    """

    stage: Stage
    scale: Scale
    forwarders: list[Entrant]
    services: list[Entrant]
    quiet: Entrant
    copies: list[Entrant]

    def run(self, sections: Sequence[str], tell: Callable[[str], None]) -> Results:
        """Measure some sections, and say on the way what is being measured."""
        figures = [figure for name in sections for figure in self._figures(name)]
        results: Results = {figure.name: [] for figure in figures}
        for number in range(self.scale.rounds):
            for figure in figures:
                for again in range(figure.often):
                    turn = number * figure.often + again
                    tell(f"round {number + 1} of {self.scale.rounds}: {figure.name}")
                    results[figure.name].append(figure.measured(turn))
        return results

    def _figures(self, section: str) -> Iterator[Figure]:
        scale, stage = self.scale, self.stage
        everybody = [*self.forwarders, *self.services]
        burst = partial(measures.burst, stage, connections=BURST_CONNECTIONS, seconds=scale.seconds)
        drip = partial(measures.drip, stage, seconds=scale.seconds, probes=scale.probes)
        match section:
            case "burst":
                yield Figure("burst", burst, everybody)
            case "drip":
                for number in scale.drips:
                    yield Figure(f"drip-{number}", partial(drip, connections=number), everybody)
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
                yield Figure("memory", memory, self.services)
            case "start":
                yield Figure("start", measures.start, self.services)
            case "logging":
                both = [self.services[0], self.quiet]
                number = min(DRIP_CONNECTIONS, max(scale.drips))
                one_probe = partial(drip, connections=number, probes=1)
                yield Figure("logging-burst", burst, both, scale.pairs)
                yield Figure("logging-drip", one_probe, both, scale.pairs)
            case "scaling" if self.copies:
                number = min(DRIP_CONNECTIONS, max(scale.drips))
                yield Figure("scaling-burst", burst, self.copies)
                yield Figure("scaling-drip", partial(drip, connections=number), self.copies)


def turned(of: Sequence[Any], number: int) -> list[Any]:
    """Return them in the order of a round: each is the first in turn."""
    first = number % len(of)
    return [*of[first:], *of[:first]]
