"""The columns of an exported CSV file: fields of the records, and of records that they refer to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.errors import Invalid
from backend.services.field_types.base import FieldType
from backend.services.records.list_query import ExpandQuery, ListQuery
from backend.services.records.records import visible_fields
from backend.services.records.visible_queries import visible_relations
from backend.utils.nearest import nearest
from backend.utils.problems import Problem

_DELIMITER = re.compile(r"[\t !#$%&()*,./:;<>?@\[\]^_`{|}~]")  # nothing that a value or a formula begins with
MAX_COLUMNS = 200


@dataclass(frozen=True)
class CsvForm:
    """How a CSV file is written: its columns, None for the fields of the query, and what separates its cells.

    A column is the name of a field, or a path through references to one, such as `country.code`.
    """

    columns: tuple[str, ...] = ()
    delimiter: str = ","

    def __post_init__(self) -> None:
        if not _DELIMITER.fullmatch(self.delimiter):
            text = "Must be one character, such as `;`, or the word tab."
            raise Invalid({"delimiter": [Problem("bad_format", text)]}, location="query")


class ExportColumn(NamedTuple):
    """A column: its name in the header, the references that lead to its record, and the field of that record."""

    name: str
    references: tuple[str, ...]
    field_name: str
    field: FieldType

    def value(self, record: Any) -> Any:
        """Return its value in a record with the related ones, in JSON; None if there is no related record."""
        for reference in self.references:
            record = record["expand"][reference]
            if record is None:
                return None
        return record[self.field_name]


def export_columns(actor: Actor, resource: Resource, names: Sequence[str]) -> list[ExportColumn]:
    """Return the column of each name. Raises Invalid if there is none, or the actor may not read it."""
    if len(names) > MAX_COLUMNS:
        problem = Problem("too_many", f"At most {MAX_COLUMNS} columns.", limit=MAX_COLUMNS)
        raise Invalid({"columns": [problem]}, location="query")
    return [_find(actor, resource, name) for name in names]


def _find(actor: Actor, resource: Resource, name: str) -> ExportColumn:
    *references, field_name = name.split(".")
    target = resource
    for reference in references:
        relation = visible_relations(actor, target).get(reference)
        if (
            relation is None
            or relation.is_many
            or not policies.scope(target.catalog.target(relation.target), "read", actor)
        ):
            raise _unknown(actor, target, name, reference)
        target = target.catalog.target(relation.target)
    if field_name not in visible_fields(actor, target):
        raise _unknown(actor, target, name, field_name)
    return ExportColumn(name, tuple(references), field_name, target.fields[field_name])


def _unknown(actor: Actor, resource: Resource, name: str, part: str) -> Invalid:
    near = nearest(part, visible_fields(actor, resource))
    hint = f" Did you mean {near}?" if near else " A path leads through references to one record each."
    problem = Problem("unknown_field", f"There is no column {name}.{hint}")
    return Invalid({"columns": [problem]}, location="query")


def with_columns(query: ListQuery, columns: Sequence[ExportColumn]) -> ListQuery:
    """Return the query of the records that have what the columns need."""
    fields = dict.fromkeys(column.references[0] if column.references else column.field_name for column in columns)
    paths = dict.fromkeys(".".join(column.references) for column in columns if column.references)
    return replace(query, fields=tuple(fields), expand=ExpandQuery(tuple(paths)))
