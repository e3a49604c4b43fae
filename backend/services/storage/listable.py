"""What lists are read from."""

from collections.abc import Hashable, Iterable
from typing import Any

from backend.models.database import database
from backend.services.storage.statements import Builder, StatementCache, Values


class Listable:
    """A model, and a field type for each of its columns that goes out.

    `columns` holds the expressions of those that are not the model's own. `catalog` is the Catalog it is in.
    """

    def __init__(self, name, kinds, model, columns=()):
        self.name, self.kinds, self.model, self.catalog = name, kinds, model, None
        self.widths = {}  # {names of fields: the most bytes of their JSON}
        self._statements = StatementCache()
        self._columns = dict(columns)

    def column(self, name):
        """Return the model's column of a field."""
        return self._columns[name] if name in self._columns else getattr(self.model, name)

    def json(self, names=None):
        """Return the SQL expression of a row as JSON text, with the named fields or all."""
        pairs = [(name, self.kinds[name].json(self.column(name), database.obj)) for name in names or self.kinds]
        return database.json_object(pairs)

    def run(self, build: Builder, *shape: Hashable, values: Values) -> list[tuple[Any, ...]]:
        """Execute the query that `build(self, *shape)` returns and return all rows; `values` are those of its slots.

        The query is built at the first call and kept under `build` and `shape`.
        """
        return self._statements.get(build, self, shape).run(values)

    def run_many(self, build: Builder, *shape: Hashable, rows: Iterable[Values]) -> None:
        """Execute the statement of `build(self, *shape)` once with each of `rows`, the values of its slots."""
        self._statements.get(build, self, shape).run_many(rows)
