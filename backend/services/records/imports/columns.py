"""The columns of an imported file: which ones are allowed, which field each fills, and errors in their names."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from backend.services.access.actors import Actor
from backend.services.definitions import policies
from backend.services.definitions.catalog import Resource
from backend.services.definitions.definition import SYSTEM_FIELDS
from backend.services.errors import Invalid
from backend.services.field_types.base import FieldType
from backend.services.records.imports.lookups import unusable_keys
from backend.services.records.upserts import OWNER, Key, upsert_keys
from backend.utils.problems import REQUIRED, Problem
from backend.utils.texts import printable, shown

_BETWEEN_LETTERS = re.compile(r"[\s_-]+")
MAX_LISTED = 20  # wrong names in one message
MAX_NAME = 80  # characters of a name in a message
MAX_HINTS = 3  # the messages before the third list the known columns; later ones do not repeat the list

UNKNOWN_COLUMN = Problem("unknown_column", "Unknown column.")
GIVEN_TWICE = Problem("duplicate", "Given twice.")


class Column(NamedTuple):
    """A column of the file: the field that it fills and, for a reference, the field of the target that it contains."""

    field: str
    target_field: str = "id"

    @property
    def label(self) -> str:
        """The name of the column."""
        return self.field if self.target_field == "id" else f"{self.field}_{self.target_field}"


LEFT_OUT = Column("")  # a column of the file that is not imported


class Columns:
    """The columns that an actor may use for a resource.

    `renamed` is a map of name in the file to name of the column, empty for columns that are not imported. A name that
    is no column is the field or reference that differs only in case, spaces, underscores and hyphens, if there is one.
    """

    def __init__(self, actor: Actor, resource: Resource, key: str | None, renamed: Mapping[str, str] = {}) -> None:  # noqa: B006
        self.resource = resource
        self._renamed, self._renamed_alike = renamed, _by_letters(renamed)
        fields, locked = resource.definition.fields, policies.locked_fields(resource.definition, actor)
        self.writable: dict[str, FieldType] = {name: field for name, field in fields.items() if name not in locked}
        unsettable = resource.definition.unsettable_fields - policies.hidden_fields(resource.definition, actor)
        numbered = {name: fields[name] for name in sorted(unsettable) if fields[name].computed is None}
        self.key = None if key is None else _read_key(actor, resource, key, self.writable | numbered)
        self._known = _known_columns(actor, resource, self.writable, self.key)
        self._known |= {name: Column(name) for name in unsettable}
        # Not the system fields: most actors cannot set them, so a column would be ignored by mistake.
        self._alike = _by_letters(name for name, column in self._known.items() if column.field in self.writable)
        self._hints = MAX_HINTS

    def check_header(self, names: Sequence[str]) -> None:
        """Raise Invalid if a name in the header of a CSV file is unknown or repeated, or a required one is missing."""
        if "" in names:
            message = f"Column {names.index('') + 1} has no name in the first line. Name it, or delete the column."
            raise Invalid({"": [UNKNOWN_COLUMN]}, "columns", message)
        self._check_renamed(names)
        filled = {column.field for column in self.find(names)}
        if self.key is not None and (missing := [name for name in self.key if name not in {OWNER, *filled}]):
            message = f"The columns of the key are missing: {', '.join(missing)}."
            raise Invalid({name: [REQUIRED] for name in missing}, "columns", message)
        if self.key is None and (missing := [name for name in self._required() if name not in filled]):
            message = f"Required columns are missing: {', '.join(missing)}."
            raise Invalid({name: [REQUIRED] for name in missing}, "columns", message)

    def _required(self) -> list[str]:
        return [name for name, field in self.writable.items() if field.required and field.default is None]

    def find(self, names: Sequence[str]) -> list[Column]:
        """Return the Column of each name. Raises Invalid if a name is unknown or repeated."""
        found = self.known(names)
        unknown = [name for name, column in zip(names, found, strict=True) if column is None]
        columns = [column for column in found if column is not None]
        counts = Counter(column.field for column in columns if column != LEFT_OUT)
        repeated = sorted(field for field, count in counts.items() if count > 1)
        if unknown or repeated:
            messages = [self._explain_unknown(unknown)] if unknown else []
            messages += [f"These columns are given twice: {', '.join(repeated)}."] if repeated else []
            problems = {self._new_name(name)[:MAX_NAME]: [UNKNOWN_COLUMN] for name in unknown[:MAX_LISTED]}
            problems |= {name: [GIVEN_TWICE] for name in repeated}
            raise Invalid(problems, "columns", " ".join(messages))
        return columns

    def known(self, names: Sequence[str]) -> list[Column | None]:
        """Return the Column of each name; None for a name that is unknown."""
        return [self._column(name) for name in names]

    def cell_kind(self, column: Column) -> str | None:
        """Return which of the cell_kinds the values of a column have; None for all others."""
        if column.field in self.resource.definition.referring:
            return self.resource.target(column.field).fields[column.target_field].cell_kind
        return None if column == LEFT_OUT else self.resource.fields[column.field].cell_kind

    def _new_name(self, name: str) -> str:
        """Return the name of the column that a name in the file means, empty for a column that is left out."""
        old = name if name in self._renamed else self._renamed_alike.get(compared_letters(name), "")
        return self._renamed.get(old, name)

    def _column(self, name: str) -> Column | None:
        new_name = self._new_name(name)
        if name and not new_name:
            return LEFT_OUT
        return self._known.get(new_name) or self._known.get(self._alike.get(compared_letters(new_name), ""))

    def _check_renamed(self, names: Sequence[str]) -> None:
        """Raise Invalid if a name that `renamed` has is not in the file."""
        given = {*names, *map(compared_letters, names)}
        if missing := [name for name in self._renamed if name not in given and compared_letters(name) not in given]:
            message = f"The file has no column {_listed(missing)}. It has: {_listed(names)}."
            raise Invalid(
                {"map": [Problem("unknown_column", message, names=missing)]}, location="query", message=message
            )

    def _explain_unknown(self, unknown: list[str]) -> str:
        self._hints -= 1
        has_hints = self._hints > 0
        names = map(self._new_name, unknown[:MAX_LISTED])
        listed = [shown(name, MAX_NAME) + (self._suggest(name) if has_hints else "") for name in names]
        more = f" and {len(unknown) - MAX_LISTED} more" if len(unknown) > MAX_LISTED else ""
        advice = f"To leave one out, add `map={printable(unknown[0], MAX_NAME)}=`."
        known = f" There are: {', '.join(self.writable)}. {advice}" if has_hints else ""
        return f"Unknown columns: {', '.join(listed)}{more}.{known}"

    def _suggest(self, name: str) -> str:
        """Return " (did you mean x?)" with the known column that is most similar, or an empty text."""
        plain = "_".join(name[:MAX_NAME].lower().replace("-", " ").split())
        near = get_close_matches(plain, self._known, n=1, cutoff=0.75)
        return f" (did you mean {near[0]}?)" if near else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(shown(name, MAX_NAME) for name in names[:MAX_LISTED])


def compared_letters(name: str) -> str:
    """Return what the names of columns and fields are compared by if they are not the same."""
    return _BETWEEN_LETTERS.sub("", name).casefold()


def _by_letters(names: Iterable[str]) -> dict[str, str]:
    """Return a map of letters to name, without names that differ in nothing else."""
    listed = list(names)
    counts = Counter(map(compared_letters, listed))
    return {letters: name for name in listed if counts[letters := compared_letters(name)] == 1}


def _read_key(actor: Actor, resource: Resource, key: str, fields: dict[str, FieldType]) -> Key:
    """Return the fields of a key such as `id` or `country,code`, in any order. Raises Invalid if it is none."""
    barred = policies.hidden_fields(resource.definition, actor) | (resource.definition.fields.keys() - fields.keys())
    keys = {"id": ("id",)} | upsert_keys(resource.definition, barred)
    names = sorted(key.split(","))
    if found := next((each for each in keys.values() if sorted(each) == names), None):
        return found
    raise Invalid({"key": [Problem("not_a_choice", f"Must be one of: {'; '.join(keys)}.", choices=[*keys])]}, "query")


def _known_columns(
    actor: Actor, resource: Resource, writable: dict[str, FieldType], key: Key | None
) -> dict[str, Column]:
    """Return a map of name to Column. A field takes precedence over `<reference>_<key>` of the same name."""
    system = [name for name in SYSTEM_FIELDS if name != "id" or actor.is_admin or key == ("id",)]
    known = {name: Column(name) for name in (*writable, *system)}
    for reference in [name for name in resource.definition.referring if name in writable]:
        for target_field in _keys_of_target(actor, resource, reference):
            for separator in "_.":  # an export writes the path
                known.setdefault(f"{reference}{separator}{target_field}", Column(reference, target_field))
    return known


def _keys_of_target(actor: Actor, resource: Resource, reference: str) -> list[str]:
    """Return the fields of the target by which a row may refer to its records: `id` and the unique ones."""
    target = resource.target(reference)
    keys = {"id"} | _unique_fields(target, target.definition.fields)
    return sorted(keys - unusable_keys(target.definition, actor))


def _unique_fields(resource: Resource, fields: dict[str, FieldType]) -> set[str]:
    """Return the names of those fields whose values are unique by themselves."""
    return {key[0] for key in resource.definition.key_sets() if len(key) == 1} & set(fields)
