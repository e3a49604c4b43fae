"""The parameter `expand`, and its description in the OpenAPI document."""

from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import fields, validate

from backend.routes.toolkit.arguments import CommaList
from backend.routes.toolkit.list_parameters import Parameters, require_unique
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.records.expansions import MAX_EXPANSIONS
from backend.services.storage.relations import Relation

EXPAND = "expand"  # the name of the parameter, and of the member of a record with the related records


class Expanded(fields.Raw):
    """The related records that a request has expanded: a map of relation name to record or records."""

    def __init__(self, relations: Mapping[str, Relation]) -> None:
        super().__init__()
        self.relations = relations


def describe_expanded(converter: Any, field: fields.Field[Any], **_: Any) -> dict[str, Any]:
    """Return the JSON Schema of an Expanded, and an empty one of other fields."""
    return expanded_schema(field.relations) if isinstance(field, Expanded) else {}


def expanded_schema(relations: Mapping[str, Relation]) -> dict[str, Any]:
    """Return the JSON Schema of the member `expand` of a record."""
    return {
        "type": "object",
        "description": "The related records that `expand` asked for",
        "properties": {name: _related_schema(relation) for name, relation in relations.items()},
    }


def _related_schema(relation: Relation) -> dict[str, Any]:
    record = {"$ref": f"#/components/schemas/{relation.target}_record"}
    if not relation.is_back:
        return {"anyOf": [record, {"type": "null"}]}
    page = {"data": {"type": "array", "items": record}, "next_cursor": {"type": ["string", "null"]}}
    return {"type": "object", "properties": page, "required": list(page)}


def expand_help(relations: Iterable[str]) -> str:
    """Return the description of the parameter `expand`."""
    named = ", ".join(f"`{name}`" for name in sorted(relations))
    return f"Related records to include in each record: {named}. A dot leads on to the records related to these"


def expand_parameters(relations: Iterable[str]) -> Parameters:
    """Return the parameter `expand`; return no parameters if there are no relations."""
    if not relations:
        return {}
    checks = [validate.Length(1, MAX_EXPANSIONS), require_unique]
    metadata = {"description": expand_help(relations), "uniqueItems": True}
    return {EXPAND: CommaList(StrictText(), validate=checks, metadata=metadata)}
