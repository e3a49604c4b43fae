"""Sets of fields that an index covers together, as `indexes` and `unique` of a definition declare them."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Self

DESCENDING = "-"  # before the name of a field, as in the parameter `sort`


class FieldSet(NamedTuple):
    """The fields of an index in their order, each a term as in `sort`.

    For example, `[status, -due]` is `FieldSet(("status", "-due"))`.
    """

    terms: tuple[str, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(term.removeprefix(DESCENDING) for term in self.terms)

    @property
    def columns(self) -> list[tuple[str, bool]]:
        """The columns of the index: the name of each field, and whether its order is descending."""
        return list(zip(self.fields, (term.startswith(DESCENDING) for term in self.terms), strict=True))

    def uses(self, names: Collection[str]) -> bool:
        """Return whether the set depends on one of these fields."""
        return not set(names).isdisjoint(self.fields)

    def renamed(self, new_names: Mapping[str, str]) -> Self | None:
        """Return the set with other names of its fields; None if `new_names` lacks one of them."""
        if not new_names.keys() >= {*self.fields}:
            return None
        return type(self)(tuple(DESCENDING * descending + new_names[name] for name, descending in self.columns))

    def with_first(self, name: str) -> Self:
        """Return the set with one more field before the others."""
        return type(self)((name, *self.terms))

    def with_id(self) -> Self:
        """Return the set with `id` at its end, in the direction of the last term, so that its order is total."""
        if "id" in self.fields:
            return self
        return type(self)((*self.terms, DESCENDING * self.columns[-1][1] + "id"))
