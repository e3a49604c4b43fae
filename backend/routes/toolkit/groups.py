"""The schema of a group of records, in the response of an aggregate."""

from collections.abc import Mapping
from typing import Any

from marshmallow.fields import Field, Integer, Raw

from backend.routes.toolkit.list_parameters import Fields
from backend.services.field_types.registry import parse_field
from backend.services.records.measures import EXTREMES, SUMS, GroupKey
from backend.utils.schemas import BuiltSchema

Members = Mapping[str, Field[Any]]  # map of name to marshmallow field


class Measures(Raw):
    """The values of one function, by field: those that the request asked for."""

    def __init__(self, members: Members) -> None:
        super().__init__()
        self.members = members


def describe_measures(converter: Any, field: Field[Any], **_: Any) -> dict[str, Any]:
    """Return the JSON Schema of Measures, and an empty one of other fields."""
    if not isinstance(field, Measures):
        return {}
    described = {name: converter.field2property(member) for name, member in field.members.items()}
    return {"type": "object", "properties": described, "additionalProperties": False}


def measured(fields: Fields) -> dict[str, list[str]]:
    """Return the map of function to the names of the fields that it can be asked for."""
    summed = [name for name, field in fields.items() if field.totals]
    ordered = [name for name, field in fields.items() if field.has_extremes]
    return {
        **dict.fromkeys(SUMS, summed),
        **dict.fromkeys(EXTREMES, ordered),
        "count_distinct": [name for name, field in fields.items() if field.sortable],
    }


def make_group_schema(name: str, fields: Fields, paths: Fields) -> type[BuiltSchema]:
    """Return the schema of a group: a value of each key in `group_by`, the count, and the measures asked for.

    `paths` are fields of related records. No member is required: the request says which there are.
    """
    measures = {function: Measures(_results(function, names, fields)) for function, names in measured(fields).items()}
    count = Integer(metadata={"description": "Number of records; absent with `count=false`"})
    return type(name, (BuiltSchema,), {**_keys({**fields, **paths}), "count": count, **measures})


def _keys(fields: Fields) -> dict[str, Field[Any]]:
    """Return the map of each key that records can be grouped by to the marshmallow field of its values."""
    keys = {}
    for name, field in fields.items():
        if field.sortable:
            keys[name] = field.json_field(allow_none=True)
        if field.parts:
            start = parse_field({"type": field.name}).json_field(allow_none=True)  # it may be before `min`
            keys |= {GroupKey(name, part).name: start for part in field.parts}
    return keys


def _results(function: str, names: list[str], fields: Fields) -> dict[str, Field[Any]]:
    return {name: _result(function, fields[name]) for name in names}


def _result(function: str, field: Any) -> Field[Any]:
    if function in EXTREMES:
        extreme: Field[Any] = field.json_field(allow_none=True)
        return extreme
    kind = field.totals.json_types[function] if function in SUMS else "integer"
    return Raw(allow_none=function in SUMS, metadata={"type": kind})
