"""Which resources refer to a resource."""

from collections.abc import Iterable
from typing import NamedTuple

from backend.services.definitions.definition import Definition
from backend.services.field_types.reference import USERS


class IncomingReference(NamedTuple):
    """A field that refers to a resource: the resource that has it, and whether roles limit any of its fields.

    `is_list` says whether it refers to several records.
    """

    resource: str
    field: str
    is_list: bool
    has_ruled_fields: bool


def incoming_references(definitions: Iterable[Definition]) -> dict[str, list[IncomingReference]]:
    """Return the map of resource name to the references to it."""
    by_name = {definition.name: definition for definition in definitions}
    incoming: dict[str, list[IncomingReference]] = {name: [] for name in (*by_name, USERS)}
    for name, definition in by_name.items():
        for reference, field in definition.referring.items():
            if field.to in incoming:
                is_list, has_ruled_fields = not field.has_column, bool(definition.ruled_fields)
                incoming[field.to].append(IncomingReference(name, reference, is_list, has_ruled_fields))
    return incoming
