"""Rows as they will be after a write, and whether they will be within a Scope."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from peewee import ColumnBase, Node, Select

from backend.models.database import database
from backend.services.definitions.catalog import Resource
from backend.services.definitions.policies import Scope
from backend.services.errors import Denied
from backend.services.storage.conditions import Condition
from backend.services.storage.listable import Listable
from backend.services.storage.relations import Relation
from backend.services.storage.statements import slot


def require_in_scope(resource: Resource, scope: Scope, values: dict[str, Any], record_id: str | None = None) -> None:
    """Raise Denied if a row with these values, by column, would not be in the Scope; future_links adds its links.

    An existing record keeps its other values. Call it before the write: otherwise a violated constraint could reveal
    that a similar record exists where the actor may not write.
    """
    if scope.everything or meets(resource, scope.condition, values, record_id):
        return
    if record_id is None:
        raise Denied(f"You may not create a record of {resource.name} with these values.")
    raise Denied("This change would turn the record into one you may not write.")


def meets(resource: Resource, condition: Condition, values: dict[str, Any], record_id: str | None = None) -> bool:
    """Return whether a row with these values, by column, would meet the condition.

    An existing record keeps its other values.
    """
    slots = {f"row.{name}": value for name, value in values.items()}
    slots |= {"id": record_id} | condition.values(resource, "scope")
    names = tuple(sorted(values))
    ((is_met,),) = resource.run(_select_is_met, condition.shape, names, record_id is None, values=slots)
    return bool(is_met)


class FutureRow:
    """The row of a resource, for conditions, after it has received the values in the slots `row.…`."""

    is_one = True

    def __init__(self, resource: Resource, names: tuple[str, ...]) -> None:
        self.resource, self.names, self.fields = resource, names, resource.fields

    def column(self, name: str) -> ColumnBase:
        """Return the expression of a field's value as it would be; links of a list of references."""
        definition = self.resource.definition
        if name in self.names and name in definition.links:
            links: Any = _FutureLinks(slot(f"row.{name}"))
            future: ColumnBase = links
            return future
        if name in definition.computed_fields:
            return definition.computation(name, self.column, database.obj).stored
        column = self.resource.column(name)
        if name in self.names:
            return database.typed(slot(f"row.{name}"), column)
        return column + 1 if name == "version" else column

    def related(self, relation: Relation) -> Listable:
        """Return the resource to which a relation leads."""
        return self.resource.related(relation)


class _FutureLinks:
    """The ids that a list of references will have, in a slot as a JSON array."""

    def __init__(self, ids: Node) -> None:
        self.ids = ids

    def some(self, meets: Callable[[ColumnBase], ColumnBase], *, is_one: bool) -> ColumnBase:
        """Return the condition that the record with one of the ids meets `meets`."""
        return database.some_of_ids(self.ids, meets(database.each_wanted))


def future_links(resource: Resource, lists: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return lists of ids as require_in_scope takes them."""
    return {name: json.dumps(lists[name]) for name in resource.definition.links if name in lists}


def _select_is_met(resource: Resource, condition: Condition, names: tuple[str, ...], is_new: bool) -> Select:
    query = resource.model.select(condition.sql(FutureRow(resource, names), "scope"))
    return query.from_() if is_new else query.where(resource.column("id") == slot("id"))
