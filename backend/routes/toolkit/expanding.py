"""The parameter `expand`, and its description in the document."""

from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import fields, validate

from backend.routes.toolkit.arguments import CommaList
from backend.routes.toolkit.list_parameters import Parameters, require_different
from backend.services.field_types.wire import StrictText
from backend.services.records.expansions import MAX_EXPANSIONS, Relation

EXPAND = "expand"  # the parameter, and the place in a record of what it asks for


class Expanded(fields.Raw):
    """The related records that a request has expanded: some of the relations, a dict by name."""

    def __init__(self, relations: Mapping[str, Relation]) -> None:
        super().__init__()
        self.relations = relations


def describe_expanded(converter: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """Return the JSON Schema of an Expanded, nothing for other fields."""
    return expanded_schema(field.relations) if isinstance(field, Expanded) else {}


def expanded_schema(relations: Mapping[str, Relation]) -> dict[str, Any]:
    """Return the JSON Schema of what may be expanded."""
    return {
        "type": "object",
        "description": "The related records that `expand` asked for",
        "properties": {name: _related_schema(relation) for name, relation in relations.items()},
    }


def _related_schema(relation: Relation) -> dict[str, Any]:
    record = {"$ref": f"#/components/schemas/{relation.target.name}_record"}
    if not relation.is_back:
        return {"anyOf": [record, {"type": "null"}]}
    page = {"data": {"type": "array", "items": record}, "next_cursor": {"type": ["string", "null"]}}
    return {"type": "object", "properties": page, "required": list(page)}


def expand_help(relations: Iterable[str]) -> str:
    """Return the description of the parameter `expand`."""
    named = ", ".join(f"`{name}`" for name in sorted(relations))
    return f"Related records to include in each record: {named}; and those related to them, after a dot"


def expand_parameters(relations: Iterable[str]) -> Parameters:
    """Return the parameter `expand`, none without relations."""
    if not relations:
        return {}
    checks = [validate.Length(1, MAX_EXPANSIONS), require_different]
    metadata = {"description": expand_help(relations), "uniqueItems": True}
    return {EXPAND: CommaList(StrictText(), validate=checks, metadata=metadata)}
