"""Lists: the query parameters of any table, its answer page by page, and the schemas of both."""

import json

from marshmallow import ValidationError, missing, validate

from backend.routes.toolkit.arguments import CommaList, QuerySchema
from backend.routes.toolkit.envelope import json_response, list_meta
from backend.services.errors import Invalid
from backend.services.field_types.base import TEXT_SEARCH
from backend.services.field_types.boolean import BooleanFromText
from backend.services.field_types.integer import IntegerFromText
from backend.services.field_types.wire import StrictText
from backend.services.records.aggregates import FUNCTIONS, AggregateQuery, can_group, can_order, can_sum
from backend.services.records.list_query import ListQuery
from backend.services.records.schemas import describe
from backend.services.storage.full_text import read_terms
from backend.utils.schemas import BuiltSchema

MAX_PER_PAGE = 200
MAX_PAGE = 1_000_000
MAX_REACH = 100_000  # records that a list may pass over to get to a page
MAX_FILTERS = 32
MAX_IN = 200
MAX_PART = 1_000  # characters of a text to look for within others: some databases compare it at each of their places
TOO_LONG = f"At most {MAX_PART:,} characters can be looked for within a text."
MAX_AGGREGATED = 10  # fields in each part of an aggregate
OF_PAGES = ("page", "per_page", "cursor", "count")

FILTER_HELP = {
    "eq": "{} is this",
    "ne": "{} is not this; null is not this either",
    "gt": "{} is greater than this",
    "gte": "{} is this or greater",
    "lt": "{} is less than this",
    "lte": "{} is this or less",
    "in": "{} is one of these, separated by commas, `%2C` for one within a text; none matches nothing",
    "isnull": "Whether {} is null",
    "contains": "{} contains this",
    "icontains": "{} contains this in any case",
    "has": "{} has this among its values",
    "startswith": "{} starts with this",
}


def page_parameters():
    """Return the parameters that choose a page, by themselves, in a dict."""
    return {
        "page": IntegerFromText(
            load_default=1, validate=validate.Range(1, MAX_PAGE), metadata={"description": "Which page, from 1"}
        ),
        "per_page": IntegerFromText(
            load_default=20, validate=validate.Range(1, MAX_PER_PAGE), metadata={"description": "How many to a page"}
        ),
    }


def make_export_schema(name, parameters):
    """Return the schema of the parameters of an export: those of a list that are not about pages."""
    form = StrictText(
        load_default="csv",
        validate=validate.OneOf(["csv", "ndjson"]),
        metadata={"description": "What the file is: CSV with a header, or a JSON object on each line"},
    )
    fields = {part: each for part, each in parameters.items() if part not in OF_PAGES}
    return type(f"{name}_export", (QuerySchema,), fields | {"format": form})


def make_aggregate_schema(name, kinds, parameters):
    """Return the schema of the parameters of an aggregate: filters, groups, functions, pages of groups."""

    def fields_that(can, description):
        names = [field for field, kind in kinds.items() if can(kind)]
        return CommaList(
            StrictText(validate=validate.OneOf(names)),
            validate=[validate.Length(1, MAX_AGGREGATED), are_different],
            metadata={"description": description, "uniqueItems": True},
        )

    fields = {part: each for part, each in parameters.items() if part not in ("cursor", "fields")}
    groups = [field for field, kind in kinds.items() if can_group(kind)]
    terms = [prefix + term for term in ("count", *groups) for prefix in ("", "-")]
    own = {
        "group_by": fields_that(can_group, "Fields whose values make a group; without them there is one group of all"),
        "sum": fields_that(can_sum, "Fields to add up"),
        "avg": fields_that(can_sum, "Fields to take the average of"),
        "min": fields_that(can_order, "Fields to take the least value of"),
        "max": fields_that(can_order, "Fields to take the greatest value of"),
        "sort": CommaList(
            StrictText(validate=validate.OneOf(terms)),
            validate=[validate.Length(1, MAX_AGGREGATED), _sorts_once],
            metadata={"description": "Fields of `group_by`, or `count`, to order the groups by", "uniqueItems": True},
        ),
        "count": BooleanFromText(load_default=True, metadata={"description": "Whether to count the records"}),
    }
    return type(f"{name}_aggregate", (QuerySchema,), fields | own)


def aggregate_query(arguments, searched=()):
    """Return the AggregateQuery of the loaded parameters; raise Invalid for an order that is none of the groups'."""
    group_by = tuple(arguments.pop("group_by", ()))
    functions = tuple((each, name) for each in FUNCTIONS for name in arguments.pop(each, ()))
    sort = tuple((term.removeprefix("-"), term.startswith("-")) for term in arguments.pop("sort", ()))
    if unknown := [name for name, _ in sort if name not in (*group_by, "count")]:
        told = [f"Neither in `group_by` nor `count`: {', '.join(unknown)}."]
        raise Invalid({"sort": told}, location="query")
    found = list_query(arguments, searched)
    return AggregateQuery(found=found, group_by=group_by, functions=functions, sort=sort)


