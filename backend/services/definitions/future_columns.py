"""The values that rows in place will have after an Alteration, as SQL over the table before it."""

from typing import Any

from peewee import ColumnBase, Value, fn

from backend.models.database import database
from backend.models.records import column
from backend.services.definitions.changes import Alteration


class Unknown(Exception):
    """Raised for a field whose values the database cannot convert; not an error."""


class FutureColumns:
    """The columns of a table after a change; `model` is that of the table before it."""

    is_one = True

    def __init__(self, change: Alteration, model: Any) -> None:
        self._change, self._model = change, model
        self.fields = change.new.all_fields

    def column(self, name: str) -> ColumnBase:
        """Return the SQL of a field of the new definition. Raises Unknown."""
        change = self._change
        field = change.new.all_fields[name]
        if name not in change.new.fields:
            return column(self._model, name)
        if field.computed is not None:
            return change.new.computation(name, self.column, database.obj).stored
        if field.first_number is not None or not (name in change.added or change.keeps_form([name])):
            raise Unknown(name)
        target = field.column(database.obj, column_name=name)
        default = database.typed(Value(target.db_value(change.defaults.get(name)), converter=False), target)
        if name in change.added:
            return default
        return fn.COALESCE(column(self._model, change.old_names[name]), default)

    def related(self, relation: object) -> Any:
        """Raise Unknown: constraints have no relations."""
        raise Unknown(relation)
