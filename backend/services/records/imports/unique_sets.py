"""The unique sets of a resource, and the values that a row of a file takes in each of them."""

from typing import Any

from backend.services.definitions.catalog import Resource
from backend.services.definitions.field_sets import FieldSet
from backend.services.definitions.own_where import read_own_where
from backend.services.records.future_rows import meets
from backend.services.records.imports.earlier_rows import ID
from backend.services.storage.conditions import EVERY, Condition

MAX_REMEMBERED = 10_000  # whether rows with the same values meet a rule

Taken = tuple[Any, ...]  # values in the fields of a set; with None in it, the row takes none
NO_VALUES: Taken = (None,)


class UniqueSets:
    """The unique sets of a resource that a row can be compared with, before the database does.

    A set with a computed field is left to the database, which computes it.
    """

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        computed, fields = resource.definition.computed_fields, resource.fields
        declared = [each for each in resource.definition.unique_sets() if not each.uses(computed)]
        self.rules: dict[FieldSet, Condition] = {  # by set without directions
            FieldSet(each.fields, each.rule): read_own_where(each.where, fields) if each.rule else EVERY
            for each in declared
        }
        self._met: dict[tuple[FieldSet, Taken], bool] = {}
        self._comparisons = {
            each: [(name, fields[name].compared_value) for name in each.fields] for each in (*self.rules, ID)
        }

    @property
    def fields(self) -> set[str]:
        """The fields on which the sets depend."""
        return {name for each in self.rules for name in (*each.fields, *each.rule_fields)}

    def taken(self, field_set: FieldSet, row: dict[str, Any]) -> Taken:
        """Return what the values of a row in the fields of a set are compared by.

        The result contains None if the row has no value of a field, or does not meet the rule of the set.
        """
        values = tuple([compared(row.get(name)) for name, compared in self._comparisons[field_set]])
        return values if not field_set.rule or None in values or self._meets(field_set, row) else NO_VALUES

    def _meets(self, field_set: FieldSet, row: dict[str, Any]) -> bool:
        values = {name: row.get(name) for name in sorted(field_set.rule_fields)}
        key = field_set, tuple(values.values())
        if key not in self._met:
            if len(self._met) >= MAX_REMEMBERED:
                self._met.clear()
            self._met[key] = meets(self._resource, self.rules[field_set], values)
        return self._met[key]
