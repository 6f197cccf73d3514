"""The scripts, by the id that chooses them.

``steps`` is what scripts are made of; ``turn`` and ``run`` are the words that chat and workflow
scripts speak in. The other modules hold the scripts, each with its table at the end.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from cozeproxy.sandbox.scenarios import (
    answers,
    breakdowns,
    chatflows,
    endurance,
    refusals,
    studio,
    tools,
    variants,
    voices,
    workflows,
)
from cozeproxy.sandbox.scenarios.steps import Scenario

BOT_ID = "7400000000000000001"
WORKFLOW_ID = "7400000000000000002"
VOICE_ID = "7400000000000000005"

_NUMBER = re.compile(r"\d{1,10}")


class Catalogue:
    """Scenarios by name. A name that ends in ``<n>`` stands for any number in its place.

    Args:
        default_id: A second id for the first of them, one that looks like Coze's own.
        scenarios: The scenarios, in the order they are shown in.
    """

    def __init__(self, default_id: str, scenarios: Iterable[Scenario]) -> None:
        self._all = list(scenarios)
        self._by_name = {scenario.name: scenario for scenario in self._all}
        if len(self._by_name) != len(self._all):
            raise ValueError("two scenarios have one name")
        self._by_name[default_id] = self._all[0]
        self._default_id = default_id

    def __iter__(self) -> Iterator[Scenario]:
        return iter(self._all)

    def find(self, name: str) -> Scenario | None:
        """Return the scenario that an id chooses."""
        if name in self._by_name:
            return self._by_name[name]
        number = _NUMBER.search(name)
        return self._by_name.get(_NUMBER.sub("<n>", name)) if number else None

    def published(self) -> list[Scenario]:
        """Return those that lists show, the default under its numeric id."""
        listed = [scenario for scenario in self._all if scenario.listed]
        return [replace(self._all[0], name=self._default_id), *listed]


BOTS = Catalogue(
    BOT_ID,
    [
        *answers.SCENARIOS,
        *tools.SCENARIOS,
        *endurance.SCENARIOS,
        *variants.SCENARIOS,
        *refusals.SCENARIOS,
        *breakdowns.SCENARIOS,
        *studio.BOTS,
    ],
)
CHATFLOWS = Catalogue(WORKFLOW_ID, [*chatflows.SCENARIOS, *studio.CHATFLOWS])
WORKFLOWS = Catalogue(WORKFLOW_ID, [*workflows.SCENARIOS, *studio.WORKFLOWS])
VOICES = Catalogue(VOICE_ID, voices.SCENARIOS)
