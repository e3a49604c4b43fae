"""Reads the existing rows of a table to find those that a changed definition does not fit."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from marshmallow import ValidationError

from backend.models.database import database
from backend.models.records import ROWS_AT_ONCE, column
from backend.services.definitions.changes import Alteration
from backend.services.definitions.field_sets import FieldSet

Row = tuple[str, dict[str, Any]]  # its id, and the map of new field name to value in JSON types


def read_rows(change: Alteration, model: Any, names: Collection[str]) -> Iterator[list[Row]]:
    """Yield batches of rows in the order of their ids, with the values of the named fields of the new definition.

    A field that is new is None in every row. `model` is that of the table before the change.
    """
    old_names = {name: change.old_names_with_system.get(name) for name in names}
    fields = change.old.all_fields
    pairs = [(old, fields[old].json(column(model, old), database.obj)) for old in old_names.values() if old]
    id_column = column(model, "id")
    query = model.select(id_column, database.json_object(pairs)).order_by(id_column).limit(ROWS_AT_ONCE)
    last_id = None
    while True:
        rows = database.execute(query if last_id is None else query.where(id_column > last_id)).fetchall()
        parsed = ((row_id, json.loads(values)) for row_id, values in rows)
        yield [(str(row_id), {name: values.get(old) for name, old in old_names.items()}) for row_id, values in parsed]
        if len(rows) < ROWS_AT_ONCE:
            return
        last_id = rows[-1][0]


class Survey:
    """One pass over the rows of a table, with the values that they will have after an Alteration.

    `checks` is a map of field name to the function that converts or checks its values. `unique_sets` are sets of
    fields whose values together must be unique. `targets` is a map of reference to the column of the ids that it may
    have, or to None if the resource that it will refer to is new.

    After `run`, three maps hold ids of rows: `unfit` by field, `dangling` by reference, `repeated` by unique set.
    """

    def __init__(
        self,
        change: Alteration,
        checks: Mapping[str, Callable[[Any], Any]],
        unique_sets: Iterable[FieldSet],
        targets: Mapping[str, Any],
    ) -> None:
        self._change, self._checks, self._targets = change, checks, targets
        self.unfit: dict[str, list[str]] = {name: [] for name in checks}
        self.dangling: dict[str, list[str]] = {name: [] for name in targets}
        self.repeated: dict[FieldSet, list[str]] = {field_set: [] for field_set in unique_sets}
        self._seen: dict[FieldSet, set[tuple[Any, ...]]] = {field_set: set() for field_set in self.repeated}

    def run(self, model: Any) -> None:
        """Read all rows of the table; `model` is that of the table before the change."""
        unique = {name for field_set in self.repeated for name in field_set.fields}
        for rows in read_rows(self._change, model, {*self._checks, *self._targets, *unique}):
            converted = [(row_id, self._convert(row_id, values)) for row_id, values in rows]
            self._find_dangling(converted)
            self._find_repeated(converted)

    def _convert(self, row_id: str, old_values: dict[str, Any]) -> dict[str, Any]:
        """Return the values that a row will have; add the row to `unfit` for each value that cannot be converted."""
        values = dict(old_values)
        for name, convert in self._checks.items():
            if values[name] is not None:
                try:
                    values[name] = convert(values[name])
                except ValidationError:
                    self.unfit[name].append(row_id)
                    values[name] = None
        return {name: self._change.defaults.get(name) if value is None else value for name, value in values.items()}

    def _find_dangling(self, rows: list[Row]) -> None:
        for name, target in self._targets.items():
            ids_in = self._change.new.referring[name].ids_in
            target_ids = {row_id: set(ids_in(values[name])) for row_id, values in rows}
            existing = _existing_ids(target, set().union(*target_ids.values()))
            self.dangling[name] += [row_id for row_id, ids in target_ids.items() if not ids <= existing]

    def _find_repeated(self, rows: list[Row]) -> None:
        fields = self._change.new.all_fields
        for field_set, seen in self._seen.items():
            for row_id, values in rows:
                combined = tuple(fields[name].compared_value(values[name]) for name in field_set.fields)
                if None in combined:
                    continue
                if combined in seen:
                    self.repeated[field_set].append(row_id)
                seen.add(combined)


def _existing_ids(id_column: Any, ids: set[Any]) -> set[str]:
    """Return those of the ids that the column has; none if it is None."""
    if id_column is None or not ids:
        return set()
    rows = database.execute(id_column.model.select(id_column).where(id_column.in_(list(ids)))).fetchall()
    return {str(row_id) for (row_id,) in rows}
