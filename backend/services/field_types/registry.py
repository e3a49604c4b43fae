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
    file,
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
from backend.utils.nearest import nearest
from backend.utils.problems import Problem

# What other products call our types.
OTHER_NAMES = {
    **dict.fromkeys(["str", "varchar", "char", "character", "slug"], "string"),
    **dict.fromkeys(["longtext", "richtext", "markdown", "textarea", "clob"], "text"),
    **dict.fromkeys(["int", "bigint", "smallint", "long", "int64"], "integer"),
    **dict.fromkeys(["float", "double", "real"], "number"),
    **dict.fromkeys(["money", "currency", "numeric"], "decimal"),
    **dict.fromkeys(["bool", "checkbox", "bit"], "boolean"),
    **dict.fromkeys(["timestamp", "timestamptz", "date-time", "moment"], "datetime"),
    **dict.fromkeys(["select", "choice", "choices", "status"], "enum"),
    **dict.fromkeys(
        ["relation", "relationship", "foreignkey", "foreign_key", "fk", "ref", "user", "link"], "reference"
    ),
    **dict.fromkeys(["manytomany", "many_to_many", "m2m", "relations"], "references"),
    **dict.fromkeys(["array", "tags", "set"], "list"),
    **dict.fromkeys(["object", "jsonb", "dict", "map"], "json"),
    **dict.fromkeys(["serial", "autoincrement", "counter", "autonumber"], "sequence"),
    **dict.fromkeys(["uri", "website"], "url"),
    **dict.fromkeys(["guid", "id"], "uuid"),
    **dict.fromkeys(["upload", "attachment", "image", "photo", "picture", "blob"], "file"),
}


def parse_field(declaration: Any) -> FieldType:
    """Return the field of a declaration, `{"type": …, …}`. Raises Invalid, keyed by option."""
    if not isinstance(declaration, dict):
        text = 'Must be an object with at least `type`: {"type": "string"}.'
        raise Invalid([Problem("wrong_type", text, expected="object")])
    type_name = declaration.get("type")
    if not isinstance(type_name, str) or type_name not in TYPES:
        text = f"Must be one of: {', '.join(sorted(TYPES))}."
        problem = Problem("not_a_choice", text, choices=sorted(TYPES))
        meant = OTHER_NAMES.get(str(type_name).casefold()) or nearest(str(type_name), TYPES)
        raise Invalid({"type": [problem.proposing(meant)]})
    return TYPES[type_name].parse(declaration)
