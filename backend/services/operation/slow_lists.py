"""The lists that were slow, as the processes of this machine count them, and the indexes that would serve them."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import NamedTuple

from backend.services.definitions.definition import Definition
from backend.services.definitions.field_sets import FieldSet
from backend.services.definitions.plans import Plan
from backend.services.definitions.scans import SlowList
from backend.services.definitions.stored import load_definitions
from backend.services.operation.counts import SLOW_LIST
from backend.services.operation.metrics import metrics

MAX_SHOWN = 3  # lists in one message


class IndexAdvice(NamedTuple):
    """An index that would serve slow lists of a resource; `lists` are their query strings without values."""

    resource: str
    field_set: FieldSet
    lists: list[str]
    number: int

    @property
    def message(self) -> str:
        """What was slow."""
        shown = " and ".join([*self.lists[:MAX_SHOWN], *(["others"] if len(self.lists) > MAX_SHOWN else [])])
        number = f"{self.number} lists were" if self.number > 1 else "A list was"
        return f"{number} slow, because no index of {self.resource} serves {shown}."

    @property
    def advice(self) -> str:
        """What to do."""
        return f"Add `indexes: [[{', '.join(self.field_set.terms)}]]` to the definition of {self.resource}."


def index_advice(definitions: Iterable[Definition]) -> list[IndexAdvice]:
    """Return the advice for these definitions, for the largest number of slow lists first."""
    by_name = {definition.name: definition for definition in definitions}
    found: dict[tuple[str, FieldSet], list[tuple[str, int]]] = {}
    for slow, number in _slow_lists().items():
        definition = by_name.get(slow.resource)
        index = slow.missing_index(definition) if definition else None
        if index:
            found.setdefault((slow.resource, index), []).append((slow.text, number))
    advice = [
        IndexAdvice(resource, index, sorted(text for text, _ in lists), sum(number for _, number in lists))
        for (resource, index), lists in found.items()
    ]
    return sorted(advice, key=lambda each: (-each.number, each.resource, each.field_set))


def with_advice(plan: Plan, names: Collection[str]) -> Plan:
    """Return the plan with advice on the indexes of these resources, as they will be after it."""
    after = plan.outcome(load_definitions())
    advice = index_advice(after[name] for name in names if name in after)
    return replace(plan, advice=[f"{each.message} {each.advice}" for each in advice])


def _slow_lists() -> Counter[SlowList]:
    process = metrics.process
    counts = process.sums()
    for other in process.others():
        counts.add(other.counts)
    return Counter(
        {SlowList.read(rest): number for (name, *rest), number in counts.events.items() if name == SLOW_LIST}
    )
