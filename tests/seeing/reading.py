"""Reading what the service shows, with parsers of others."""

import shlex

from prometheus_client.parser import text_string_to_metric_families


class Numbers:
    """Metrics, as prometheus-client's own parser reads them.

    Attributes:
        families: of metrics, by their names.
    """

    def __init__(self, text, parse=text_string_to_metric_families):
        self.families = {family.name: family for family in parse(text)}

    def samples(self, name, **labels):
        """Those of one name that have these labels, with others or without."""
        return [
            sample
            for family in self.families.values()
            for sample in family.samples
            if sample.name == f"cozeproxy_{name}" and labels.items() <= sample.labels.items()
        ]

    def __call__(self, name, **labels):
        """The sum of those samples; none make no sum."""
        found = [sample.value for sample in self.samples(name, **labels)]
        return sum(found) if found else None

    def labels(self, name, label):
        """The values that a label has."""
        return {sample.labels[label] for sample in self.samples(name)}


def named(line):
    """The parts of a request's line that have names; six without stand before them.

    Values in quotes are JSON, which is read here as shells do: a stranger to both.
    """
    return dict(part.split("=", 1) for part in shlex.split(line)[6:])
