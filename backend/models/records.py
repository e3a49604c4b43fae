"""Builds a Peewee model, and so the table, from a definition."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from peewee import SQL, Model

from backend.models.columns import Column, DateTimeColumn, IntegerColumn, UuidColumn
from backend.models.database import Dialect

PREFIX = "f_"  # a field may be called `save` or `select`; as an attribute it must not hide a method
ROWS_AT_ONCE = 2000  # of a table that is read page by page


class Kind(Protocol):
    """What a model asks of the type of a field."""

    @property
    def required(self) -> bool:
        """Whether there is always a value."""

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return the column that keeps the values."""


class Declared(Protocol):
    """What a model is built from: a definition."""

    @property
    def name(self) -> str:
        """The name of the table."""

    @property
    def fields(self) -> Mapping[str, Kind]:
        """The type of each field by name."""


def build_model(definition: Declared, database: Dialect) -> type[Model]:
    """Return the model class of a definition; column `x` is its attribute `f_x`.

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
    for name, field in definition.fields.items():
        columns[PREFIX + name] = field.column(database, column_name=name, null=not field.required)
    meta = type(
        "Meta",
        (),
        {"database": database, "table_name": definition.name, "strict_tables": database.strict_tables},
    )
    return type(f"record_{definition.name}", (Model,), {**columns, "Meta": meta})


def column(model: type[Model], name: str) -> Column[Any]:
    """Return the model's column of the field `name`."""
    found: Column[Any] = getattr(model, PREFIX + name)
    return found


def index_name(table: str, columns: Sequence[str], *, unique: bool) -> str:
    """Return the name of an index: readable at the start, and short and distinct by the hash at its end."""
    digest = hashlib.sha256("\n".join([table, *columns]).encode()).hexdigest()[:12]
    return f"{'uq' if unique else 'ix'}_{table[:40]}_{digest}"
