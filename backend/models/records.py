"""Builds the Peewee model of a definition, from which the table is created."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from peewee import SQL, ColumnBase, Model, ModelDescriptor, NodeList

from backend.models.columns import Column, DateTimeColumn, IntegerColumn, UuidColumn
from backend.models.database import Dialect
from backend.models.links import Links, links_table

PREFIX = "f_"  # a field can have a name such as `save`, but an attribute must not hide a method of the model
ROWS_AT_ONCE = 2000  # in one batch, when a whole table is read


class Kind(Protocol):
    """The part of a FieldType that a model needs."""

    @property
    def has_column(self) -> bool:
        """Whether the table has a column for it; if not, it has a junction table."""

    @property
    def required(self) -> bool:
        """Whether there is always a value."""

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return the column that stores the values."""


class Constraint(NamedTuple):
    """A condition of every row of a table: its name in the database, its SQL, and the fields that it is about."""

    name: str
    condition: ColumnBase
    fields: frozenset[str]

    @property
    def ddl(self) -> ColumnBase:
        """The SQL that declares it in a table."""
        return NodeList((SQL(f'CONSTRAINT "{self.name}" CHECK ('), self.condition, SQL(")")))


class Declared(Protocol):
    """The part of a Definition that a model needs."""

    @property
    def name(self) -> str:
        """The name of the table."""

    @property
    def fields(self) -> Mapping[str, Kind]:
        """Map of name to field."""

    def generated(self, database: Dialect) -> Mapping[str, ColumnBase]:
        """Return the map of name to the SQL of the value, for the computed fields."""

    def constraints(self, database: Dialect) -> Iterable[Constraint]:
        """Return the constraints of the table."""


def build_model(definition: Declared, database: Dialect) -> type[Model]:
    """Return the model class of a definition; column `x` is its attribute `f_x`, and so are Links.

    References are plain columns with a constraint: models are rebuilt, and a ForeignKeyField keeps old ones alive.
    """
    columns: dict[str, Column[Any]] = {
        PREFIX + "id": UuidColumn(primary_key=True, column_name="id"),
        PREFIX + "created_at": DateTimeColumn(column_name="created_at"),
        PREFIX + "updated_at": DateTimeColumn(column_name="updated_at"),
        PREFIX + "created_by": UuidColumn(
            null=True,
            column_name="created_by",
            constraints=[SQL("REFERENCES larder_users (id) ON DELETE SET NULL")],
        ),
        PREFIX + "version": IntegerColumn(column_name="version"),
    }
    generated = definition.generated(database)
    for name, field in definition.fields.items():
        if field.has_column:
            options = {"constraints": [_generation(generated[name])]} if name in generated else {}
            columns[PREFIX + name] = field.column(database, column_name=name, null=not field.required, **options)
    meta = type(
        "Meta",
        (),
        {
            "database": database,
            "table_name": definition.name,
            "strict_tables": database.strict_tables,
            "constraints": [constraint.ddl for constraint in definition.constraints(database)],
        },
    )
    links = {
        PREFIX + name: _LinksOfRow(links_table(definition.name, name))
        for name, field in definition.fields.items()
        if not field.has_column
    }
    return type(f"record_{definition.name}", (Model,), {**columns, **links, "Meta": meta})


class _LinksOfRow(ModelDescriptor):
    """The attribute of a model, or of an alias of it, for the Links of a row."""

    def __init__(self, table: str) -> None:
        self.table = table

    def __get__(self, instance: Model | None, owner: Any) -> Links:
        return Links(self.table, getattr(owner, PREFIX + "id"))


def _generation(value: ColumnBase) -> ColumnBase:
    return NodeList((SQL("GENERATED ALWAYS AS ("), value, SQL(") STORED")))


def column(model: type[Model], name: str) -> Column[Any]:
    """Return the model's column of the field `name`; Links if it has none."""
    found: Column[Any] = getattr(model, PREFIX + name)
    return found


def constraint_name(kind: str, name: str) -> str:
    """Return the name of a constraint, such as `fits` of a computed field: a readable beginning, and a hash."""
    return f"{kind}_{name[:40]}_{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def index_name(table: str, columns: Sequence[str], *, unique: bool) -> str:
    """Return the name of an index: a readable beginning, and a hash that makes it unique."""
    digest = hashlib.sha256("\n".join([table, *columns]).encode()).hexdigest()[:12]
    return f"{'uq' if unique else 'ix'}_{table[:40]}_{digest}"
