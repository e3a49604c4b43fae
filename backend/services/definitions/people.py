"""People: the users that records refer to, with what the directory shows of them."""

import dataclasses
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from peewee import SQL, ColumnBase, Node, NodeList, OperationalError, ProgrammingError, WrappedNode, fn

from backend.models.columns import Column, TextColumn
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

SEARCH = "q"  # the parameter of the directory, and what it is searched in
DIRECTORY = {"roles": [MEMBER], "fields": ["name"]}  # unless the settings say otherwise
OWN_COLUMNS: dict[str, FieldType] = {
    "name": String(required=True, max_length=100),
    "email": AccountEmail(unique=True),
    "active": Boolean(required=True),
}
SEARCHED: dict[str, FieldType] = {SEARCH: String()}


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

    profile_fields: dict[str, FieldType] = dataclasses.field(default_factory=dict)  # also those that are not shown

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
    declared = {name: parse_field(field) for name, field in settings.fields.items()}
    fields = {
        name: dataclasses.replace(field, readable_by=None if name in shown else [], writable_by=None)
        for name, field in (OWN_COLUMNS | SEARCHED | showable_profile_fields(settings.fields)).items()
    }
    access = _access(settings.directory["roles"])
    return PeopleDefinition(name=USERS, fields=fields, access=access, profile_fields=declared)


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


def shown_fields(definition: Definition) -> dict[str, FieldType]:
    """Return the map of name to field, for the fields that the directory shows."""
    return {name: field for name, field in definition.all_fields.items() if field.readable_by is None}


def searched_fields(definition: Definition) -> list[str]:
    """Return the names of the texts that the directory shows."""
    return [name for name, field in shown_fields(definition).items() if field.searchable]


def people_columns(definition: PeopleDefinition, users: Any) -> dict[str, Any]:
    """Return the map of field name to its column in the table of users, or to its expression on their profiles.

    SEARCH is the expression of all texts that the directory shows. `users` is the model User or an alias of it.
    """
    columns = {name: getattr(users, name) for name in ("id", *OWN_COLUMNS)} | {
        name: _profile_value(users.profile, name, field)
        for name, field in definition.all_fields.items()
        if name not in {"id", *OWN_COLUMNS, *SEARCHED}
    }
    texts = [fn.COALESCE(columns[name], SQL("''")) for name in searched_fields(definition)]
    return columns | {SEARCH: _Computed(NodeList(texts, glue=" || ' ' || ", parens=True), TextColumn())}


def _profile_value(profile: ColumnBase, name: str, field: FieldType) -> "_Computed":
    column: Column[Any] = field.column(database.obj)
    return _Computed(database.obj.json_member(profile, name, column), column)


class _Computed(WrappedNode):
    """An expression whose values are those of a column."""

    def __init__(self, node: Node, column: Column[Any]) -> None:
        super().__init__(node)
        self.db_value = column.db_value

    def __sql__(self, context: Any) -> Any:
        return context.sql(self.node)
