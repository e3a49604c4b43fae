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
from backend.utils.problems import Problem


def parse_field(declaration: Any) -> FieldType:
    """Return the field of a declaration, `{"type": …, …}`. Raises Invalid, keyed by option."""
    if not isinstance(declaration, dict):
        text = 'Must be an object with at least `type`: {"type": "string"}.'
        raise Invalid([Problem("wrong_type", text, expected="object")])
    type_name = declaration.get("type")
    if not isinstance(type_name, str) or type_name not in TYPES:
        text = f"Must be one of: {', '.join(sorted(TYPES))}."
        raise Invalid({"type": [Problem("not_a_choice", text, choices=sorted(TYPES))]})
    return TYPES[type_name].parse(declaration)
