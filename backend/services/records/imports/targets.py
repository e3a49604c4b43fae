"""The records that rows refer to, found for many rows at once."""

from collections.abc import Callable
from typing import Any

from backend.services.access.actors import Actor
from backend.services.definitions.catalog import Resource
from backend.services.records.imports.columns import Column
from backend.services.records.imports.lookups import find_visible_many
from backend.services.records.imports.values import Draft
from backend.utils.texts import printable


class Targets:
    """Finds the stored records that rows refer to, and remembers them for the rows that follow."""

    def __init__(self, actor: Actor, resource: Resource, note: Callable[[int, str], None]) -> None:
        self._actor, self._resource, self._note = actor, resource, note
        self._ids: dict[Column, dict[Any, str | None]] = {}  # by key; None where there is no such record

    def resolve(self, drafts: list[Draft]) -> list[Draft]:
        """Return the drafts with the ids of the records that they refer to; a row without its record is noted.

        Keys stay where a row refers to a record of the same resource that is not stored yet: another row of the file
        may create it.
        """
        for column, keys in self._unknown_keys(drafts).items():
            self._ids.setdefault(column, {}).update(self._find(column, keys))
        return [resolved for draft in drafts if (resolved := self._resolve(draft))]

    def _unknown_keys(self, drafts: list[Draft]) -> dict[Column, set[Any]]:
        wanted: dict[Column, set[Any]] = {}
        for draft in drafts:
            for column, key in draft.targets:
                if key not in self._ids.get(column, ()):
                    wanted.setdefault(column, set()).add(key)
        return wanted

    def _find(self, column: Column, keys: set[Any]) -> dict[Any, str | None]:
        target = self._resource.catalog[target_name(self._resource, column)]
        bound = {key: target.to_columns({column.key: key})[column.key] for key in keys}
        found = find_visible_many(self._actor, target, column.key, set(bound.values()))
        is_other = target.name != self._resource.name
        return {key: found.get(value) for key, value in bound.items() if is_other or value in found}

    def _resolve(self, draft: Draft) -> Draft | None:
        if not draft.targets:
            return draft
        ids: dict[str, str] = {}
        unresolved = []
        for column, key in draft.targets:
            if key not in self._ids[column]:
                unresolved.append((column, key))
            elif (record_id := self._ids[column][key]) is None:
                self._note(draft.line, explain_missing(self._resource, column, key))
                return None
            else:
                ids[column.field] = record_id
        return draft._replace(given=draft.given | ids, targets=unresolved)


def target_name(resource: Resource, column: Column) -> str:
    """Return the name of the resource that a column refers to."""
    name: str = resource.definition.references[column.field].to
    return name


def explain_missing(resource: Resource, column: Column, key: Any) -> str:
    """Return the message of a row that refers to no record."""
    target = target_name(resource, column)
    return f"{column.field}: There is no record of {target} with the {column.key} {printable(str(key))}."
