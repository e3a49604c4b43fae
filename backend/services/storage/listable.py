"""Tables that lists are read from: those of resources, and some of the system."""

import copy
import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Protocol, Self

from itsdangerous import URLSafeSerializer
from peewee import ColumnBase, Model

from backend.models.columns import Column
from backend.models.database import Dialect, database
from backend.services.storage.relations import Relation
from backend.services.storage.statements import Builder, StatementCache, Values

Names = tuple[str, ...] | None  # of fields, None for all


class ShownLinks(NamedTuple):
    """The links of a field that are shown: those to rows of the target that meet a condition of this shape.

    `serial` is that of the target's Listable: a statement must not be used for a later one of the same name.
    """

    field: str
    serial: int
    scope: Any


Shown = tuple[ShownLinks, ...]  # for fields of which not all links are shown


class Field(Protocol):
    """What is asked of the type of a field that a Listable has; services/field_types/base.py describes the answers."""

    @property
    def required(self) -> bool:
        """Whether there is always a value."""

    @property
    def unique(self) -> bool:
        """Whether no two rows have the same value."""

    @property
    def max_json_bytes(self) -> int | None:
        """The maximum number of bytes of a value in JSON; None for no limit."""

    def json(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the expression that a JSON object can carry as a value."""

    def link_value(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the expression by whose value in a JSON array related rows are found."""

    def in_history(self, value: Any) -> Any:
        """Return what the history keeps of a value in JSON."""

    def as_text(self, column: ColumnBase, database: Dialect) -> ColumnBase:
        """Return the expression of the text whose bytes a value takes."""

    def compared(self, column: Any, database: Dialect) -> Any:
        """Return the expression that is compared instead of the value."""

    def compared_value(self, value: Any) -> Any:
        """Return what a value of the column is compared by."""

    def sort_key(self, column: Any, database: Dialect) -> Any:
        """Return the expression that lists are ordered by."""


class Listable:
    """A model, and the type of each field that its rows have in an answer.

    `columns` returns the expressions of fields that are not columns of the model, or of an alias of it. `search` holds
    the fields of the full-text search; `keeps_history` says whether changes of rows become history entries,
    `has_feed` whether they are listed in the feed of changes. `cursor_serializer` signs cursors.
    """

    fields: Mapping[str, Field]
    is_one: bool = False  # whether a condition is built for one row of it, not for many
    _serials: ClassVar[Iterator[int]] = itertools.count(1)

    def __init__(
        self,
        name: str,
        fields: Mapping[str, Field],
        model: type[Model],
        cursor_serializer: URLSafeSerializer,
        *,
        columns: Callable[[Any], dict[str, Any]] = lambda table: {},
        search: Iterable[str] = (),
        keeps_history: bool = False,
        has_feed: bool = False,
    ) -> None:
        self.name, self.fields, self.model, self.cursor_serializer = name, fields, model, cursor_serializer
        self.answered = tuple(fields)  # the names of the fields in an answer
        self.serial = next(self._serials)  # no two have the same
        self.search = tuple(search)
        self.keeps_history, self.has_feed = keeps_history, has_feed
        self.is_recorded = keeps_history or has_feed
        self.widths: dict[Names, int | None] = {}  # by names of fields: the most bytes of their JSON
        self.joined: dict[Any, Any] = {}  # by paths: what services/storage/paths.py makes of it
        self._statements = StatementCache()
        self._columns_of, self._columns = columns, columns(model)

    def column(self, name: str) -> Column[Any]:
        """Return the model's column of a field."""
        column: Column[Any] = self._columns[name] if name in self._columns else getattr(self.model, name)
        return column

    def compared(self, name: str) -> ColumnBase:
        """Return the expression that the values of a field are compared by."""
        compared: ColumnBase = self.fields[name].compared(self.column(name), database.obj)
        return compared

    def compared_value(self, name: str, value: Any) -> Any:
        """Return what a value of a field is compared by, in the form of the column."""
        return self.fields[name].compared_value(self.column(name).db_value(value))

    def related(self, relation: Relation) -> "Listable":
        """Return the Listable to which a relation leads; those of system tables have no relations."""
        raise KeyError(relation.target)

    def aliased(self, *, is_one: bool) -> Self:
        """Return a copy whose table has a name of its own in a query, for conditions on many rows of it or on one."""
        other = copy.copy(self)
        other.model, other.is_one = self.model.alias(), is_one  # type: ignore[assignment] # it has the same columns
        other._columns = self._columns_of(other.model)
        return other

    def extended(self, model: Any, fields: Mapping[str, Field], columns: Mapping[str, Any]) -> Self:
        """Return a copy with further fields, in no answer, their columns, and a model that joins their tables."""
        other = copy.copy(self)
        other.model, other.fields = model, {**self.fields, **fields}
        other._columns = {**self._columns, **columns}
        other._statements = StatementCache()
        return other

    def one(self) -> Self:
        """Return a copy for conditions on one row that the query has chosen already."""
        other = copy.copy(self)
        other.is_one = True
        return other

    def shown_links(self, shown: ShownLinks) -> Any:
        """Return the Links of a field that are shown; system tables have none."""
        raise KeyError(shown.field)

    def values(self, names: Names, shown: Shown) -> Iterator[tuple[str, Any]]:
        """Yield the named fields, or all, with their column or the Links that are shown."""
        narrowed = {each.field: each for each in shown}
        for name in names or self.answered:
            yield name, self.shown_links(narrowed[name]) if name in narrowed else self.column(name)

    def link_values(self, names: Iterable[str]) -> list[ColumnBase]:
        """Return the expressions of fields by whose values related rows are found; of links all ids."""
        return [self.fields[name].link_value(self.column(name), database.obj) for name in names]

    def json(self, names: Names = None, shown: Shown = (), *, as_array: bool = False) -> ColumnBase:
        """Return the SQL expression of a row as JSON text, with the named fields or all: an object, or only values."""
        pairs = [(name, self.fields[name].json(value, database.obj)) for name, value in self.values(names, shown)]
        return database.json_array([value for _, value in pairs]) if as_array else database.json_object(pairs)

    def run(self, build: Builder, *shape: Hashable, values: Values) -> list[tuple[Any, ...]]:
        """Execute the query of `build(self, *shape)` with the `values` of its slots; return all rows.

        It is built at the first call and kept under `build` and `shape`: see StatementCache.
        """
        return self._statements.get(build, self, shape).run(values)

    def run_ahead(self, build: Builder, *shape: Hashable, values: Values) -> None:
        """Execute the query of `build(self, *shape)` without its rows; on Postgres, with the next statement."""
        self._statements.get(build, self, shape).run_ahead(values)

    def run_many(self, build: Builder, *shape: Hashable, rows: Iterable[Values]) -> None:
        """Execute the statement of `build(self, *shape)` once for each of `rows`, the values of its slots."""
        self._statements.get(build, self, shape).run_many(rows)
