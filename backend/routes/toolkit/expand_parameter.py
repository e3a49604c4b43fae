"""The parameter `expand`, and its description in the OpenAPI document."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import fields, validate

from backend.routes.toolkit.arguments import CommaList, Family
from backend.routes.toolkit.document_components import component
from backend.routes.toolkit.list_parameters import (
    MAX_SORTED,
    Parameters,
    read_sort,
    require_unique,
    sort_parameter,
)
from backend.routes.toolkit.where_parameter import WhereText
from backend.services.definitions.client_names import client_names
from backend.services.errors import Invalid
from backend.services.field_types.boolean import BooleanFromText
from backend.services.field_types.integer import IntegerFromText
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.records.expansions import MAX_EXPANSIONS
from backend.services.records.list_query import ExpandQuery
from backend.services.storage.relations import Relation
from backend.utils.problems import Problem

EXPAND = "expand"  # the name of the parameter, and of the member of a record with the related records
RELATED = "expand.path.option"  # the name under which the document describes all options of related records
MAX_RELATED = 100  # records that refer to one record, in one response
OPTION = "expand."  # how the name of each option begins
NAME = "[a-z][a-z0-9_]*"
RELATED_HELP = (
    "Options of an expanded path, each a parameter of its own: `expand.<path>.sort`, `.per_page` (at most 100, by "
    "default 20), `.where` and `.count` of the records that refer to one, and `.fields` of all related records. They "
    "have the form of the parameters of a list; `count` is false by default"
)


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
    record = component(client_names(relation.target).type)
    if relation.links and not relation.is_back:
        return {"type": "array", "items": record}
    if not relation.is_back:
        return {"anyOf": [record, {"type": "null"}]}
    page = {"data": {"type": "array", "items": record}, "next_cursor": {"type": ["string", "null"]}}
    total = {
        "total": {"type": ["integer", "null"], "description": "Number of all these records, with `count=true`"},
        "total_is_at_least": {"type": "integer", "description": "If there are more than are counted: how many were"},
    }
    return {"type": "object", "properties": page | total, "required": list(page)}


def expand_help(relations: Iterable[str]) -> str:
    """Return the description of the parameter `expand`."""
    named = ", ".join(f"`{name}`" for name in sorted(relations))
    return f"Related records to include in each record: {named}. A dot leads on to the records related to these"


def expand_parameters(relations: Iterable[str]) -> Parameters:
    """Return the parameter `expand`; return no parameters if there are no relations."""
    if not relations:
        return {}
    checks = [validate.Length(1, MAX_EXPANSIONS), require_unique]
    metadata = {"description": expand_help(relations)}
    return {
        EXPAND: CommaList(StrictText(), validate=checks, metadata=metadata),
        RELATED: Family(_find_option, related_pattern(relations), RELATED_HELP),
    }


def related_pattern(relations: Iterable[str]) -> str:
    """Return the regular expression of the names of options of related records."""
    return rf"^expand\.({'|'.join(sorted(relations))})(\.{NAME})?\.({'|'.join(_options())})$"


def _options() -> Parameters:
    """Return the parameters with the options of related records, by option."""
    return {
        "sort": sort_parameter(None, "", MAX_SORTED),
        "per_page": IntegerFromText(validate=validate.Range(1, MAX_RELATED)),
        "fields": CommaList(StrictText(), validate=[validate.Length(1), require_unique]),
        "where": WhereText(),
        "count": BooleanFromText(),
    }


def _find_option(name: str) -> fields.Field[Any] | None:
    """Return the marshmallow field of an option of related records, None for any other parameter."""
    found = re.fullmatch(rf"expand\.{NAME}(?:\.{NAME})?\.([a-z_]+)", name)
    return _options().get(found[1]) if found else None


def expand_query(arguments: Mapping[str, Any]) -> ExpandQuery:
    """Return the ExpandQuery of loaded parameters. Raises Invalid for an option of a path that is not expanded."""
    paths, options = tuple(arguments.get(EXPAND, ())), dict[str, dict[str, Any]]()
    expanded = {beginning for path in paths for beginning in (path, path.partition(".")[0])}
    for name, value in arguments.items():
        if is_option(name):
            path, _, option = name.removeprefix(OPTION).rpartition(".")
            if path not in expanded:
                problem = Problem("required", f"Expand the path, too: `expand={path}`.")
                raise Invalid({name: [problem]}, location="query")
            options.setdefault(path, {})[option] = _read_option(option, value)
    return ExpandQuery(paths, options)


def is_option(name: str) -> bool:
    """Return whether a loaded parameter is an option of related records."""
    return name.startswith(OPTION)


def _read_option(option: str, value: Any) -> Any:
    if option == "sort":
        return read_sort(value)
    return tuple(value) if option == "fields" else value
