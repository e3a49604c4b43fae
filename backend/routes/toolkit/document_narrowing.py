"""Removes from the OpenAPI document the fields and relations that an actor may not see or use."""

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.middleware.paths import API
from backend.routes.toolkit.aggregate_parameters import HAVING, having_pattern
from backend.routes.toolkit.arguments import family_schema
from backend.routes.toolkit.enum_names import VARNAMES, sort_names
from backend.routes.toolkit.expand_parameter import EXPAND, RELATED, expand_help, expanded_schema, related_pattern
from backend.routes.toolkit.file_paths import narrow_file_paths
from backend.routes.toolkit.list_parameters import search_help
from backend.routes.toolkit.profiles import ANY_PROFILE, CHANGE, PROFILE
from backend.routes.toolkit.resource_schemas import UPSERT, create_summary
from backend.routes.toolkit.where_parameter import Reach, where_schemas
from backend.services.access.actors import Actor
from backend.services.definitions.catalog import Catalog, Resource
from backend.services.definitions.client_names import client_names
from backend.services.definitions.policies import has_any_grant, has_grant, hidden_fields, locked_fields
from backend.services.records.measures import FUNCTIONS
from backend.services.records.upserts import upsert_keys
from backend.services.records.visible_queries import expandable_relations, visible_paths
from backend.services.storage.relations import Relation

LISTS_OF_FIELDS = ("sort", "fields", "group_by", *FUNCTIONS)
UPSERT_STATUSES = ("200", "412", "428")  # of the operation that creates a record

Json = dict[str, Any]  # a part of the document


@dataclass(frozen=True)
class VisiblePart:
    """What an actor may see of a resource: all fields except the `hidden` ones, and the `expandable` relations.

    They may not set the `locked` fields. `paths` are those of its definition that they may use, `reach` is what they
    may use of all resources in a `where`.
    """

    name: str
    hidden: frozenset[str]
    locked: frozenset[str]
    expandable: Mapping[str, Relation]
    paths: tuple[str, ...]
    reach: Reach

    @property
    def key(self) -> Hashable:
        """The values on which the document of the resource depends; equal keys have the same document."""
        return self.hidden, self.locked, tuple(self.expandable), self.paths, self.reach.key

    def shows(self, name: str) -> bool:
        """Return whether a field or a path in a parameter is visible; it may be followed by an operator or a part."""
        field = re.split("__|:", name)[0]
        return field in self.paths if "." in field else field not in self.hidden

    def narrow(self, document: Json, resource: Resource) -> Json:
        """Return the document of a resource with this part only."""
        name, type_name, components = resource.name, client_names(resource.name).type, document["components"]
        schemas, paths = dict(components["schemas"]), dict(document["paths"])
        schemas[type_name] = _narrow_expanded(_without(schemas[type_name], self.hidden), self.expandable)
        schemas[f"{type_name}Aggregate"] = _narrow_group(schemas[f"{type_name}Aggregate"], self)
        for key in (f"{type_name}Create", f"{type_name}Update"):
            schemas[key] = _without(schemas[key], self.locked)
        schemas |= where_schemas(resource, self.reach)
        searched = [field for field in resource.definition.search if field not in self.hidden]
        for path in ("", "/{record_id}", "/export", "/aggregate"):
            key = f"{API}/{name}{path}"
            parameters = paths[key]["get"]["parameters"]
            narrowed = [_narrow_parameter(parameter, resource, self, searched) for parameter in parameters]
            kept = [parameter for parameter in narrowed if parameter]
            paths[key] = paths[key] | {"get": paths[key]["get"] | {"parameters": kept}}
        creating = f"{API}/{name}"
        keys = [*upsert_keys(resource.definition, self.hidden | self.locked)]
        paths[creating] = paths[creating] | {"post": _narrow_create(name, paths[creating]["post"], keys)}
        paths = narrow_file_paths(paths, resource, self.hidden)
        return document | {"components": components | {"schemas": schemas}, "paths": paths}


@dataclass(frozen=True)
class PeoplePart:
    """What an actor may see of the users: those who are signed in see which profile fields there are."""

    shows_profiles: bool

    @property
    def key(self) -> Hashable:
        """The value on which the document of the users depends."""
        return self.shows_profiles

    def narrow(self, document: Json, people: Resource) -> Json:
        """Return the document of the users with this part only."""
        if self.shows_profiles:
            return document
        components = document["components"]
        return document | {
            "components": components
            | {"schemas": components["schemas"] | dict.fromkeys((PROFILE, CHANGE), ANY_PROFILE)}
        }


def visible_feeds(catalog: Catalog, actor: Actor) -> tuple[str, ...]:
    """Return the names of the resources with a feed of which the actor may list records."""
    return tuple(name for name, each in catalog.items() if each.has_feed and has_grant(each, "list", actor))


