"""`reference`: the id of a record of another resource or of the same one, or of a user."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from marshmallow import validate
from peewee import SQL

from backend.models.columns import Column
from backend.models.database import Dialect
from backend.services.field_types.base import FieldType, field_type, option
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.field_types.uuid import Uuid
from backend.services.field_types.varying import USER_ID
from backend.utils.problems import Problem

USERS = "users"  # what a reference to a user has as `to`; no resource can have this name
USERS_TABLE = "larder_users"
ON_DELETE = {"restrict": "RESTRICT", "cascade": "CASCADE", "set_null": "SET NULL"}


def target_table(to: str) -> str:
    """Return the name of the table that a reference with this `to` refers to."""
    return USERS_TABLE if to == USERS else to


@field_type("reference")
class Reference(Uuid):
    """The id of a record of the resource `to`, or of a user (`to: users`).

    `on_delete` is what happens to this record when that one is deleted.
    """

    fits_profiles: ClassVar[bool] = False

    to: str = option(StrictText(required=True))
    on_delete: str = option(StrictText(validate=validate.OneOf(list(ON_DELETE))), default="restrict")

    def problems(self) -> dict[str, Any]:
        """Return the map of option to errors."""
        problems = super().problems()
        if self.fixed_default is not None:
            problems["default"] = [Problem("not_allowed", "A reference has no default, except `$user.<field>`.")]
        if self.default == USER_ID and self.to != USERS:
            problems["default"] = [Problem("not_allowed", "Only a reference to users has this default.")]
        if self.required and self.on_delete == "set_null":
            problems["on_delete"] = [Problem("not_allowed", "A required reference cannot be set to null.")]
        return problems

    def column(self, database: Dialect, **options: Any) -> Column[Any]:
        """Return the column of an id, with its foreign key if the database can declare one before the target exists."""
        if not database.adds_foreign_keys_later:
            options["constraints"] = [self.foreign_key()]
        return super().column(database, **options)

    def foreign_key(self) -> SQL:
        """Return the SQL of the foreign key, which follows the column."""
        return SQL(f'REFERENCES "{target_table(self.to)}" ("id") ON DELETE {ON_DELETE[self.on_delete]}')

    @property
    def target(self) -> str | None:
        """The resource of `to`."""
        return self.to

    def ids_in(self, value: Any) -> list[str]:
        """Return the ids in a value."""
        return [] if value is None else [value]

    @property
    def constraints(self) -> dict[str, Any]:
        """Empty: a change of the target is a step of its own."""
        return {}

    def converter(self, old: FieldType) -> Callable[[Any], Any]:
        """Return the function that converts a value; no ids become null."""
        convert = super().converter(old)
        return lambda value: None if value == old.no_value and not self.required else convert(value)


def references_of(fields: Mapping[str, FieldType]) -> dict[str, Reference]:
    """Return the map of name to field, for the fields that refer to records."""
    return {name: field for name, field in fields.items() if isinstance(field, Reference)}
