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
    """The text of a query and, in order, its values and Slots."""

    def __init__(self, query):
        self.sql, self.parts = query.sql()

    def run(self, values):
        """Execute with `values`, a dict by slot name; return all rows as tuples."""
        bound = [values[part.name] if type(part) is Slot else part for part in self.parts]
        return database.execute_sql(self.sql, bound).fetchall()


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
