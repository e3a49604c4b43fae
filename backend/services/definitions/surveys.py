"""Reads the rows of a table whose definition is to change."""

import json

from marshmallow import ValidationError

from backend.models.database import database
from backend.models.records import ROWS_AT_ONCE, column


def read_rows(change, model, names):
    """Yield lists of (id, {field of `new`: value in JSON, None for a new field}), in the order of the ids."""
    origins = {name: change.origins.get(name) for name in names}
    kinds = change.old.fields
    pairs = [(old, kinds[old].json(column(model, old), database.obj)) for old in origins.values() if old]
    key = column(model, "id")
    query = model.select(key, database.json_object(pairs)).order_by(key).limit(ROWS_AT_ONCE)
    last = None
    while True:
        rows = database.execute(query if last is None else query.where(key > last)).fetchall()
        parsed = ((record_id, json.loads(told)) for record_id, told in rows)
        yield [(str(key), {name: row.get(old) for name, old in origins.items()}) for key, row in parsed]
        if len(rows) < ROWS_AT_ONCE:
            return
        last = rows[-1][0]


class Survey:
    """One pass over the rows of a table, in the order of their ids.

    Finds, as lists of ids: `unfit` by field, `astray` by reference, `twice` by set of fields.
    """

    def __init__(self, change, model, checked, sets, targets):
        self.change, self.model, self.checked, self.targets = change, model, checked, targets
        self.unfit = {name: [] for name in checked}
        self.astray = {name: [] for name in targets}
        self.twice = {each: [] for each in sets}
        self._seen = {each: set() for each in sets}

    def run(self):
        """Go through all rows."""
        names = {*self.checked, *self.targets, *(name for each in self.twice for name in each)}
        for rows in read_rows(self.change, self.model, names):
            values = [(record_id, self._converted(record_id, row)) for record_id, row in rows]
            for name, target in self.targets.items():
                there = _existing(target, {row[name] for _, row in values if row[name] is not None})
                self.astray[name] += [key for key, row in values if row[name] is not None and row[name] not in there]
            for each, seen in self._seen.items():
                for key, row in values:
                    combined = tuple(row[name] for name in each)
                    if None in combined:
                        continue
                    if combined in seen:
                        self.twice[each].append(key)
                    seen.add(combined)

    def _converted(self, record_id, row):
        values = dict(row)
        for name, convert in self.checked.items():
            if values[name] is not None:
                try:
                    values[name] = convert(values[name])
                except ValidationError:
                    self.unfit[name].append(record_id)
                    values[name] = None
        return {name: self.change.defaults.get(name) if value is None else value for name, value in values.items()}


def _existing(target, ids):
    if target is None or not ids:
        return set()
    key = column(target, "id")
    return {str(each) for (each,) in database.execute(target.select(key).where(key.in_(list(ids)))).fetchall()}
