"""The query parameters of lists, and the schema of their rows."""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, missing, validate
from marshmallow.fields import Field

from backend.routes.toolkit.arguments import CommaList
from backend.routes.toolkit.enum_names import VARNAMES, sort_names
from backend.services.definitions.where import MAX_IN, MAX_PART
from backend.services.field_types.base import FieldType
from backend.services.field_types.boolean import BooleanFromText
from backend.services.field_types.comparisons import TEXT_SEARCH
from backend.services.field_types.integer import IntegerFromText
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.records.schemas import describe
from backend.services.storage.operators import NOT_EMPTY, OF_TRUTH, OF_VALUES
from backend.services.storage.ordering import Sort
from backend.utils.problems import Problem
from backend.utils.schemas import BuiltSchema

MAX_PER_PAGE = 200
MAX_PAGE = 1_000_000
MAX_SORTED = 8  # fields in one order
MAX_QUERY = 1_000  # characters of a full-text search
TOO_LONG = Problem("too_long", f"At most {MAX_PART:,} characters can be searched for within a text.", limit=MAX_PART)

WRONG_TERM = "Write the name of a field, with `-` before it for descending order."

FILTER_HELP = {
    "eq": "{} is this",
    "ne": "{} is not this; null also matches",
    "gt": "{} is greater than this",
    "gte": "{} is this or greater",
    "lt": "{} is less than this",
    "lte": "{} is this or less",
    "in": "{} is one of these, separated by commas (`%2C` within a text); an empty list matches nothing",
    "isnull": "Whether {} is null",
    "contains": "{} contains this",
    "icontains": "{} contains this, in upper or lower case",
    "has": "{} has this among its values",
    "any": "{} has one of these ids, separated by commas; an empty list matches nothing",
    "all": "{} has all of these ids, separated by commas",
    "none": "{} has none of these ids, separated by commas",
    "has_any": "{} has one of these among its values, separated by commas; an empty list matches nothing",
    "has_all": "{} has all of these among its values, separated by commas",
    "isempty": "Whether {} has no values; null has none",
    "startswith": "{} starts with this",
}

Fields = Mapping[str, FieldType]  # map of field name to field
Parameters = dict[str, Field[Any]]  # map of parameter name to marshmallow field


def list_parameters(
    fields: Fields,
    order: Sequence[str] = (),
    *,
    paths: Fields = MappingProxyType({}),
    more: Mapping[str, Field[Any]] = MappingProxyType({}),
) -> Parameters:
    """Return the parameters of a list: the page, `sort`, `fields` and `more` of them, then its filters.

    `order` is the default of `sort`. `paths` are fields of related records to filter and sort by.
    """
    sort_help = "Fields to order by, `-` for descending; `id` breaks ties, null comes last"
    return {
        **page_parameters(),
        "sort": sort_parameter({**fields, **paths}, sort_help, MAX_SORTED, order),
        "fields": names_parameter(fields, "The fields to return; all by default"),
        **more,
        "cursor": StrictText(metadata={"description": "`meta.next_cursor` of the previous page, instead of `page`"}),
        "count": BooleanFromText(
            load_default=True,
            metadata={"description": "Whether to count the records, up to a limit; never done with a cursor"},
        ),
        **_filters({**fields, **paths}),
    }


def page_parameters() -> Parameters:
    """Return the parameters `page` and `per_page`."""
    return {
        "page": IntegerFromText(
            load_default=1, validate=validate.Range(1, MAX_PAGE), metadata={"description": "Page number, from 1"}
        ),
        "per_page": IntegerFromText(
            load_default=20, validate=validate.Range(1, MAX_PER_PAGE), metadata={"description": "Records per page"}
        ),
    }


