"""SQL that is built once and run many times.

Building a query with peewee costs many times what a small query takes to run, so its text is kept. The places for
values are Slots; each run fills them by name.
"""

import sys
import threading
from collections import OrderedDict
from dataclasses import dataclass

from peewee import Value

from backend.models.database import database

MAX_KEPT_BYTES = 16_000_000  # of all statements that a process keeps
PLACE_BYTES = 300  # that a place for a value takes beside the text, in the statement and in what it is kept under


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

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return sys.getsizeof(self.sql) + PLACE_BYTES * (len(self._template) + 1)

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
    """Statements by whatever tells their shapes apart.

    All caches of the process together keep at most `max_bytes`; what was not asked for longest goes first.
    """

    max_bytes = MAX_KEPT_BYTES
    _kept = OrderedDict()  # {(cache, key): (Statement, its size in bytes)}
    _lock = threading.Lock()
    _bytes = 0

    def get(self, key, build, *arguments):
        """Return the statement kept under `key`; at the first call, the one of `build(*arguments)`, a peewee query."""
        with self._lock:
            found = self._kept.get((self, key))
            if found is not None:
                self._kept.move_to_end((self, key))
                return found[0]
        statement = Statement(build(*arguments))
        self._keep(key, statement, statement.size + len(repr(key)))
        return statement

    def _keep(self, key, statement, size):
        if size > self.max_bytes // 16:
            return  # it would drive out many others
        with self._lock:
            if (self, key) in self._kept:
                return
            self._kept[self, key] = (statement, size)
            StatementCache._bytes += size
            while self._bytes > self.max_bytes:
                _, (_, freed) = self._kept.popitem(last=False)
                StatementCache._bytes -= freed

    @classmethod
    def kept_bytes(cls) -> int:
        """Return about how many bytes the statements of all caches take."""
        return cls._bytes
