"""What the OpenAPI document says to whom: a field that is hidden from somebody is not in their document either."""

from backend.middleware.envelope import API
from backend.middleware.expanding import EXPAND, expand_help, expanded_schema
from backend.middleware.lists import search_help
from backend.services.expansions import relations
from backend.services.policies import hidden_fields, locked_fields

LISTS_OF_FIELDS = ("sort", "fields", "group_by", "sum", "avg", "min", "max")


def view_of(catalog, actor):
    """Return the fields that the actor may not see and set, as what tells one document from another."""
    ruled = [resource.definition for resource in catalog.values() if resource.definition.ruled_fields]
    return tuple((each.name, hidden_fields(each, actor), locked_fields(each, actor)) for each in ruled)


def narrow(document, catalog, view):
    """Take out of a document, in place, what is not in the view."""
    hidden = {name: fields for name, fields, _ in view}
    locked = {name: fields for name, _, fields in view}
    schemas, paths = document["components"]["schemas"], document["paths"]
    for name, resource in catalog.items():
        offered = relations(resource, lambda definition: hidden.get(definition.name, ()))
        for suffix in ("record", "item"):
            _drop(schemas[f"{name}_{suffix}"], hidden.get(name, ()))
            _say_expanded(schemas[f"{name}_{suffix}"], offered)
        for suffix in ("create", "patch"):
            _drop(schemas[f"{name}_{suffix}"], locked.get(name, ()))
        for path in ("", "/{record_id}", "/export", "/aggregate"):
            operation = paths[f"{API}/{name}{path}"]["get"]
            searched = [field for field in resource.definition.search if field not in hidden.get(name, ())]
            kept = [_narrowed(each, hidden.get(name, ()), offered, searched) for each in operation["parameters"]]
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
