"""Reads the rows of a table whose definition is to change."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from marshmallow import ValidationError

from backend.models.database import database
from backend.models.records import ROWS_AT_ONCE, column
from backend.services.definitions.changes import Alteration

Row = tuple[str, dict[str, Any]]  # its id, and {field of the new definition: value in JSON}


def read_rows(change: Alteration, model: Any, names: Collection[str]) -> Iterator[list[Row]]:
    """Yield lists of rows in the order of their ids, with the values of the named fields; new fields have None."""
    origins = {name: change.origins.get(name) for name in names}
    fields = change.old.fields
    pairs = [(old, fields[old].json(column(model, old), database.obj)) for old in origins.values() if old]
    key = column(model, "id")
    query = model.select(key, database.json_object(pairs)).order_by(key).limit(ROWS_AT_ONCE)
    last = None
    while True:
        rows = database.execute(query if last is None else query.where(key > last)).fetchall()
        parsed = ((record_id, json.loads(values)) for record_id, values in rows)
        yield [(str(key), {name: row.get(old) for name, old in origins.items()}) for key, row in parsed]
        if len(rows) < ROWS_AT_ONCE:
            return
        last = rows[-1][0]


class Survey:
    """One pass over the rows of a table, in the order of their ids, as they will be after an Alteration.

    `checked` has the functions that convert or check the values of fields, `sets` are tuples of fields whose values
    together must be unique, `targets` has the models that references will refer to, None for one that is created.
    Finds lists of ids: `unfit` by field, `dangling` by reference, `repeated` by set of fields.
    """

    def __init__(
        self,
        change: Alteration,
        checked: Mapping[str, Callable[[Any], Any]],
        sets: Iterable[tuple[str, ...]],
        targets: Mapping[str, Any],
    ) -> None:
        self._change, self._checked, self._targets = change, checked, targets
        self.unfit: dict[str, list[str]] = {name: [] for name in checked}
        self.dangling: dict[str, list[str]] = {name: [] for name in targets}
        self.repeated: dict[tuple[str, ...], list[str]] = {each: [] for each in sets}
        self._seen: dict[tuple[str, ...], set[tuple[Any, ...]]] = {each: set() for each in self.repeated}

    def run(self, model: Any) -> None:
        """Read all rows of the table of `model`."""
        names = {*self._checked, *self._targets, *(name for each in self.repeated for name in each)}
        for rows in read_rows(self._change, model, names):
            converted = [(record_id, self._convert(record_id, row)) for record_id, row in rows]
            self._find_dangling(converted)
            self._find_repeated(converted)

    def _convert(self, record_id: str, row: dict[str, Any]) -> dict[str, Any]:
        """Return the values that a row will have, noting those that cannot be converted."""
        values = dict(row)
        for name, convert in self._checked.items():
            if values[name] is not None:
                try:
                    values[name] = convert(values[name])
                except ValidationError:
                    self.unfit[name].append(record_id)
                    values[name] = None
        return {name: self._change.defaults.get(name) if value is None else value for name, value in values.items()}

    def _find_dangling(self, rows: list[Row]) -> None:
        for name, target in self._targets.items():
            referred = {key: row[name] for key, row in rows if row[name] is not None}
            there = _existing(target, set(referred.values()))
            self.dangling[name] += [key for key, target_id in referred.items() if target_id not in there]

    def _find_repeated(self, rows: list[Row]) -> None:
        for each, seen in self._seen.items():
            for key, row in rows:
                values = tuple(row[name] for name in each)
                if None in values:
                    continue
                if values in seen:
                    self.repeated[each].append(key)
                seen.add(values)


def _existing(target: Any, ids: set[Any]) -> set[str]:
    """Return which of these ids a table has; without a table, none."""
    if target is None or not ids:
        return set()
    key = column(target, "id")
    return {str(each) for (each,) in database.execute(target.select(key).where(key.in_(list(ids)))).fetchall()}