def narrow_changes(path: Json, feeds: tuple[str, ...]) -> Json:
    """Return the document of a path of feeds with the names of these resources as the only values of its `resource`."""
    for parameter in path["get"]["parameters"] if feeds else ():
        if parameter.get("name") == "resource":
            parameter["schema"]["items"]["enum"] = [*feeds]
    return path


def visible_parts(catalog: Catalog, actor: Actor) -> list[VisiblePart]:
    """Return the VisiblePart of each resource for which the actor has a grant."""
    granted = [resource for resource in catalog.values() if has_any_grant(resource, actor)]
    reach = _reach(catalog, actor)
    return [_visible_part(resource, actor, reach) for resource in granted]


def _reach(catalog: Catalog, actor: Actor) -> Reach:
    resources = [*catalog.values(), catalog.people]
    listable = [resource.name for resource in resources if has_grant(resource, "list", actor)]
    hidden = {resource.name: hidden_fields(resource.definition, actor) for resource in resources}
    return Reach(frozenset(listable), {name: names for name, names in hidden.items() if names})


def _visible_part(resource: Resource, actor: Actor, reach: Reach) -> VisiblePart:
    definition = resource.definition
    expandable = expandable_relations(actor, resource)
    hidden, locked = hidden_fields(definition, actor), locked_fields(definition, actor)
    paths = tuple(visible_paths(actor, resource)) if definition.paths else ()
    return VisiblePart(resource.name, hidden, locked, expandable, paths, reach)


def _without(schema: Json, names: frozenset[str]) -> Json:
    """Return the schema of an object without the properties of these names."""
    narrowed: Json = {"properties": {name: value for name, value in schema["properties"].items() if name not in names}}
    if "required" in schema:
        narrowed["required"] = [name for name in schema["required"] if name not in names]
    return schema | narrowed


def _narrow_expanded(schema: Json, expandable: Mapping[str, Relation]) -> Json:
    """Return the schema of a record with these relations only; without `expand` if there are none."""
    if EXPAND not in schema["properties"]:
        return schema
    properties = {name: value for name, value in schema["properties"].items() if name != EXPAND}
    return schema | {"properties": properties | ({EXPAND: expanded_schema(expandable)} if expandable else {})}


def _narrow_group(schema: Json, visible: VisiblePart) -> Json:
    """Return the schema of a group without the keys and the measures of what is not visible."""
    properties = {
        name: _without(value, visible.hidden) if name in FUNCTIONS else value
        for name, value in schema["properties"].items()
        if name in FUNCTIONS or visible.shows(name)
    }
    return schema | {"properties": properties}


def _narrow_create(name: str, operation: Json, keys: Sequence[str]) -> Json:
    """Return the operation that creates a record, with only these keys for upserts; without upserts if it has none."""
    parameters, responses = operation["parameters"], operation["responses"]
    if not keys:
        parameters = [each for each in parameters if each["name"] not in (UPSERT, "If-Match")]
        responses = {status: each for status, each in responses.items() if status not in UPSERT_STATUSES}
        return operation | {"summary": create_summary(name), "parameters": parameters, "responses": responses}
    narrowed = [
        each | {"schema": each["schema"] | {"enum": keys}} if each["name"] == UPSERT else each for each in parameters
    ]
    return operation | {"parameters": narrowed}


def _narrow_parameter(
    parameter: Json, resource: Resource, visible: VisiblePart, searched: Sequence[str]
) -> Json | None:
    """Return the parameter without hidden fields and relations; None if nothing of it is visible."""
    name = parameter.get("name", "")
    if parameter.get("in") != "query":
        return parameter
    if name == EXPAND:
        return parameter | {"description": expand_help(visible.expandable)} if visible.expandable else None
    if name == RELATED:
        schema = family_schema(related_pattern(visible.expandable))
        return parameter | {"schema": schema} if visible.expandable else None
    if name == "q":
        return parameter | {"description": search_help(searched)} if searched else None
    if name == HAVING and visible.hidden:
        fields = {
            field_name: field for field_name, field in resource.fields.items() if field_name not in visible.hidden
        }
        return parameter | {"schema": family_schema(having_pattern(fields))}
    if name in LISTS_OF_FIELDS:
        return _without_fields(parameter, visible)
    return parameter if visible.shows(name) else None


def _without_fields(parameter: Json, visible: VisiblePart) -> Json:
    """Return a parameter that takes names of fields and paths without those that are not visible."""
    items = parameter["schema"]["items"]
    if "enum" not in items:
        return parameter
    shown = [term for term in items["enum"] if visible.shows(term.removeprefix("-"))]
    named = {VARNAMES: sort_names(shown)} if VARNAMES in items else {}
    return parameter | {"schema": parameter["schema"] | {"items": items | {"enum": shown} | named}}
