"""Builds a Peewee model, and so the table, from a definition."""

import hashlib

from peewee import SQL, Model

from backend.models.columns import DateTimeColumn, IntegerColumn, UuidColumn

PREFIX = "f_"  # a field may be called `save` or `select`; as an attribute it must not hide a method
ROWS_AT_ONCE = 2000  # of a table that is read page by page


def build_model(definition, database):
    """Return the model class of a definition; column `x` is its attribute `f_x`.

    References are plain columns with a constraint: a ForeignKeyField between models that come and go would leak them.
    """
    columns = {
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
    for name, kind in definition.fields.items():
        columns[PREFIX + name] = kind.column(database, column_name=name, null=not kind.required)
    meta = type(
        "Meta",
        (),
        {"database": database, "table_name": definition.name, "strict_tables": database.strict_tables},
    )
    return type(f"record_{definition.name}", (Model,), {**columns, "Meta": meta})


def column(model, name):
    """Return the model's column of the field `name`."""
    return getattr(model, PREFIX + name)


def index_name(table, columns, *, unique):
    """Return the name of an index: readable at the start, and short and distinct by the hash at its end."""
    digest = hashlib.sha256("\n".join([table, *columns]).encode()).hexdigest()[:12]
    return f"{'uq' if unique else 'ix'}_{table[:40]}_{digest}"
