"""The columns of a file of records: which field each fills, and how its cells are read."""

from collections import Counter
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, NamedTuple

from marshmallow import ValidationError

from backend.models.user import User
from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.definition import SYSTEM_FIELDS
from backend.services.errors import Invalid
from backend.services.field_types.wire import loader
from backend.services.records.imports.rows import NULL
from backend.utils.texts import shown

MAX_KEPT = 200  # sets of names whose readers are kept; the rows of an NDJSON file may each have their own
MAX_TOLD = 20  # wrong names in one message
MAX_NAME = 80
MAX_HINTS = 3  # messages that tell what there is: of the thousandth row nobody needs it again


class Column(NamedTuple):
    """A column of the file: the field it fills and, for a reference, the unique field of the target it holds."""

    field: str
    key: str = "id"


class Values(NamedTuple):
    """What a row gives: values by field, fields whose cell is empty, values of system fields, keys of targets."""

    given: dict
    empty: list
    system: dict
    targets: list  # (Column, value of its key)


class Columns:
    """The columns that an actor may bring to a resource, all of them known before the first row is read."""

    def __init__(self, actor: Actor, resource: Resource, is_text: bool, key: str | None):
        self.resource, self.is_text, self.key = resource, is_text, key
        fields, locked = resource.definition.fields, policies.locked_fields(resource.definition, actor)
        self.writable = {name: kind for name, kind in fields.items() if name not in locked}
        if key is not None and key not in {"id"} | _unique_fields(resource, self.writable):
            raise Invalid({"key": ["Not `id` and no field of this resource that is unique by itself."]}, "query")
        self._known = _known_columns(actor, resource, self.writable, key)
        self._required = [name for name, kind in self.writable.items() if kind.required and kind.default is None]
        self._readers: dict = {}  # by Column
        self._kept: dict = {}  # by names of columns
        self._users: dict = {}
        self._hints = MAX_HINTS

    def check(self, names: tuple) -> None:
        """Raise Invalid, with the columns there are, for names of a CSV file that are unknown, repeated or missing."""
        if "" in names:
            told = f"Column {names.index('') + 1} has no name in the first line. Name it, or delete the column."
            raise _wrong_columns({"unknown": [""]}, told)
        columns = self._columns(names)
        if self.key is None and (missing := [n for n in self._required if n not in {each.field for each in columns}]):
            told = f"These columns are missing, though required: {', '.join(missing)}."
            raise _wrong_columns({"missing, though required": missing}, told)

    def read(self, names: tuple, cells: list) -> Values:
        """Return the Values of a row; raise ValidationError with all that is wrong with its cells."""
        values, problems = Values({}, [], {}, []), []
        for (column, read), cell in zip(self._reading(names), cells, strict=True):
            try:
                self._read_cell(column, read, cell, values)
            except ValidationError as error:
                told = " ".join(map(str, error.messages))
                problems.append(f"{column.field}: {told} Found: {shown(cell)}.")
        if problems:
            raise ValidationError(problems)
        return values

    def _read_cell(self, column: Column, read: Callable, cell: Any, values: Values) -> None:
        field = column.field
        if field in SYSTEM_FIELDS:
            is_empty = cell is None or cell is NULL or (self.is_text and cell == "")
            values.system[field] = None if is_empty else read(cell)
        elif self.is_text and (cell is None or (cell == "" and not self.writable[field].holds_empty_text)):
            values.empty.append(field)
        elif cell is None or cell is NULL:
            values.given[field] = None
        elif field in self.resource.definition.references:
            values.targets.append((column, read(cell)))
        else:
            values.given[field] = read(cell)

    def _reading(self, names: tuple) -> list:
        """Return (Column, function that reads a value) for each name; raise ValidationError for wrong names."""
        found = self._kept.get(names)
        if found is None:
            try:
                found = [(column, self._reader(column)) for column in self._columns(names)]
            except Invalid as error:
                raise ValidationError(error.message) from error
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[names] = found
        return found

    def _columns(self, names: tuple) -> list[Column]:
        unknown = [name for name in names if name not in self._known]
        columns = [self._known[name] for name in names if name in self._known]
        counts = Counter(column.field for column in columns)
        twice = sorted(field for field, count in counts.items() if count > 1)
        if unknown or twice:
            told = [self._explain_unknown(unknown)] if unknown else []
            told += [f"These columns are given twice: {', '.join(twice)}."] if twice else []
            cut = [name[:MAX_NAME] for name in unknown[:MAX_TOLD]]
            raise _wrong_columns({"unknown": cut, "given twice": twice}, " ".join(told))
        return columns

    def _explain_unknown(self, unknown: list[str]) -> str:
        self._hints -= 1
        told = [shown(name, MAX_NAME) + (self._nearest(name) if self._hints > 0 else "") for name in unknown[:MAX_TOLD]]
        more = f" and {len(unknown) - MAX_TOLD} more" if len(unknown) > MAX_TOLD else ""
        there = f" There are: {', '.join(self.writable)}." if self._hints > 0 else ""
        return f"Unknown columns: {', '.join(told)}{more}.{there}"

    def _nearest(self, name: str) -> str:
        """Return, in words, the column that a name might mean."""
        plain = "_".join(name[:MAX_NAME].lower().replace("-", " ").split())
        near = get_close_matches(plain, self._known, n=1, cutoff=0.75)
        return f" (did you mean {near[0]}?)" if near else ""

    def _reader(self, column: Column) -> Callable:
        """Return the function that reads a value of the column: of the field, or of the target's field it names."""
        if column not in self._readers:
            self._readers[column] = self._make_reader(column)
        return self._readers[column]

    def _make_reader(self, column: Column) -> Callable:
        kind = (SYSTEM_FIELDS | self.writable)[column.field]
        if column.field in self.resource.definition.references:
            kind = self.resource.catalog[kind.to].kinds[column.key]
        elif column.field == "created_by":
            read = kind.cell_reader() if self.is_text else loader(kind.wire())
            return lambda value: self._user_id(read(value))
        return kind.cell_reader() if self.is_text else loader(kind.wire())

    def _user_id(self, value: str) -> str | None:
        """Return the id of a user, None if there is no such user here."""
        if value not in self._users:
            self._users[value] = value if User.get_or_none(User.id == value) else None
        return self._users[value]


def _known_columns(actor: Actor, resource: Resource, writable: dict, key: str | None) -> dict[str, Column]:
    """Return the Columns by name. A field comes before the key of a reference that would be called the same."""
    system = [name for name in SYSTEM_FIELDS if name != "id" or actor.is_admin or key == "id"]
    known = {name: Column(name) for name in (*writable, *system)}
    for reference in [each for each in resource.definition.references if each in writable]:
        target = resource.catalog[writable[reference].to]
        keys = {"id"} | _unique_fields(target, target.definition.fields)
        for part in sorted(keys - policies.hidden_fields(target.definition, actor)):
            known.setdefault(f"{reference}_{part}", Column(reference, part))
    return known


def _unique_fields(resource: Resource, fields: dict) -> set[str]:
    """Return the names of those fields whose values are unique by themselves."""
    return {columns[0] for columns in resource.definition.unique_sets() if len(columns) == 1} & set(fields)


def _wrong_columns(problems: dict, told: str) -> Invalid:
    refusal = Invalid({what: names for what, names in problems.items() if names}, location="columns")
    refusal.message = told
    return refusal
