"""The query parameters of an aggregate."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow.fields import Field

from backend.routes.toolkit.arguments import Family
from backend.routes.toolkit.groups import measured
from backend.routes.toolkit.list_parameters import Fields, Parameters, names_parameter, read_sort, sort_parameter
from backend.routes.toolkit.lists import list_query
from backend.services.errors import Invalid
from backend.services.field_types.boolean import BooleanFromText
from backend.services.field_types.integer import IntegerFromText
from backend.services.records.aggregates import AggregateQuery
from backend.services.records.measures import COUNT, EXTREMES, FUNCTIONS, SUMS, Condition, GroupKey, Measure
from backend.services.storage.operators import COMPARISONS
from backend.services.storage.ordering import Sort
from backend.utils.problems import Problem

HAVING = "having"  # the name under which the document describes all conditions on groups
MAX_AGGREGATED = 10  # fields in each part of an aggregate, and conditions on groups
GROUP_HELP = (
    "Fields to group by; of dates also a part, such as `created_at:month` (in UTC), whose value is the start of the "
    "part. Without it, all records are one group"
)
SORT_HELP = (
    "What to order the groups by, `-` for descending: `count`, parts of `group_by`, and measures that the request "
    "asks for, such as `sum.<field>`; null comes last"
)
HAVING_HELP = (
    "Conditions that groups must meet, each a parameter of its own: `count__gt=5`, `sum.<field>__gte=1000`. The "
    "operators are those of filters. The request must ask for the measure"
)
FUNCTION_HELP = {
    "sum": "Fields to sum",
    "avg": "Fields to average",
    "min": "Fields whose lowest value to return",
    "max": "Fields whose highest value to return",
    "count_distinct": "Fields whose different values to count, without null",
}


def aggregate_parameters(fields: Fields, paths: Fields, parameters: Parameters) -> Parameters:
    """Return the parameters of an aggregate: the filters and the page of a list, plus groups and functions.

    `parameters` are those of the list, `paths` fields of related records to group by.
    """
    kept = {name: parameter for name, parameter in parameters.items() if name not in ("cursor", "fields")}
    grouped = [(name, field) for name, field in (*fields.items(), *paths.items()) if field.sortable]
    keys = [key for name, field in grouped for key in (name, *_parts(name, field.parts))]
    functions = {
        function: names_parameter(names, FUNCTION_HELP[function], MAX_AGGREGATED)
        for function, names in measured(fields).items()
    }
    pattern = having_pattern(fields)
    return {
        "group_by": names_parameter(keys, GROUP_HELP, MAX_AGGREGATED),
        **functions,
        HAVING: Family(lambda name: _find_condition(fields, pattern, name), pattern, HAVING_HELP),
        **kept,
        "sort": sort_parameter(None, SORT_HELP, MAX_AGGREGATED),
        "count": BooleanFromText(load_default=True, metadata={"description": "Whether to count the records"}),
    }


def _parts(name: str, parts: Sequence[str]) -> list[str]:
    return [GroupKey(name, part).name for part in parts]


def having_pattern(fields: Fields) -> str:
    """Return the regular expression of the names of conditions on groups."""
    measures = "|".join(f"{function}\\.({'|'.join(names)})" for function, names in measured(fields).items())
    operators = "|".join(operator for operator in COMPARISONS if operator != "eq")
    return f"^(count__(eq|{operators})|({measures})(__({operators}))?)$"


def _find_condition(fields: Fields, pattern: str, name: str) -> Field[Any] | None:
    """Return the marshmallow field of the condition on groups of this name, None if there is none."""
    if not re.fullmatch(pattern, name):
        return None
    function, _, field = name.partition("__")[0].partition(".")
    if function in SUMS and (totals := fields[field].totals):
        return totals.text_field(function)
    return fields[field].text_field() if function in EXTREMES else IntegerFromText()


def aggregate_query(arguments: Mapping[str, Any], searched: Sequence[str] = ()) -> AggregateQuery:
    """Return the AggregateQuery of the loaded parameters.

    `searched` are the fields of a full-text search. Raises Invalid if `sort` or a condition has what is not asked for.
    """
    measures = tuple(Measure(function, name) for function in FUNCTIONS for name in arguments.get(function, ()))
    conditions = {name: value for name, value in arguments.items() if _is_condition(name)}
    own = {"group_by", "sort", *FUNCTIONS, *conditions}
    found = list_query({name: value for name, value in arguments.items() if name not in own}, searched)
    query = AggregateQuery(
        found=found,
        group_by=tuple(_read_key(term) for term in arguments.get("group_by", ())),
        measures=measures,
        having=tuple(_read_condition(*each) for each in sorted(conditions.items())),
        sort=read_sort(arguments.get("sort", ())),
    )
    asked = {measure.name for measure in (COUNT, *measures)}
    _require_asked(query.sort, {*asked, *(key.name for key in query.group_by)})
    _require_measured(query.having, asked)
    return query


def _is_condition(name: str) -> bool:
    """Return whether a parameter is a condition on groups: no field has the name of a function."""
    function, _, rest = name.partition(".")
    return name.startswith("count__") or (function in FUNCTIONS and rest != "")


def _read_key(term: str) -> GroupKey:
    field, _, part = term.partition(":")
    return GroupKey(field, part or None)


def _read_condition(name: str, value: Any) -> Condition:
    measure, _, operator = name.partition("__")
    return measure, operator or "eq", value


def _require_asked(sort: Sort, asked: set[str]) -> None:
    """Raise Invalid if the order has what the request does not ask for."""
    if unknown := [name for name, _ in sort if name not in asked]:
        text = f"Neither `count`, nor in `group_by`, nor a measure that the request asks for: {', '.join(unknown)}."
        raise Invalid({"sort": [Problem("not_a_choice", text, choices=sorted(asked))]}, location="query")


def _require_measured(conditions: Sequence[Condition], asked: set[str]) -> None:
    """Raise Invalid for too many conditions, or one on a measure that the request does not ask for."""
    if len(conditions) > MAX_AGGREGATED:
        text = f"A request has at most {MAX_AGGREGATED} conditions on groups."
        raise Invalid({"_schema": [Problem("too_many", text, limit=MAX_AGGREGATED)]}, location="query")
    problems = {}
    for name, operator, _ in conditions:
        if name not in asked:
            parameter = name if operator == "eq" else f"{name}__{operator}"
            text = f"Ask for the measure, too: `{name.replace('.', '=')}`."
            problems[parameter] = [Problem("required", text)]
    if problems:
        raise Invalid(problems, location="query")