class _SortTerm(validate.OneOf):
    """Validates a term of `sort`, and explains terms in the form of other products."""

    def __init__(self, fields: Fields) -> None:
        super().__init__([prefix + name for name, field in fields.items() if field.sortable for prefix in ("", "-")])
        self._unsortable = {name: field.name for name, field in fields.items() if not field.sortable}

    def __call__(self, value: Any) -> Any:
        """Return the term. Raises ValidationError if it is not valid."""
        try:
            return super().__call__(value)
        except ValidationError as error:
            name, _, direction = re.sub(r"[ :+]+|\.(?=(?:asc|desc)$)", " ", str(value)).strip().partition(" ")
            meant = f"-{name}" if direction == "desc" else name
            problem = Problem("not_a_choice", WRONG_TERM, choices=[*map(str, self.choices)])
            if meant in self.choices:
                raise ValidationError(problem.proposing(meant)) from error
            if type_name := self._unsortable.get(name.removeprefix("-")):
                raise ValidationError(problem.with_text(f"A field of type {type_name} cannot be sorted by.")) from error
            raise


def sort_parameter(fields: Fields | None, description: str, max_count: int, order: Sequence[str] = ()) -> CommaList:
    """Return a parameter that sorts by at most `max_count` of the fields, None for any; `order` is its default."""
    check = None if fields is None else _SortTerm(fields)
    metadata = {"description": description} | ({"default": order} if order else {})
    named = {} if check is None else {VARNAMES: sort_names(check.choices)}
    return CommaList(
        StrictText(validate=check, metadata=named),
        validate=[validate.Length(1, max_count), _require_unique_fields],
        load_default=order or missing,
        metadata=metadata,
    )


def read_sort(terms: Sequence[str]) -> Sort:
    """Return the order of sort terms such as `-population`."""
    return tuple((term.removeprefix("-"), term.startswith("-")) for term in terms)


def names_parameter(names: Iterable[str], description: str, max_count: int | None = None) -> CommaList:
    """Return a parameter that takes some of these names, each at most once."""
    return CommaList(
        StrictText(validate=validate.OneOf(list(names))),
        validate=[validate.Length(1, max_count), require_unique],
        metadata={"description": description},
    )


def search_parameters(names: Sequence[str]) -> Parameters:
    """Return the parameter `q`, which searches these fields; return no parameters if there are no fields."""
    if not names:
        return {}
    return {"q": StrictText(validate=validate.Length(max=MAX_QUERY), metadata={"description": search_help(names)})}


def search_help(names: Iterable[str]) -> str:
    """Return the description of the parameter `q`."""
    listed = ", ".join(f"`{name}`" for name in names)
    return f"Words to find at the start of words in {listed}. Without `sort`, the best match is first, with no cursor"


def make_row_schema(name: str, fields: Fields) -> type[BuiltSchema]:
    """Return the schema of a row, with all fields: the parameter `fields` can leave out some."""
    members = {
        field_name: field.shown_field(required=True, allow_none=field.is_nullable, metadata=describe(field))
        for field_name, field in fields.items()
    }
    return type(name, (BuiltSchema,), members)


def require_unique(names: Sequence[str]) -> None:
    """Raise ValidationError if a name is repeated."""
    if len(set(names)) != len(names):
        raise ValidationError(Problem("duplicate", "Each field at most once."))


def _require_unique_fields(terms: Sequence[str]) -> None:
    require_unique([term.removeprefix("-") for term in terms])


def _filters(fields: Fields) -> Parameters:
    """Return a parameter for each field and operator."""
    return {
        name if operator == "eq" else f"{name}__{operator}": _filter(name, field, operator)
        for name, field in fields.items()
        for operator in field.filter_operators
    }


def _filter(name: str, field: FieldType, operator: str) -> Field[Any]:
    in_any_case = ", in upper or lower case" if field.ignores_case and operator in ("eq", "ne", "startswith") else ""
    metadata = {"description": FILTER_HELP[operator].format(f"`{name}`") + in_any_case}
    item = field.item
    if operator in OF_VALUES:
        count = validate.Length(min=1 if operator in NOT_EMPTY else None, max=MAX_IN)
        return CommaList(item.text_field(), keeps_commas=item.may_hold_commas, validate=count, metadata=metadata)
    if operator in OF_TRUTH:
        return BooleanFromText(metadata=metadata)
    parameter: Field[Any] = item.text_field()
    parameter.metadata = {**parameter.metadata, **metadata}
    if operator in TEXT_SEARCH:
        parameter.validators.append(validate.Length(max=MAX_PART, error=TOO_LONG))
    return parameter
