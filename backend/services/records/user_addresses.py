"""Writes the e-mail addresses of users in place of their ids, for an installation in which they have other ids."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from backend.models.database import database
from backend.models.user import User
from backend.services.definitions.catalog import Resource
from backend.services.errors import Conflict
from backend.services.field_types.base import FieldType
from backend.services.field_types.reference import USERS

ADDRESS = "email"  # the field by which an import finds users


def with_address_columns(resource: Resource, fields: Mapping[str, FieldType]) -> dict[str, FieldType]:
    """Return the map of column to field of records that with_addresses returns; `fields` are those of a file."""
    columns, address = _columns(resource), resource.catalog.people.fields[ADDRESS]
    return {
        columns.get(name, name): address if name in columns and name in resource.definition.references else field
        for name, field in fields.items()
    }


def with_addresses(resource: Resource, items: Sequence[str]) -> list[str]:
    """Return records, as JSON texts, with `<field>_email` in place of each field that refers to users.

    Raises Conflict if one refers to a service account, which has no address.
    """
    columns, records = _columns(resource), [json.loads(item) for item in items]
    referring = resource.definition.referring
    used = {each for record in records for name in columns for each in referring[name].ids_in(record[name])}
    known = User.select(User.id, User.email, User.name)
    rows = database.execute(known.where(User.id.in_(list(used)))).fetchall() if used else []
    if services := [name for _, address, name in rows if address is None]:
        raise Conflict(f"{resource.name} refers to {', '.join(services)}: a service account has no address.")
    addresses = {str(user_id): address for user_id, address, _ in rows}
    return [json.dumps(_translated(record, columns, addresses), ensure_ascii=False) for record in records]


def _columns(resource: Resource) -> dict[str, str]:
    """Return the map of field name to column, for the fields that refer to users."""
    referring = resource.definition.referring.items()
    return {name: f"{name}_{ADDRESS}" for name, field in referring if field.to == USERS}


def _translated(record: dict[str, Any], columns: Mapping[str, str], addresses: Mapping[str, str]) -> dict[str, Any]:
    translated = dict(record)
    for name, column in columns.items():
        value = translated.pop(name)
        if isinstance(value, list):
            translated[column] = [addresses[each] for each in value if each in addresses]
        else:
            translated[column] = addresses.get(value)
    return translated
