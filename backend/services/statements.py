"""SQL that is built once and run many times.

Building a query with peewee costs many times what a small query takes to run, so its text is kept. The places for
values are Slots; each run fills them by name.
"""

from dataclasses import dataclass

from peewee import Value

from backend.models.database import database

CACHE_SIZE = 512  # texts kept for each resource


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in a statement for the value of this name."""

    name: str


def slot(name):
    """Return the peewee node of a Slot."""
    return Value(Slot(name), converter=False)


class Statement:
    """The text of a query with the values it always has, and which of its places are Slots."""

    def __init__(self, query):
        self.sql, parts = query.sql()
        self._template = [None if isinstance(part, Slot) else part for part in parts]
        self._slots = [(i, part.name) for i, part in enumerate(parts) if isinstance(part, Slot)]

    def run(self, values):
        """Execute with `values`, a dict by slot name; return all rows as tuples."""
        bound = self._template.copy()
        for i, name in self._slots:
            bound[i] = values[name]
        return database.fetch_all(self.sql, bound)

    def run_many(self, rows):
        """Execute once with each of `rows`, dicts of values by slot name."""
        bound = []
        for values in rows:
            row = self._template.copy()
            for i, name in self._slots:
                row[i] = values[name]
            bound.append(row)
        database.execute_many(self.sql, bound)


class StatementCache:
    """Statements by whatever tells their shapes apart."""

    def __init__(self):
        self._statements = {}

    def get(self, key, build, *arguments):
        """Return the statement kept under `key`; at the first call, the one of `build(*arguments)`, a peewee query."""
        statement = self._statements.get(key)
        if statement is None:
            if len(self._statements) >= CACHE_SIZE:
                self._statements.clear()  # only a stranger trying out combinations gets here
            statement = self._statements[key] = Statement(build(*arguments))
        return statement
