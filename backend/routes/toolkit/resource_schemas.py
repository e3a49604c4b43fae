"""The schemas of a resource: those in the OpenAPI document, and those that load the requests of an actor."""

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any, NamedTuple

from flask import request
from marshmallow import Schema, validate
from marshmallow.fields import Field

from backend.routes.toolkit.aggregate_parameters import aggregate_parameters
from backend.routes.toolkit.arguments import CommaList, QuerySchema
from backend.routes.toolkit.expand_parameter import EXPAND, Expanded, expand_parameters
from backend.routes.toolkit.list_parameters import (
    Fields,
    Parameters,
    list_parameters,
    make_row_schema,
    search_parameters,
)
from backend.routes.toolkit.where_parameter import WhereText
from backend.services.access.actors import SYSTEM, Actor
from backend.services.definitions.catalog import Resource
from backend.services.definitions.client_names import client_names
from backend.services.definitions.policies import NO_FIELDS, hidden_fields, locked_fields
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.records.schemas import data_schemas
from backend.services.records.upserts import upsert_keys
from backend.services.records.visible_queries import visible_paths, visible_relations
from backend.services.storage.relations import Relation
from backend.utils.schemas import BuiltSchema

MAX_NARROWED = 32  # Schemas kept per resource, one for each combination of hidden fields and relations
NOT_EXPORTED = ("page", "per_page", "cursor", "count")  # parameters of a list that an export does not take
QUERIES = ("list_query", "export_query", "aggregate_query", "record_query", "upsert_query")

UPSERT = "upsert"  # the query parameter

Hidden = frozenset[str]
Relations = Mapping[str, Relation]


class Schemas(NamedTuple):
    """The schemas of a resource: the query parameters of its reads, the rows of responses, and the bodies of writes.

    `upsert_query` has no parameter if there is no unique set that identifies a record.
    """

    list_query: QuerySchema
    export_query: QuerySchema
    aggregate_query: QuerySchema
    record_query: QuerySchema
    record: type[BuiltSchema]
    create: BuiltSchema
    patch: BuiltSchema
    upsert_query: QuerySchema
    create_or_upsert: BuiltSchema


def resource_schemas(resource: Resource) -> Schemas:
    """Return the Schemas for the OpenAPI document, with all fields.

    If not everyone may see or set all fields, their `for_actor` returns the schema that loads the request of an actor.
    """
    documented = _make_schemas(resource, _View(NO_FIELDS, NO_FIELDS, resource.relations(), resource.path_fields))
    if resource.path_fields or _has_ruled_fields(resource):
        narrowed = _NarrowedSchemas(resource)
        for schema_name in QUERIES:
            getattr(documented, schema_name).for_actor = partial(narrowed.of_actor, schema_name)
        for schema_name in ("create", "patch"):
            getattr(documented, schema_name).for_actor = partial(_body_of_actor, resource, schema_name)
    documented.create_or_upsert.for_actor = partial(_body_to_create_or_upsert, resource)
    return documented


def _has_ruled_fields(resource: Resource) -> bool:
    """Return whether a field of the resource, or of one that refers to it, cannot be seen or set by everyone."""
    referrers = [referrer for referrer, _ in (*resource.referrers, *resource.linkers)]
    return any(related.definition.ruled_fields for related in (resource, *referrers))


def _body_of_actor(resource: Resource, schema_name: str, actor: Actor) -> Schema:
    schema: Schema = getattr(data_schemas(actor, resource), schema_name)
    return schema


class _AnyObject(BuiltSchema):
    """The body of an upsert, which is validated once it is known whether the record exists."""

    def load(self, data: Any, **options: Any) -> dict[str, Any]:
        """Return the object unchanged."""
        return dict(data)


_ANY_OBJECT = _AnyObject()


def _body_to_create_or_upsert(resource: Resource, actor: Actor) -> Schema:
    return _ANY_OBJECT if UPSERT in request.args else _body_of_actor(resource, "create", actor)


