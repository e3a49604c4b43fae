"""People: the users that records refer to, with what the directory shows of them."""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from peewee import ColumnBase, OperationalError, ProgrammingError, WrappedNode

from backend.models.columns import Column
from backend.models.database import database
from backend.models.role import ADMIN, MEMBER
from backend.models.user import UserSettings
from backend.services.access.permissions import USERS_READ
from backend.services.definitions.definition import SYSTEM_FIELDS, Definition
from backend.services.definitions.grants import PUBLIC_GRANT, Grant
from backend.services.definitions.names import is_reserved_field
from backend.services.field_types.base import FieldType
from backend.services.field_types.boolean import Boolean
from backend.services.field_types.email import AccountEmail
from backend.services.field_types.reference import USERS
from backend.services.field_types.registry import parse_field
from backend.services.field_types.string import String

DIRECTORY = {"roles": [MEMBER], "fields": ["name"]}  # unless the settings say otherwise
OWN_COLUMNS: dict[str, FieldType] = {
    "name": String(required=True, max_length=100),
    "email": AccountEmail(required=True, unique=True),
    "active": Boolean(required=True),
}


class Settings(NamedTuple):
    """The declarations of the profile fields, and of the directory."""

    fields: dict[str, dict[str, Any]]
    directory: dict[str, list[str]]


def read_settings() -> Settings:
    """Return the Settings; the default ones before the migration that adds them, because a migration needs an app."""
    try:
        row = UserSettings.get()
    except (OperationalError, ProgrammingError) as error:
        if database.is_wrong_shape(error):
            return Settings({}, DIRECTORY)
        raise
    return Settings(row.fields, row.directory)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PeopleDefinition(Definition):
    """The users as if they were a resource, so that references, rules and `expand` treat them like records.

    Its grants are those of the directory: `list` for whom somebody may refer to, `read` for whom `expand` shows. The
    fields that the directory does not show are hidden from everyone.
    """

    limits_admins: ClassVar[bool] = True
    reference_action: ClassVar[str] = "list"
    lookup_permissions: ClassVar[Mapping[str, str]] = {"email": USERS_READ}

    @cached_property
    def all_fields(self) -> dict[str, FieldType]:
        """Map of name to field: of the system fields, users have only `id`."""
        return {"id": SYSTEM_FIELDS["id"], **self.fields}


def people_definition(settings: Settings) -> PeopleDefinition:
    """Return the PeopleDefinition of these settings."""
    shown = settings.directory["fields"]
    fields = {
        name: dataclasses.replace(field, readable_by=None if name in shown else [], writable_by=None)
        for name, field in (OWN_COLUMNS | showable_profile_fields(settings.fields)).items()
    }
    return PeopleDefinition(name=USERS, fields=fields, access=_access(settings.directory["roles"]))


def showable_profile_fields(declared: Mapping[str, dict[str, Any]]) -> dict[str, FieldType]:
    """Return the map of name to field, for the profile fields whose names can be parameters of a list."""
    return {name: parse_field(field) for name, field in declared.items() if not is_reserved_field(name)}


def _access(roles: list[str]) -> dict[str, list[Grant]]:
    seeing = [*roles, ADMIN]
    listing: list[Grant] = [{"role": role, "where": {"active": True}} for role in seeing]
    return {
        "list": [*listing, {"role": PUBLIC_GRANT, "where": {"id": "$user.id"}}],  # everyone finds themselves
        # Everyone may expand a reference to a user; those who do not see the directory get null.
        "read": [*seeing, {"role": PUBLIC_GRANT, "where": {"id": {"in": []}}}],
    }


def people_columns(definition: PeopleDefinition, users: Any) -> dict[str, Any]:
    """Return the map of field name to its column in the table of users, or to its expression on their profiles.

    `users` is the model User or an alias of it.
    """
    return {
        name: getattr(users, name) if name in {"id", *OWN_COLUMNS} else _ProfileValue(users.profile, name, field)
        for name, field in definition.all_fields.items()
    }


class _ProfileValue(WrappedNode):
    """The expression of a profile field, as if it were a column of its type."""

    def __init__(self, profile: ColumnBase, name: str, field: FieldType) -> None:
        column: Column[Any] = field.column(database.obj)
        super().__init__(database.obj.json_member(profile, name, column))
        self.db_value = column.db_value

    def __sql__(self, context: Any) -> Any:
        return context.sql(self.node)
