"""The parameter `expand`, and what the document says of it."""

from marshmallow import fields, validate

from backend.routes.toolkit.arguments import CommaList
from backend.routes.toolkit.lists import are_different
from backend.services.field_types.wire import StrictText
from backend.services.records.expansions import MAX_EXPANSIONS

EXPAND = "expand"  # the parameter, and the place in a record of what it asks for


class Expanded(fields.Raw):
    """What of a record a request has had expanded; any of the relations, a dict by name."""

    def __init__(self, relations):
        super().__init__()
        self.relations = relations


def describe_expanded(converter, field, **_):
    """Return what the document says of an Expanded."""
    return expanded_schema(field.relations) if isinstance(field, Expanded) else {}


def expanded_schema(relations):
    """Return the JSON Schema of what may be expanded."""
    return {
        "type": "object",
        "description": "What `expand` asked for",
        "properties": {name: _related_schema(relation) for name, relation in relations.items()},
    }


def _related_schema(relation):
    record = {"$ref": f"#/components/schemas/{relation.target.name}_record"}
    if not relation.is_back:
        return {"anyOf": [record, {"type": "null"}]}
    page = {"data": {"type": "array", "items": record}, "next_cursor": {"type": ["string", "null"]}}
    return {"type": "object", "properties": page, "required": list(page)}


def expand_help(relations):
    """Return what the document says of the parameter `expand`."""
    named = ", ".join(f"`{name}`" for name in sorted(relations))
    return f"Related records to put into each: {named}; and of those in turn, after a dot"


def expand_parameter(relations):
    """Return the parameter by itself, in a dict; an empty one when there is nothing to expand."""
    if not relations:
        return {}
    checks = [validate.Length(1, MAX_EXPANSIONS), are_different]
    metadata = {"description": expand_help(relations), "uniqueItems": True}
    return {EXPAND: CommaList(StrictText(), validate=checks, metadata=metadata)}