class _NarrowedSchemas:
    """The Schemas of a resource for each actor: without the fields and relations that they may not see."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource
        self._narrowed: dict[Hashable, Schemas] = {}

    def of_actor(self, schema_name: str, actor: Actor) -> Schema:
        """Return the schema of this name in Schemas, for the actor."""
        definition = self._resource.definition
        hidden, locked = hidden_fields(definition, actor), locked_fields(definition, actor)
        expandable = visible_relations(actor, self._resource)
        view = _View(hidden, locked, expandable, visible_paths(actor, self._resource))
        schemas = self._narrowed.get(view.key)
        if schemas is None:
            if len(self._narrowed) >= MAX_NARROWED:
                self._narrowed.clear()
            schemas = self._narrowed[view.key] = _make_schemas(self._resource, view)
        schema: Schema = getattr(schemas, schema_name)
        return schema


class _View(NamedTuple):
    """What an actor sees of a resource: without the hidden fields, with these relations and paths.

    The `locked` fields cannot identify a record for an upsert.
    """

    hidden: Hidden
    locked: Hidden
    expandable: Relations
    paths: Fields

    @property
    def key(self) -> Hashable:
        """The values on which the schemas depend."""
        return self.hidden, self.locked, bool(self.expandable), tuple(self.paths)


def _make_schemas(resource: Resource, view: _View) -> Schemas:
    """Return the Schemas for a view; the bodies of writes have all fields."""
    hidden, locked, expandable, paths = view
    name, bodies = resource.name, data_schemas(SYSTEM, resource)
    fields = {field_name: field for field_name, field in resource.fields.items() if field_name not in hidden}
    search = search_parameters([field_name for field_name in resource.definition.search if field_name not in hidden])
    expand = expand_parameters(expandable)
    listed = list_parameters(fields, paths=paths, more=expand | search | {"where": WhereText(name)})
    parameters = {parameter: field for parameter, field in listed.items() if parameter not in expand}
    return Schemas(
        list_query=_make_query(f"{name}_query", listed, fields),
        export_query=_make_query(f"{name}_export", _export_parameters(parameters), fields),
        aggregate_query=_make_query(f"{name}_aggregate", aggregate_parameters(fields, paths, parameters), fields),
        record_query=_make_query(f"{name}_choice", expand, {}),
        record=_make_output(client_names(name).type, fields, expandable),
        create=bodies.create,
        patch=bodies.patch,
        upsert_query=_make_query(f"{name}_upsert", _upsert_parameters(resource, hidden | locked), {}),
        create_or_upsert=type(bodies.create)(),  # the same schema in the document, but with a `for_actor` of its own
    )


def _upsert_parameters(resource: Resource, barred: Hidden) -> Parameters:
    keys = [*upsert_keys(resource.definition, barred)]
    help_text = "Change the record that has the values of these fields, if there is one; needs a grant to update, too"
    return {UPSERT: StrictText(validate=validate.OneOf(keys), metadata={"description": help_text})} if keys else {}


def create_summary(name: str, *, upserts: bool = False) -> str:
    """Return the summary of the operation that creates a record, or `upserts` it."""
    return f"Create a record of {name}" + (", or change the one that has the same key" if upserts else "")


def _make_query(name: str, parameters: Parameters, fields: Fields) -> QuerySchema:
    types = {field_name: field.name for field_name, field in fields.items()}
    make: Callable[[], QuerySchema] = type(name, (QuerySchema,), {**parameters, "types": types})
    return make()


def _make_output(name: str, fields: Fields, expandable: Relations) -> type[BuiltSchema]:
    row = make_row_schema(name, fields)
    return type(name, (row,), {EXPAND: Expanded(expandable)}) if expandable else row


def _export_parameters(parameters: Parameters) -> Parameters:
    form: Field[Any] = StrictText(
        load_default="csv",
        validate=validate.OneOf(["csv", "ndjson"]),
        metadata={"description": "Format of the file: CSV with a header, or a JSON object on each line"},
    )
    columns = CommaList(
        StrictText(),
        metadata={"description": "Columns of a CSV file: fields, and paths through references such as `country.code`"},
    )
    delimiter = StrictText(load_default=",", metadata={"description": "What separates the cells of a CSV file"})
    return {"format": form, "columns": columns, "delimiter": delimiter} | {
        name: field for name, field in parameters.items() if name not in NOT_EXPORTED
    }
