"""Resources as conditions may use them, and the ways of references that lead from one to another."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from backend.services.field_types.base import FieldType
from backend.services.storage.conditions import Compare, Condition, Not, Through, all_of
from backend.services.storage.relations import Relation

MAX_HOPS = 2  # references in one path

Fields = Mapping[str, FieldType]  # map of name to field


class Place(Protocol):
    """A resource as a `where` may use it; rows that its `scope` leaves out do not exist for a path that leads there."""

    @property
    def fields(self) -> Fields:
        """Map of name to field."""

    @property
    def relations(self) -> Mapping[str, Relation]:
        """Map of name to Relation."""

    @property
    def scope(self) -> Condition:
        """The condition that related records of this resource must meet."""

    def follow(self, relation: Relation) -> "Place | None":
        """Return where a relation leads; None if that must not be used."""

    def row_scope(self, relation: Relation) -> Condition:
        """Return the condition that a row must meet for a relation to lead anywhere."""


Step = tuple[Relation, Place]  # a reference, and the resource that it leads to


def lead(hops: Sequence[str], place: Place) -> list[Step] | None:
    """Return the Steps of references from a place; None if one of them does not exist there."""
    way: list[Step] = []
    for hop in hops:
        relation = place.relations.get(hop)
        target = place.follow(relation) if relation and not relation.is_many else None
        if relation is None or target is None:
            return None
        way.append((relation, target))
        place = target
    return way


def compared(name: str, operator: str, operand: Any, way: list[Step]) -> Condition:
    """Return the comparison at the end of a way. Without a related record the field is null there."""
    if way and operator == "ne":
        return Not(through(way, Not(Compare(name, "ne", operand))))
    if way and operator == "isnull" and operand:
        return Not(through(way, Compare(name, "isnull", False)))
    return through(way, Compare(name, operator, operand))


def through(way: list[Step], condition: Condition) -> Condition:
    """Return that the record at the end of a way of references meets the condition."""
    for relation, target in reversed(way):
        condition = Through(relation, all_of([target.scope, condition]))
    return condition


def fields_of_paths(paths: Iterable[str], place: Place) -> dict[str, FieldType]:
    """Return the map of path to field, for the paths such as `country.code` that exist from a place.

    The fields may be null, because a record may have no related one.
    """
    found: dict[str, FieldType] = {}
    for path in paths:
        *hops, last = path.split(".")
        way = lead(hops, place) if len(hops) <= MAX_HOPS else None
        field = way[-1][1].fields.get(last) if way else None
        if field is not None and field.has_column:
            found[path] = replace(field, required=False)
    return found
