"""Fields of related records as fields of a row, to sort and group by: `country.name` of a city.

The related records are joined, at most one to each row. Where there is none, or none that may be seen, the field is
null.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from peewee import JOIN, ColumnBase, Expression, Model, Select

from backend.services.storage.conditions import Condition
from backend.services.storage.listable import Field, Listable
from backend.services.storage.relations import Relation

MAX_JOINED = 32  # combinations of paths that a Listable keeps with their statements

Way = tuple[tuple[Relation, Condition], ...]  # references, each with what the related record must meet
Table = TypeVar("Table", bound=Listable)


@dataclass(frozen=True, slots=True)
class Path:
    """A way of references, and the field at its end."""

    name: str
    way: Way
    target_field: str

    @property
    def shape(self) -> "Path":
        """The path without the values of its conditions."""
        return Path(self.name, tuple([(relation, part.shape) for relation, part in self.way]), self.target_field)

    def values(self, listable: Listable, key: str) -> dict[str, Any]:
        """Return the values of the slots of its conditions, whose names begin with `key`."""
        values: dict[str, Any] = {}
        for i, (relation, part) in enumerate(self.way):
            listable = listable.related(relation)
            values |= part.values(listable, f"{key}_{i}")
        return values


class _Joined:
    """A model whose SELECTs join the related tables, each with the condition of its row."""

    def __init__(self, model: type[Model], joins: Sequence[tuple[Any, ColumnBase]]) -> None:
        self._model, self._joins = model, joins

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def select(self, *columns: Any) -> Select:
        """Return the query of these columns; `from_` replaces the joined tables."""
        query = self._model.select(*columns)
        for table, condition in self._joins:
            query = query.join(table, JOIN.LEFT_OUTER, on=condition)
        return query


def with_paths(listable: Table, paths: Sequence[Path]) -> Table:
    """Return a copy of the Listable that has a field for each path; the slots of path 0 begin with `path0`."""
    shapes = tuple([path.shape for path in paths])
    found: Table | None = listable.joined.get(shapes)
    if found is None:
        if len(listable.joined) >= MAX_JOINED:
            listable.joined.clear()
        found = listable.joined[shapes] = _join(listable, shapes)
    return found


def _join(listable: Table, shapes: Sequence[Path]) -> Table:
    joins: list[tuple[Any, ColumnBase]] = []
    columns: dict[str, Any] = {}
    fields: dict[str, Field] = {}
    for number, path in enumerate(shapes):
        row: Listable = listable
        for i, (relation, part) in enumerate(path.way):
            target = row.related(relation).aliased(is_one=False)
            matches = Expression(target.column(relation.matching_field), "=", row.column(relation.link_field))
            joins.append((target.model, matches & part.sql(target, f"path{number}_{i}")))
            row = target
        columns[path.name] = row.column(path.target_field)
        fields[path.name] = dataclasses.replace(row.fields[path.target_field], required=False, unique=False)  # type: ignore[type-var] # every type of a field is a dataclass
    return listable.extended(_Joined(listable.model, joins), fields, columns)
