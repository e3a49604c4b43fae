"""What the OpenAPI document says to whom: what somebody may not use or see is not in their document either."""

from dataclasses import dataclass

from backend.middleware.paths import API
from backend.routes.toolkit.expanding import EXPAND, expand_help, expanded_schema
from backend.routes.toolkit.lists import search_help
from backend.services.definitions.policies import has_any_grant, has_grant, hidden_fields, locked_fields
from backend.services.records.expansions import relations

LISTS_OF_FIELDS = ("sort", "fields", "group_by", "sum", "avg", "min", "max")


@dataclass(frozen=True)
class View:
    """What an actor may see of a resource: not the fields that are hidden or locked, of relations those offered."""

    name: str
    hidden: frozenset
    locked: frozenset
    offered: dict

    @property
    def key(self):
        """What tells the document of this view from that of another."""
        return self.hidden, self.locked, tuple(self.offered)


def views_of(catalog, actor):
    """Return a View of each resource that the actor has any grant for."""
    granted = [each for each in catalog.values() if has_any_grant(each.definition, actor)]
    return [_view_of(resource, actor) for resource in granted]


def _view_of(resource, actor):
    definition = resource.definition
    offered = {
        name: relation
        for name, relation in relations(resource, lambda each: hidden_fields(each, actor)).items()
        if has_grant(relation.target.definition, "list" if relation.is_back else "read", actor)
    }
    return View(resource.name, hidden_fields(definition, actor), locked_fields(definition, actor), offered)


def narrow(document, resource, view):
    """Take out of the document of a resource, in place, what is not in the view."""
    name, schemas, paths = resource.name, document["components"]["schemas"], document["paths"]
    for suffix in ("record", "item"):
        _drop(schemas[f"{name}_{suffix}"], view.hidden)
        _say_expanded(schemas[f"{name}_{suffix}"], view.offered)
    for suffix in ("create", "patch"):
        _drop(schemas[f"{name}_{suffix}"], view.locked)
    searched = [field for field in resource.definition.search if field not in view.hidden]
    for path in ("", "/{record_id}", "/export", "/aggregate"):
        operation = paths[f"{API}/{name}{path}"]["get"]
        kept = [_narrowed(each, view.hidden, view.offered, searched) for each in operation["parameters"]]
        operation["parameters"] = [parameter for parameter in kept if parameter]


def _drop(schema, fields):
    for name in fields:
        schema["properties"].pop(name)
    if "required" in schema:
        schema["required"] = [name for name in schema["required"] if name not in fields]


def _say_expanded(schema, offered):
    if EXPAND in schema["properties"]:
        del schema["properties"][EXPAND]
        if offered:
            schema["properties"][EXPAND] = expanded_schema(offered)


def _narrowed(parameter, hidden, offered, searched):
    """Return the parameter as it is in the view, None if it is not."""
    name = parameter.get("name", "")
    if parameter.get("in") != "query":
        return parameter
    if name == EXPAND:
        return parameter | {"description": expand_help(offered)} if offered else None
    if name == "q":
        return parameter | {"description": search_help(searched)} if searched else None
    if name.partition("__")[0] in hidden:
        return None
    if name in LISTS_OF_FIELDS:
        items = parameter["schema"]["items"]
        items["enum"] = [term for term in items["enum"] if term.removeprefix("-") not in hidden]
    return parameter
