"""The schemas of a resource: those that the document describes, and those that load the request of an actor."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from marshmallow import Schema, validate
from marshmallow.fields import Field

from backend.middleware.authentication import current_actor
from backend.routes.toolkit.aggregating import aggregate_parameters
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.expanding import EXPAND, Expanded, expand_parameters
from backend.routes.toolkit.list_parameters import (
    Fields,
    Parameters,
    list_parameters,
    make_row_schema,
    search_parameters,
)
from backend.services.access.actors import SYSTEM
from backend.services.definitions.catalog import Resource
from backend.services.definitions.definition import SYSTEM_FIELDS
from backend.services.definitions.policies import NO_FIELDS, hidden_fields
from backend.services.field_types.wire import StrictText
from backend.services.records.expansions import Relation, relations
from backend.services.records.schemas import data_schemas
from backend.utils.schemas import BuiltSchema

MAX_NARROWED = 32  # kept for each resource, one for each set of fields that somebody may see
NOT_EXPORTED = ("page", "per_page", "cursor", "count")  # parameters of a list that an export does not take
QUERIES = ("query", "export", "aggregate", "choice")

Hidden = frozenset[str]
Relations = Mapping[str, Relation]


class Schemas(NamedTuple):
    """What a resource takes and answers: queries of a list, an export, an aggregate and a record; rows; bodies."""

    query: BuiltSchema
    export: BuiltSchema
    aggregate: BuiltSchema
    choice: BuiltSchema
    item: type[BuiltSchema]
    record: type[BuiltSchema]
    create: BuiltSchema
    patch: BuiltSchema


def resource_schemas(resource: Resource) -> Schemas:
    """Return the Schemas that the document describes; each loads a request with the schema for its actor."""
    documented = _make_schemas(resource, NO_FIELDS, relations(resource, lambda definition: NO_FIELDS))
    if _has_ruled_fields(resource):
        narrowed = _NarrowedSchemas(resource)
        for part in QUERIES:
            getattr(documented, part).for_actor = partial(narrowed.of_actor, part)
        for part in ("create", "patch"):
            getattr(documented, part).for_actor = partial(_body_of_actor, resource, part)
    return documented


def _has_ruled_fields(resource: Resource) -> bool:
    """Tell whether not everybody may see and set all fields, here or where a relation back leads."""
    return any(each.definition.ruled_fields for each in (resource, *(other for other, _ in resource.referrers)))


def _body_of_actor(resource: Resource, part: str) -> Schema:
    schema: Schema = getattr(data_schemas(current_actor(), resource), part)
    return schema


class _NarrowedSchemas:
    """The Schemas of a resource without the fields and relations that an actor may not see."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        self._made: dict[tuple[Hidden, bool], Schemas] = {}

    def of_actor(self, part: str) -> Schema:
        """Return one of the schemas for the actor of the request."""
        actor = current_actor()
        hidden = hidden_fields(self._resource.definition, actor)
        offered = relations(self._resource, lambda definition: hidden_fields(definition, actor))
        key = hidden, bool(offered)
        schemas = self._made.get(key)
        if schemas is None:
            if len(self._made) >= MAX_NARROWED:
                self._made.clear()
            schemas = self._made[key] = _make_schemas(self._resource, hidden, offered)
        schema: Schema = getattr(schemas, part)
        return schema


def _make_schemas(resource: Resource, hidden: Hidden, offered: Relations) -> Schemas:
    """Return the Schemas without the hidden fields, with these relations; the bodies have every field."""
    name, bodies = resource.name, data_schemas(SYSTEM, resource)
    fields = {field_name: field for field_name, field in resource.fields.items() if field_name not in hidden}
    search = search_parameters([field_name for field_name in resource.definition.search if field_name not in hidden])
    parameters, expanding = list_parameters(fields) | search, expand_parameters(offered)
    return Schemas(
        query=_make_query(f"{name}_query", parameters | expanding),
        export=_make_query(f"{name}_export", _export_parameters(parameters)),
        aggregate=_make_query(f"{name}_aggregate", aggregate_parameters(fields, parameters)),
        choice=_make_query(f"{name}_choice", expanding),
        item=_make_output(f"{name}_item", fields, offered, required=False),
        record=_make_output(f"{name}_record", fields, offered, required=True),
        create=bodies.create,
        patch=bodies.patch,
    )


def _make_query(name: str, parameters: Parameters) -> BuiltSchema:
    make: Callable[[], BuiltSchema] = type(name, (QuerySchema,), dict(parameters))
    return make()


def _make_output(name: str, fields: Fields, offered: Relations, *, required: bool) -> type[BuiltSchema]:
    row = make_row_schema(name, fields, SYSTEM_FIELDS, required=required)
    return type(name, (row,), {EXPAND: Expanded(offered)}) if offered else row


def _export_parameters(parameters: Parameters) -> Parameters:
    form: Field[Any] = StrictText(
        load_default="csv",
        validate=validate.OneOf(["csv", "ndjson"]),
        metadata={"description": "Format of the file: CSV with a header, or a JSON object on each line"},
    )
    return {name: each for name, each in parameters.items() if name not in NOT_EXPORTED} | {"format": form}
