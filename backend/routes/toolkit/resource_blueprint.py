"""The blueprint of a resource, with the schemas that read, check and document its records for whoever asks."""

from typing import NamedTuple

from marshmallow import Schema

from backend.middleware.authentication import current_actor, needing
from backend.middleware.paths import API
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.expanding import EXPAND, Expanded, expand_parameter
from backend.routes.toolkit.lists import (
    list_parameters,
    make_aggregate_schema,
    make_export_schema,
    make_output_schema,
    search_parameter,
)
from backend.routes.toolkit.security import OPTIONAL_SIGN_IN, SIGN_IN
from backend.services.access.actors import SYSTEM
from backend.services.definitions import policies
from backend.services.definitions.definition import SYSTEM_FIELDS
from backend.services.definitions.policies import NO_FIELDS, hidden_fields
from backend.services.records.expansions import relations
from backend.services.records.schemas import data_schemas
from backend.utils.schemas import BuiltSchema

MAX_NARROWED = 32  # kept for each resource, one for each set of fields that somebody may see and set


class ResourceBlueprint(Blueprint):
    """The blueprint of one resource."""

    def __init__(self, resource):
        definition = resource.definition
        super().__init__(
            resource.name,
            __name__,
            url_prefix=f"{API}/{resource.name}",
            description=definition.description or f"Records of {resource.name}",
        )
        self.resource, self.definition = resource, definition
        self.schemas = _schemas(resource)
        _narrow_by_actor(resource, self.schemas)

    def allowed(self, action):
        """Return the guard of a view that needs a grant for the action."""
        return needing(f"a grant to {action}")(lambda: policies.authorize(self.definition, action, current_actor()))

    def documented(self, action, operation, summary, **extra):
        """Return the decorator with the operation's name, and whether it needs a sign-in."""
        security = OPTIONAL_SIGN_IN if self.definition.grants(action).are_public else SIGN_IN
        return self.doc(operationId=f"{operation}_{self.resource.name}", summary=summary, security=security, **extra)


class Schemas(NamedTuple):
    """What a resource takes and gives: parameters of a list and of a record, an item of a list, a record, bodies."""

    query: Schema
    export: Schema
    aggregate: Schema
    choice: Schema
    item: type
    record: type
    create: Schema
    patch: Schema


def _schemas(resource, hidden=NO_FIELDS, offered=None):
    """Return the Schemas for somebody who cannot see some fields, and is offered some relations.

    The bodies are those for somebody who may set every field.
    """
    name = resource.name
    offered = relations(resource, lambda definition: NO_FIELDS) if offered is None else offered
    kinds = {field: kind for field, kind in resource.kinds.items() if field not in hidden}

    def schema(suffix, fields, base=BuiltSchema):
        return type(f"{name}_{suffix}", (base,), fields)

    def output(suffix, **options):
        made = make_output_schema(f"{name}_{suffix}", kinds, SYSTEM_FIELDS, **options)
        return schema(suffix, {EXPAND: Expanded(offered)}, made) if offered else made

    expanding = expand_parameter(offered)
    search = search_parameter([field for field in resource.definition.search if field not in hidden])
    parameters = list_parameters(kinds) | search
    bodies = data_schemas(SYSTEM, resource)
    return Schemas(
        query=schema("query", parameters | expanding, QuerySchema)(),
        export=make_export_schema(name, parameters)(),
        aggregate=make_aggregate_schema(name, kinds, parameters)(),
        choice=schema("choice", expanding, QuerySchema)(),
        item=output("item", required=False),
        record=output("record"),
        create=bodies.create,
        patch=bodies.patch,
    )


def _narrow_by_actor(resource, documented):
    """Let each request be read by the schemas for its actor; `documented` are those for somebody who may do all."""
    if not any(each.definition.ruled_fields for each in (resource, *(other for other, _ in resource.referrers))):
        return
    made = {}

    def narrowed():
        actor = current_actor()
        hidden = hidden_fields(resource.definition, actor)
        offered = relations(resource, lambda definition: hidden_fields(definition, actor))
        key = (hidden, bool(offered))
        schemas = made.get(key)
        if schemas is None:
            if len(made) >= MAX_NARROWED:
                made.clear()
            schemas = made[key] = _schemas(resource, hidden, offered)
        return schemas

    for part in ("query", "export", "aggregate", "choice"):
        getattr(documented, part).for_actor = lambda part=part: getattr(narrowed(), part)
    documented.create.for_actor = lambda: data_schemas(current_actor(), resource).create
    documented.patch.for_actor = lambda: data_schemas(current_actor(), resource).patch
