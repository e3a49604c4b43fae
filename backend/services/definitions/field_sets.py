"""Sets of fields that an index covers together, as `indexes` and `unique` of a definition declare them."""

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Self

from backend.services.definitions.own_where import rename_in_where, used_fields
from backend.services.definitions.steps import listed

DESCENDING = "-"  # before the name of a field, as in the parameter `sort`

Entry = list[str] | dict[str, Any]  # of `indexes` and `unique`: terms, or {"fields": terms, "where": …}


class FieldSet(NamedTuple):
    """The fields of an index in their order, each a term as in `sort`, and the rule of the records that it covers.

    For example, `{fields: [status, -due], where: {deleted: false}}` is
    `FieldSet(("status", "-due"), '{"deleted": false}')`. The rule is JSON with sorted keys, or "" for all records.
    """

    terms: tuple[str, ...]
    rule: str = ""

    @classmethod
    def read(cls, entry: Entry) -> Self:
        """Return the set of an entry."""
        if isinstance(entry, dict):
            return cls(tuple(entry["fields"]), _text_of(entry["where"]) if "where" in entry else "")
        return cls(tuple(entry))

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields whose values are in the index."""
        return tuple(term.removeprefix(DESCENDING) for term in self.terms)

    @property
    def where(self) -> Any:
        """The rule as a `where`; None for all records."""
        return json.loads(self.rule) if self.rule else None

    @property
    def rule_fields(self) -> set[str]:
        """The names of the fields in the rule."""
        return used_fields(self.where) if self.rule else set()

    @property
    def columns(self) -> list[tuple[str, bool]]:
        """The columns of the index: the name of each field, and whether its order is descending."""
        return list(zip(self.fields, (term.startswith(DESCENDING) for term in self.terms), strict=True))

    @property
    def subject(self) -> str:
        """The set as a text, such as `status, -due where {"deleted": false}`."""
        return ", ".join(self.terms) + self._condition_text

    @property
    def text(self) -> str:
        """The set as a part of a sentence, such as `status and -due where {"deleted": false}`."""
        return listed(self.terms) + self._condition_text

    @property
    def _condition_text(self) -> str:
        return f" where {self.rule}" if self.rule else ""

    def uses(self, names: Collection[str]) -> bool:
        """Return whether the set depends on one of these fields."""
        return not self.rule_fields.union(self.fields).isdisjoint(names)

    def renamed(self, new_names: Mapping[str, str]) -> Self | None:
        """Return the set with other names of its fields; None if `new_names` lacks one of them."""
        if not new_names.keys() >= self.rule_fields.union(self.fields):
            return None
        terms = tuple(DESCENDING * descending + new_names[name] for name, descending in self.columns)
        return self._replace(terms=terms, rule=_text_of(rename_in_where(self.where, new_names)) if self.rule else "")

    def with_first(self, name: str) -> Self:
        """Return the set with one more field before the others."""
        return self._replace(terms=(name, *self.terms))

    def with_id(self) -> Self:
        """Return the set with `id` at its end, in the direction of the last term, so that its order is total."""
        if "id" in self.fields:
            return self
        return self._replace(terms=(*self.terms, DESCENDING * self.columns[-1][1] + "id"))


def _text_of(where: Any) -> str:
    return json.dumps(where, sort_keys=True, ensure_ascii=False)