def make_output_schema(name, kinds, read_only, *, required=True):
    """Return the schema of a row; where `fields` may leave some out, none is `required`."""
    fields = {
        field: kind.wire(
            required=required,
            allow_none=not kind.required,
            metadata=describe(kind) | ({"readOnly": True} if field in read_only else {}),
        )
        for field, kind in kinds.items()
    }
    return type(name, (BuiltSchema,), fields)


def search_parameter(fields):
    """Return the parameter that searches these fields by itself, in a dict; an empty one when there are none."""
    if not fields:
        return {}
    return {"q": StrictText(validate=validate.Length(max=1000), metadata={"description": search_help(fields)})}


def search_help(fields):
    """Return what the document says of the parameter `q`."""
    named = ", ".join(f"`{name}`" for name in fields)
    return f"Words that each begin a word in {named}; without `sort` the best match comes first, and there is no cursor"


def list_query(arguments, searched=()):
    """Return the ListQuery of the loaded parameters: what is not a setting of the list is a filter.

    `searched` are the fields of a full-text search.
    """
    settings = {name: arguments.pop(name) for name in ("page", "per_page", "count") if name in arguments}
    _check_reach(**settings)
    cursor = arguments.pop("cursor", None)
    sort = tuple((term.removeprefix("-"), term.startswith("-")) for term in arguments.pop("sort", ()))
    text = (arguments.pop("q", None) or "").strip()
    fields, expand = arguments.pop("fields", None), arguments.pop("expand", ())
    if len(arguments) > MAX_FILTERS:
        raise Invalid({"_schema": [f"A request has at most {MAX_FILTERS} filters."]}, location="query")
    filters = []
    for name, value in arguments.items():
        field, _, operator = name.partition("__")
        filters.append((field, operator or "eq", tuple(value) if operator == "in" else value))
    return ListQuery(
        filters=tuple(sorted(filters, key=lambda each: each[:2])),
        terms=read_terms(text) if text else None,
        searched=tuple(searched),
        sort=sort,
        fields=fields and tuple(fields),
        expand=tuple(expand),
        cursor=cursor,
        **settings,
    )


def _check_reach(page: int = 1, per_page: int = 1, **_: bool) -> None:
    """Raise Invalid for a page so far behind that finding it would take long and much memory."""
    if page * per_page > MAX_REACH:
        told = f"Pages reach the first {MAX_REACH:,} only: `page` times `per_page`. To go on, follow `meta.next_cursor`"
        raise Invalid({"page": [f"{told} with the parameter `cursor`, or narrow the list by filters."]}, "query")


def page_response(query, page):
    """Return the Response of a RecordPage."""
    number = query.page if query.cursor is None else None
    meta = list_meta(page=number, per_page=query.per_page, total=page.total, next_cursor=page.next_cursor)
    return json_response(f"[{','.join(page.items)}]", "OK", meta=json.dumps(meta))


def list_parameters(kinds, order=()):
    """Return the parameters of a list: its filters, then order, choice of fields and page.

    `order` holds the sort terms that apply when none are given.
    """
    sortable = [name for name, kind in kinds.items() if kind.sortable]
    terms = [prefix + name for name in sortable for prefix in ("", "-")]
    return _filters(kinds) | {
        "sort": CommaList(
            StrictText(validate=validate.OneOf(terms)),
            validate=[validate.Length(1, 8), _sorts_once],
            load_default=order or missing,
            metadata={
                "description": "Fields to order by, `-` for descending; `id` breaks ties, null comes last",
                "uniqueItems": True,
            }
            | ({"default": order} if order else {}),
        ),
        "fields": CommaList(
            StrictText(validate=validate.OneOf(list(kinds))),
            validate=[validate.Length(min=1), are_different],
            metadata={"description": "The fields to return; all by default", "uniqueItems": True},
        ),
        **page_parameters(),
        "cursor": StrictText(
            metadata={"description": "`meta.next_cursor` of the page before; takes the place of `page`"}
        ),
        "count": BooleanFromText(
            load_default=True, metadata={"description": "Whether to count all records; after a cursor nobody does"}
        ),
    }


def _filters(kinds):
    """Return a parameter for each field and operator."""
    fields = {}
    for name, kind in kinds.items():
        for operator in kind.operators:
            metadata = {"description": FILTER_HELP[operator].format(f"`{name}`")}
            parameter = name if operator == "eq" else f"{name}__{operator}"
            if operator == "in":
                one_of = {"validate": validate.Length(max=MAX_IN), "metadata": metadata}
                fields[parameter] = CommaList(kind.filter(), keeps_commas=kind.may_hold_commas, **one_of)
            elif operator == "isnull":
                if not kind.required:
                    fields[parameter] = BooleanFromText(metadata=metadata)
            else:
                fields[parameter] = kind.filter()
                fields[parameter].metadata |= metadata
                if operator in TEXT_SEARCH:
                    fields[parameter].validators.append(validate.Length(max=MAX_PART, error=TOO_LONG))
    return fields


def _sorts_once(terms):
    are_different([term.removeprefix("-") for term in terms])


def are_different(names):
    """Raise ValidationError for a name given twice."""
    if len(set(names)) != len(names):
        raise ValidationError("Each field at most once.")
