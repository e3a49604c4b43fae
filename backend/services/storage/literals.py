"""Conditions as SQL with their values in it, for statements that can have no parameters: constraints and indexes."""

from collections.abc import Mapping
from itertools import chain, zip_longest
from typing import Any, NoReturn, Protocol

from peewee import SQL, ColumnBase

from backend.models.columns import Column
from backend.models.database import Dialect, database
from backend.services.storage.conditions import Condition
from backend.services.storage.listable import Field
from backend.services.storage.statements import Slot

SLOTS = "value"  # the beginning of their names


class StoredField(Field, Protocol):
    """The type of a field that is stored in a column."""

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return the column that stores the values."""


class _UnboundRow:
    """The row of a table that is being defined."""

    is_one = True

    def __init__(self, fields: Mapping[str, StoredField]) -> None:
        self.fields = fields

    def column(self, name: str) -> ColumnBase:
        return quoted(name)

    def compared_value(self, name: str, value: Any) -> Any:
        column = self.fields[name].column(database.obj, column_name=name)
        return self.fields[name].compared_value(column.db_value(value))

    def related(self, relation: object) -> NoReturn:
        raise ValueError("A constraint has no relations.")


def literal_sql(condition: Condition, fields: Mapping[str, StoredField]) -> SQL:
    """Return the SQL of a condition without relations over these fields."""
    values = slot_values(condition, fields)
    node = condition.shape.sql(_UnboundRow(fields), SLOTS)
    text, parameters = database.get_sql_context().sql(node).query()
    literals = [database.literal(values[each.name] if isinstance(each, Slot) else each) for each in parameters]
    return SQL("".join(chain.from_iterable(zip_longest(text.split(database.param), literals, fillvalue=""))))


def slot_values(condition: Condition, fields: Mapping[str, StoredField]) -> dict[str, Any]:
    """Return the values of the slots of a condition without relations, whose names begin with SLOTS."""
    return condition.values(_UnboundRow(fields), SLOTS)  # type: ignore[arg-type]  # it has all that is asked for


def quoted(name: str) -> SQL:
    """Return the SQL of a column of the table that is being defined."""
    return SQL(f'"{name}"')
