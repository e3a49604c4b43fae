"""Changes of definitions: which fields keep their values under which name, and how these values convert."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from marshmallow import ValidationError

from backend.services.definitions.definition import Definition
from backend.services.definitions.renames import Renames, find_renames
from backend.services.field_types.base import FieldType


@dataclass(frozen=True)
class Change:
    """What a plan does with one resource: `old` is None if it is created, `new` is None if it is dropped.

    For example, `Change(None, books)` creates the resource books.
    """

    old: Definition | None
    new: Definition | None

    @property
    def name(self) -> str:
        """The name of the resource, the new one if it is renamed."""
        definition = self.new or self.old
        return definition.name if definition else ""


@dataclass(frozen=True)
class Alteration(Change):
    """The change of a resource that stays.

    For example, the fields `title: {type: string}` and `pages: {type: string}` become
    `name: {type: string, renamed_from: title}` and `pages: {type: integer}`: then `origins` is
    {"name": "title", "pages": "pages"}, and `converted` has the function that reads the integer of "120" for `pages`.
    """

    old: Definition
    new: Definition

    @cached_property
    def _renames(self) -> Renames:
        old, new = ({name: field.former_names for name, field in each.fields.items()} for each in (self.old, self.new))
        return find_renames("field", old, new)

    @cached_property
    def origins(self) -> dict[str, str]:
        """The former name of each field that keeps its values, whether it is renamed or not."""
        renamed = self._renames.origins
        # A new field with the former name of a renamed one begins without values.
        kept = {name: name for name in self.old.fields if name not in renamed.values()} | renamed
        return {name: kept[name] for name in self.new.fields if name in kept}

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong with former names that fields declare, a message by field."""
        return self._renames.problems

    @cached_property
    def pairs(self) -> dict[str, tuple[FieldType, FieldType]]:
        """The former and the new declaration of each field that keeps its values."""
        return {name: (self.old.fields[origin], self.new.fields[name]) for name, origin in self.origins.items()}

    @property
    def added(self) -> dict[str, FieldType]:
        """The fields that only `new` has, by name."""
        return {name: field for name, field in self.new.fields.items() if name not in self.origins}

    @property
    def dropped(self) -> dict[str, FieldType]:
        """The fields whose values are lost, by name."""
        return {name: field for name, field in self.old.fields.items() if name not in self.origins.values()}

    @property
    def renamed(self) -> list[tuple[str, str]]:
        """(new, old) names of the renamed fields."""
        return [(name, origin) for name, origin in self.origins.items() if name != origin]

    @cached_property
    def converted(self) -> dict[str, Callable[[Any], Any]]:
        """The function that converts a value, for each field whose values take another form."""
        most = self.new.indexed_bytes
        made = {name: now.converter(was) for name, (was, now) in self.pairs.items() if now.changes_form(was)}
        return {name: _within_bytes(convert, most.get(name)) for name, convert in made.items()}

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """What existing rows get where they have no value, by field: of new fields, and of those now required."""
        wanting = self.added | {
            name: now for name, (was, now) in self.pairs.items() if now.required and not was.required
        }
        given = {name: field for name, field in wanting.items() if field.default is not None}
        return {name: field.wire().deserialize(field.default) for name, field in given.items()}

    @property
    def moves_words(self) -> bool:
        """Whether the table of words for the full-text search must be built again."""
        before = [self.origins.get(name) for name in self.new.search]
        moved = {*self.converted, *self.defaults, *(name for name, _ in self.renamed)}
        return before != self.old.search or self.old.name != self.new.name or bool(moved & {*self.new.search})

    def before(self, columns: Sequence[str]) -> tuple[str, ...] | None:
        """Return the former names of these fields, or None if one of them is new."""
        origins = [self.origins[name] for name in columns if name in self.origins]
        return tuple(origins) if len(origins) == len(columns) else None

    def comes_with_field(self, columns: Sequence[str]) -> bool:
        """Tell whether these columns are a single new field, which has a step of its own."""
        return len(columns) == 1 and columns[0] in self.added


def _within_bytes(convert: Callable[[Any], Any], most: int | None) -> Callable[[Any], Any]:
    """Return the function `convert`, refusing texts of more than `most` bytes; None for no limit."""
    if most is None:
        return convert

    def checked(value: Any) -> Any:
        found = convert(value)
        if isinstance(found, str) and len(found.encode()) > most:
            raise ValidationError("Too long for an index.")
        return found

    return checked
