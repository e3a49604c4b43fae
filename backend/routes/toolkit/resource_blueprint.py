"""The blueprint of a resource, with the schemas that read, check and document its records for whoever asks."""

from typing import NamedTuple

import marshmallow as ma

from backend.middleware.authentication import current_actor, needing
from backend.middleware.paths import API
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.expanding import EXPAND, Expanded, expand_parameter
from backend.routes.toolkit.lists import (
    describe,
    list_parameters,
    make_aggregate_schema,
    make_export_schema,
    make_output_schema,
    search_parameter,
)
from backend.routes.toolkit.openapi import OPTIONAL_SIGN_IN, SIGN_IN
from backend.routes.toolkit.schemas import BuiltSchema
from backend.services.definitions import policies
from backend.services.definitions.definition import SYSTEM_FIELDS
from backend.services.definitions.policies import LOCKED, NO_FIELDS, hidden_fields, locked_fields
from backend.services.records.expansions import relations

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

    query: ma.Schema
    export: ma.Schema
    aggregate: ma.Schema
    choice: ma.Schema
    item: type
    record: type
    create: ma.Schema
    patch: ma.Schema


def _schemas(resource, hidden=NO_FIELDS, locked=NO_FIELDS, offered=None):
    """Return the Schemas for somebody who cannot see and not set some fields, and is offered some relations."""
    name = resource.name
    offered = relations(resource, lambda definition: NO_FIELDS) if offered is None else offered
    kinds = {field: kind for field, kind in resource.kinds.items() if field not in hidden}
    known = {field: kind for field, kind in resource.definition.fields.items() if field not in hidden & locked}

    def schema(suffix, fields, base=BuiltSchema):
        return type(f"{name}_{suffix}", (base,), fields)

    def output(suffix, **options):
        made = make_output_schema(f"{name}_{suffix}", kinds, SYSTEM_FIELDS, **options)
        return schema(suffix, {EXPAND: Expanded(offered)}, made) if offered else made

    def body(suffix, make):
        fields = {field: Locked() if field in locked else make(kind) for field, kind in known.items()}
        return schema(suffix, fields)()

    expanding = expand_parameter(offered)
    search = search_parameter([field for field in resource.definition.search if field not in hidden])
    parameters = list_parameters(kinds) | search
    return Schemas(
        query=schema("query", parameters | expanding, QuerySchema)(),
        export=make_export_schema(name, parameters)(),
        aggregate=make_aggregate_schema(name, kinds, parameters)(),
        choice=schema("choice", expanding, QuerySchema)(),
        item=output("item", required=False),
        record=output("record"),
        create=body("create", _input),
        patch=body("patch", _patch),
    )


def _narrow_by_actor(resource, documented):
    """Let each request be read by the schemas for its actor; `documented` are those for somebody who may do all."""
    if not any(each.definition.ruled_fields for each in (resource, *(other for other, _ in resource.referrers))):
        return
    made = {}

    def narrowed():
        actor = current_actor()
        hidden, locked = (find(resource.definition, actor) for find in (hidden_fields, locked_fields))
        offered = relations(resource, lambda definition: hidden_fields(definition, actor))
        key = (hidden, locked, bool(offered))
        schemas = made.get(key)
        if schemas is None:
            if len(made) >= MAX_NARROWED:
                made.clear()
            schemas = made[key] = _schemas(resource, hidden, locked, offered)
        return schemas

    for part in ("query", "export", "aggregate", "choice", "create", "patch"):
        getattr(documented, part).for_actor = lambda part=part: getattr(narrowed(), part)


class Locked(ma.fields.Raw):
    """A field that the actor may see, but not set."""

    def deserialize(self, value, attr=None, data=None, **kwargs):
        """Refuse any value, null too."""
        if value is not ma.missing:
            raise ma.ValidationError(LOCKED)
        return value


def _input(kind):
    """Return the field for creating and replacing: what is left out becomes the default, or null."""
    options = {"allow_none": not kind.required, "metadata": describe(kind)}
    if kind.default is not None:
        # The default as it is kept: marshmallow does not parse it again.
        options |= {"load_default": kind.wire().deserialize(kind.default)}
        options["metadata"]["default"] = kind.default
    elif kind.required:
        options |= {"required": True}
    else:
        options |= {"load_default": None}
    return kind.wire(**options)


def _patch(kind):
    return kind.wire(allow_none=not kind.required, metadata=describe(kind))
