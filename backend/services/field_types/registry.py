"""Registers all field types, and parses the declarations of fields."""

from typing import Any

from backend.services.errors import Invalid
from backend.services.field_types import (  # noqa: F401 - importing a module registers its type
    boolean,
    date,
    datetime,
    decimal,
    email,
    enum,
    integer,
    json,
    list,
    number,
    reference,
    references,
    sequence,
    string,
    text,
    time,
    url,
    uuid,
)
from backend.services.field_types.base import TYPES, FieldType


def parse_field(declaration: Any) -> FieldType:
    """Return the field of a declaration, `{"type": …, …}`. Raises Invalid, keyed by option."""
    if not isinstance(declaration, dict):
        raise Invalid(["Must be an object with at least `type`."])
    type_name = declaration.get("type")
    if not isinstance(type_name, str) or type_name not in TYPES:
        raise Invalid({"type": [f"Must be one of: {', '.join(sorted(TYPES))}."]})
    return TYPES[type_name].parse(declaration)
