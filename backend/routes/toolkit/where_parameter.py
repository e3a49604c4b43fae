"""The query parameter `where`, and its JSON Schema in the OpenAPI document."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from marshmallow import ValidationError, fields

from backend.routes.toolkit.document_components import Json, component
from backend.services.definitions.catalog import Catalog, Resource
from backend.services.definitions.client_names import client_names
from backend.services.definitions.definition import Definition
from backend.services.definitions.file_table import FACTS
from backend.services.definitions.places import MAX_HOPS
from backend.services.definitions.where import GROUPS, MAX_IN, QUANTIFIERS
from backend.services.field_types.base import FieldType
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.field_types.reference import USERS
from backend.services.storage.operators import COMPARISONS, NOT_EMPTY, OF_TRUTH, OF_VALUES
from backend.utils.problems import Problem
from backend.utils.strict_json import read_object

WHERE_HELP = (
    'Conditions as JSON, such as `{"any": [{"open": true}, {"stars": {"gte": 2}}]}`. A path such as `country.code` '
    "leads through references, `some` and `none` through relations to many records"
)
OTHER_FIELD: Json = {
    "type": "object",
    "description": "Another field of the same record",
    "properties": {"field": {"type": "string"}},
    "required": ["field"],
}


class WhereText(StrictText):
    """The text of a JSON object; it loads the object."""

    def __init__(self, resource: str | None = None) -> None:
        """Take the name of the resource, if the document describes the conditions."""
        super().__init__(metadata={"description": WHERE_HELP})
        self.resource = resource

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return read_object(text)
        except ValueError as error:
            raise ValidationError(Problem("bad_format", str(error), expected="json")) from error


def describe_where(converter: Any, field: fields.Field[Any], **_: Any) -> Json:
    """Return what the JSON Schema of a WhereText has in addition to that of a text."""
    if not isinstance(field, WhereText) or field.resource is None:
        return {}
    return {"contentMediaType": "application/json", "contentSchema": component(where_name(field.resource))}


@dataclass(frozen=True)
class Reach:
    """What an actor may use in a `where`: the resources they may list, and the hidden fields by resource."""

    listable: frozenset[str]
    hidden: Mapping[str, frozenset[str]]

    @property
    def key(self) -> tuple[frozenset[str], frozenset[tuple[str, frozenset[str]]]]:
        """The same in a form that can be a key."""
        return self.listable, frozenset(self.hidden.items())

    def hidden_fields(self, definition: Definition) -> frozenset[str]:
        """Return the hidden fields of a definition."""
        return self.hidden.get(definition.name, frozenset())


def where_schemas(resource: Resource, reach: Reach) -> dict[str, Json]:
    """Return the components that describe the `where` of a resource: its own, and those of the types of its fields."""
    catalog = resource.catalog
    ends = list(_ends(catalog, resource, reach, "", MAX_HOPS))
    own = component(where_name(resource.name))
    groups: Json = {name: {"type": "array", "items": own, "minItems": 1} for name in GROUPS[:-1]} | {GROUPS[-1]: own}
    properties = groups | {end.path: _schema(end) for end in ends}
    types = {end.field.name: end.field for end in ends if end.field}
    own_schema = {"type": "object", "properties": properties, "additionalProperties": False}
    schemas = {where_name(resource.name): own_schema, "OtherField": OTHER_FIELD}
    for name, field in types.items():
        schemas[f"{name.title()}Operators"] = _operators(field)
        if _may_be_value(field):
            values = [{"type": field.json_type}, component(f"{name.title()}Operators")]
            schemas[f"{name.title()}Condition"] = {"anyOf": values}
    if any(end.target == USERS for end in ends):  # they have no piece of the document of their own
        schemas |= where_schemas(catalog.people, reach)
    return schemas


class _End(NamedTuple):
    """The end of a path: a field, or a relation to records of the resource `target`, or both for a reference.

    `is_list` says whether the relation is a list of references.
    """

    path: str
    field: FieldType | None = None
    target: str = ""
    is_list: bool = False


def _ends(catalog: Catalog, resource: Resource, reach: Reach, prefix: str, hops: int) -> Iterator[_End]:
    """Yield the ends of the paths that lead through at most this many references."""
    hidden = reach.hidden_fields(resource.definition)
    columns = {name: field for name, field in resource.fields.items() if field.has_column and name not in hidden}
    yield from (_End(prefix + name, field) for name, field in columns.items())
    for name in resource.definition.files.keys() & columns.keys() if hops else ():
        yield from (_End(f"{prefix}{name}.{part}", field) for part, field in FACTS.items())
    for name, relation in resource.relations(reach.hidden_fields).items():
        if relation.target not in reach.listable:
            continue
        if not relation.is_many:
            yield _End(prefix + name, columns[name], relation.target)
        if relation.is_many:
            yield _End(prefix + name, target=relation.target, is_list=not relation.is_back)
        elif hops:
            yield from _ends(catalog, catalog.target(relation.target), reach, f"{prefix}{name}.", hops - 1)


def _schema(end: _End) -> Json:
    """Return the schema of the conditions at the end of a path."""
    if end.field and end.target:
        return {"anyOf": [_schema(_End(end.path, end.field)), _schema(_End(end.path, target=end.target))]}
    if end.field:
        return component(f"{end.field.name.title()}{'Condition' if _may_be_value(end.field) else 'Operators'}")
    where = component(where_name(end.target))
    properties = dict.fromkeys(QUANTIFIERS, where)
    if end.is_list:
        ids: Json = {"type": "array", "items": {"type": "string", "format": "uuid"}, "minItems": 1, "maxItems": MAX_IN}
        properties |= {"none": {"anyOf": [where, ids]}, "any": ids, "all": ids, "isempty": {"type": "boolean"}}
    return {"type": "object", "properties": properties, "additionalProperties": False, "minProperties": 1}


def _may_be_value(field: FieldType) -> bool:
    """Return whether a condition on a field of this type can be a value instead of an object of operators."""
    return "eq" in field.operators


def _operators(field: FieldType) -> Json:
    value: Json = {"type": field.json_type}
    operators = {operator: _operand(operator, value) for operator in field.operators}
    return {"type": "object", "properties": operators, "additionalProperties": False, "minProperties": 1}


def _operand(operator: str, value: Json) -> Json:
    if operator in OF_TRUTH:
        return {"type": "boolean"}
    if operator in OF_VALUES:
        return {"type": "array", "items": value, "maxItems": MAX_IN} | (
            {"minItems": 1} if operator in NOT_EMPTY else {}
        )
    return {"anyOf": [value, component("OtherField")]} if operator in COMPARISONS else value


def where_name(resource: str) -> str:
    """Return the name of the schema of the `where` of a resource."""
    return f"{client_names(resource).type}Where"
