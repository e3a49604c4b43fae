"""Explains query parameters that do not exist: what was most likely meant, or why there is no such filter."""

import re
from collections.abc import Collection, Mapping

from backend.services.storage.operators import near_operator
from backend.utils.nearest import nearest
from backend.utils.problems import UNKNOWN_PARAMETER, Problem

# The parameters that other products have, without `_` and in lower case.
OTHERS = {
    **dict.fromkeys(["limit", "size", "pagesize", "count", "top", "$top", "take", "first", "perpage"], "per_page"),
    **dict.fromkeys(["offset", "skip", "$skip", "start", "pagenumber", "pageindex", "page[number]", "p"], "page"),
    **dict.fromkeys(["page[size]", "page[limit]"], "per_page"),
    **dict.fromkeys(["after", "before", "starttoken", "nexttoken", "pagetoken"], "cursor"),
    **dict.fromkeys(["orderby", "order", "ordering", "sortby", "$orderby", "sortorder"], "sort"),
    **dict.fromkeys(["select", "$select", "only", "columns", "attributes", "field"], "fields"),
    **dict.fromkeys(["include", "embed", "populate", "with", "relations", "$expand", "join"], "expand"),
    **dict.fromkeys(["search", "query", "s", "$search", "text", "fulltext"], "q"),
    **dict.fromkeys(["filter", "filters", "$filter", "conditions"], "where"),
    **dict.fromkeys(["groupby", "group"], "group_by"),
}
BRACKETS = re.compile(r"(?:filters?|where)\[([^\]]+)\](?:\[\$?([a-z]+)\])?")  # `filter[title]`, `filter[title][eq]`
BRACKETS_OF_FIELD = re.compile(r"([a-z0-9_.]+)\[\$?([a-z_]+)\]")  # `title[eq]`
# Why a resource does not have these parameters.
WITHOUT = {
    "q": "This resource has no search fields: `search` of its definition names them.",
    "expand": "This resource has no relations to expand.",
}
OF_EXPAND = UNKNOWN_PARAMETER.with_text(
    "Unknown parameter. The options of an expanded path are sort, per_page, where, count and fields."
)
OF_PATH = UNKNOWN_PARAMETER.with_text(
    "Unknown parameter. A path through references must be among the `filters` of the definition; `where` takes all."
)
WITH_PATHS = ("reference", "references", "file")  # types of fields that begin a path
MAX_LENGTH = 200  # characters of a name that is explained


def explain_unknown(name: str, known: Collection[str], types: Mapping[str, str]) -> Problem:
    """Return the Problem of a parameter that is not among the `known` ones.

    `types` maps the fields of a resource that the caller may see to the names of their types.
    """
    if len(name) > MAX_LENGTH:
        return UNKNOWN_PARAMETER
    meant = _other_name(name)
    if meant in known:
        return UNKNOWN_PARAMETER.proposing(meant)
    if types and meant in WITHOUT:
        return UNKNOWN_PARAMETER.with_text(WITHOUT[meant])
    field, _, operator = meant.partition("__")
    if field in types:
        return _explain_operator(field, operator, _operators(field, known), types[field])
    first = field.partition(".")[0]
    if first != field and types.get(first, "reference") not in WITH_PATHS:
        return _explain_operator(first, "", _operators(first, known), types[first])
    if types and "." in field:
        return OF_EXPAND if field.startswith("expand.") else OF_PATH
    if operator and (near := nearest(field, {each.partition("__")[0] for each in known})):
        found = near_operator(operator, _operators(near, known))
        return UNKNOWN_PARAMETER.proposing(_filter(near, found) if found else near)
    return UNKNOWN_PARAMETER.proposing(nearest(meant, known))


def _other_name(name: str) -> str:
    """Return our name of a parameter that has another one in other products; any other name unchanged."""
    plain = name.casefold()
    if other := OTHERS.get(plain.lstrip("_").replace("_", "").replace("-", "")) or OTHERS.get(plain):
        return other
    match = BRACKETS.fullmatch(plain) or BRACKETS_OF_FIELD.fullmatch(plain)
    return _filter(match[1], match[2] or "eq") if match else plain


def _operators(field: str, known: Collection[str]) -> list[str]:
    """Return the operators of a field, for which there are parameters."""
    equal = ["eq"] if field in known else []
    return [*equal, *(name.removeprefix(f"{field}__") for name in known if name.startswith(f"{field}__"))]


def _filter(field: str, operator: str) -> str:
    return field if operator == "eq" else f"{field}__{operator}"


def _explain_operator(field: str, operator: str, operators: Collection[str], type_name: str) -> Problem:
    """Return the Problem of an operator that a field does not have."""
    if operator == "isnull":
        return UNKNOWN_PARAMETER.with_text(f"{field} is never null.")
    names = ", ".join(_filter(field, each) for each in operators) or "none"
    text = f"A field of type {type_name} has no such filter. The filters of {field} are: {names}."
    problem = UNKNOWN_PARAMETER.with_text(text)
    near = near_operator(operator, operators) if operator else None
    return problem.proposing(_filter(field, near)) if near else problem
