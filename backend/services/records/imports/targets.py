"""Targets: the stored records that rows refer to, looked up for many rows at once."""

from collections.abc import Iterable
from typing import Any

from backend.services.access.actors import Actor
from backend.services.definitions.catalog import Resource
from backend.services.records.imports.columns import Column
from backend.services.records.imports.lookups import find_visible_many
from backend.services.records.imports.report import ReportProblems
from backend.services.records.imports.values import Draft, Reference
from backend.utils.problems import Problem
from backend.utils.texts import printable


class Targets:
    """Finds the stored records that rows refer to, and remembers them for later rows.

    `may_change` says whether rows can change records, which may keep references that the actor could not set.
    """

    def __init__(self, actor: Actor, resource: Resource, report_problems: ReportProblems, *, may_change: bool) -> None:
        self._actor, self._resource, self._report_problems = actor, resource, report_problems
        self._may_change = may_change
        self._ids: dict[Column, dict[Any, str | None]] = {}  # {column: {key: id, or None if there is no such record}}

    def resolve(self, drafts: list[Draft]) -> list[Draft]:
        """Return the drafts with their references replaced by ids. A row that refers to no record is reported.

        A reference stays if a record of the same resource is not stored, because an earlier row may create it, and if
        the row may change a record that has the reference already.
        """
        for column, keys in self._unknown_keys(drafts).items():
            self._ids.setdefault(column, {}).update(self._find(column, keys))
        return [resolved for draft in drafts if (resolved := self._resolve(draft))]

    def _unknown_keys(self, drafts: list[Draft]) -> dict[Column, set[Any]]:
        wanted: dict[Column, set[Any]] = {}
        for draft in drafts:
            for column, key, _ in draft.references:
                if key not in self._ids.get(column, ()):
                    wanted.setdefault(column, set()).add(key)
        return wanted

    def _find(self, column: Column, keys: set[Any]) -> dict[Any, str | None]:
        target = self._resource.catalog.target(target_name(self._resource, column))
        compared = {key: target.compared_value(column.target_field, key) for key in keys}
        found = find_visible_many(self._actor, target, column.target_field, set(compared.values()))
        is_final = target.name != self._resource.name and not self._may_change
        return {key: found.get(value) for key, value in compared.items() if is_final or value in found}

    def _resolve(self, draft: Draft) -> Draft | None:
        if not draft.references:
            return draft
        found: list[tuple[Reference, str]] = []
        unresolved = []
        for reference in draft.references:
            column, key, _ = reference
            if key not in self._ids[column]:
                unresolved.append(reference)
            elif (record_id := self._ids[column][key]) is None:
                self._report_problems(draft.line, explain_missing(self._resource, column, key))
                return None
            else:
                found.append((reference, record_id))
        return with_ids(draft, found, unresolved)


def with_ids(draft: Draft, found: Iterable[tuple[Reference, str]], unresolved: list[Reference]) -> Draft:
    """Return the draft with these ids of records that it refers to; the `unresolved` references stay."""
    values = dict(draft.values)
    for (column, _, place), record_id in found:
        if place is None:
            values[column.field] = record_id
        else:
            ids = values[column.field]
            values[column.field] = [*ids[:place], record_id, *ids[place + 1 :]]
    return Draft(draft.line, values, draft.empty_fields, draft.system_values, unresolved)


def target_name(resource: Resource, column: Column) -> str:
    """Return the name of the resource that a column refers to."""
    return resource.definition.referring[column.field].to


def explain_missing(resource: Resource, column: Column, key: Any) -> Problem:
    """Return the problem of a row that refers to a record that does not exist or is not visible to the actor."""
    target = target_name(resource, column)
    text = f"There is no record of {target} with the {column.target_field} {printable(str(key))}."
    return Problem("not_found", text).within(column.field)
