"""The query parameters of an aggregate."""

from collections.abc import Mapping, Sequence
from typing import Any

from backend.routes.toolkit.list_parameters import Fields, Parameters, names_parameter, sort_parameter
from backend.routes.toolkit.lists import list_query, read_sort
from backend.services.errors import Invalid
from backend.services.field_types.boolean import BooleanFromText
from backend.services.records.aggregates import FUNCTIONS, AggregateQuery

MAX_AGGREGATED = 10  # fields in each part of an aggregate
GROUP_HELP = "Fields to group by; without them, all records are one group"


def aggregate_parameters(fields: Fields, parameters: Parameters) -> Parameters:
    """Return the parameters of an aggregate: the filters and the page of a list, plus groups and functions.

    `parameters` are those of the list.
    """
    groups = [name for name, field in fields.items() if field.sortable]
    numbers = [name for name, field in fields.items() if field.can_be_summed]
    ordered = [name for name, field in fields.items() if field.has_extremes]
    kept = {name: parameter for name, parameter in parameters.items() if name not in ("cursor", "fields")}
    return kept | {
        "group_by": names_parameter(groups, GROUP_HELP, MAX_AGGREGATED),
        "sum": names_parameter(numbers, "Fields to sum", MAX_AGGREGATED),
        "avg": names_parameter(numbers, "Fields to average", MAX_AGGREGATED),
        "min": names_parameter(ordered, "Fields whose lowest value to return", MAX_AGGREGATED),
        "max": names_parameter(ordered, "Fields whose highest value to return", MAX_AGGREGATED),
        "sort": sort_parameter(
            ("count", *groups), "Fields of `group_by`, or `count`, to order the groups by", MAX_AGGREGATED
        ),
        "count": BooleanFromText(load_default=True, metadata={"description": "Whether to count the records"}),
    }


def aggregate_query(arguments: Mapping[str, Any], searched: Sequence[str] = ()) -> AggregateQuery:
    """Return the AggregateQuery of the loaded parameters.

    `searched` are the fields of a full-text search. Raises Invalid if `sort` has a field that is
    neither in `group_by` nor `count`.
    """
    group_by, sort = tuple(arguments.get("group_by", ())), read_sort(arguments.get("sort", ()))
    if unknown := [name for name, _ in sort if name not in (*group_by, "count")]:
        problem = f"Neither in `group_by` nor `count`: {', '.join(unknown)}."
        raise Invalid({"sort": [problem]}, location="query")
    own = ("group_by", "sort", *FUNCTIONS)
    found = list_query({name: value for name, value in arguments.items() if name not in own}, searched)
    functions = tuple((function, name) for function in FUNCTIONS for name in arguments.get(function, ()))
    return AggregateQuery(found=found, group_by=group_by, functions=functions, sort=sort)
