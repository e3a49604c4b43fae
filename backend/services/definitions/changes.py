"""A change of a definition: which of its fields stay under which name, and what becomes of their values."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from marshmallow import ValidationError

from backend.services.definitions.definition import Definition
from backend.services.definitions.renames import find_renames


@dataclass(frozen=True)
class Change:
    """A definition and the one that takes its place: `old` is None for a new resource, `new` for one that goes."""

    old: Definition | None
    new: Definition | None

    @property
    def name(self):
        """The name of the resource, the new one if it is renamed."""
        return (self.new or self.old).name

    @cached_property
    def _renames(self):
        old, new = ({name: kind.former_names for name, kind in each.fields.items()} for each in (self.old, self.new))
        return find_renames("field", old, new)

    @cached_property
    def origins(self):
        """By each field that stays the name it had before, whether it was renamed or not."""
        renamed = self._renames.origins
        # A new field of a name that another one had before begins without values.
        kept = {name: name for name in self.old.fields if name not in renamed.values()} | renamed
        return {name: kept[name] for name in self.new.fields if name in kept}

    @property
    def problems(self):
        """What is wrong with former names that fields declare, a message by field."""
        return self._renames.problems if self.old and self.new else {}

    @property
    def added(self):
        """The fields that only `new` has, by name."""
        return {name: kind for name, kind in self.new.fields.items() if name not in self.origins}

    @property
    def dropped(self):
        """The fields whose values go, by name."""
        return {name: kind for name, kind in self.old.fields.items() if name not in self.origins.values()}

    @property
    def renamed(self):
        """(new, old) names of the fields that are called otherwise from now on."""
        return [(name, origin) for name, origin in self.origins.items() if name != origin]

    @cached_property
    def converted(self):
        """By field that keeps its values in another form, what makes the new value of the old one."""
        pairs = {name: (self.old.fields[origin], self.new.fields[name]) for name, origin in self.origins.items()}
        most = self.new.indexed_bytes
        made = {name: now.converter(was) for name, (was, now) in pairs.items() if now.changes_form(was)}
        return {name: _within_bytes(convert, most.get(name)) for name, convert in made.items()}

    @cached_property
    def defaults(self):
        """What rows in place get, by field, where they have no value: of new fields, and of those now required."""
        wanting = {
            name: kind
            for name, kind in self.new.fields.items()
            if name in self.added or (kind.required and not self.old.fields[self.origins[name]].required)
        }
        given = {name: kind for name, kind in wanting.items() if kind.default is not None}
        return {name: kind.wire().deserialize(kind.default) for name, kind in given.items()}

    @property
    def moves_words(self) -> bool:
        """Whether the table of words for the full-text search must be made anew."""
        before = [self.origins.get(name) for name in self.new.search]
        moved = {*self.converted, *self.defaults, *(name for name, _ in self.renamed)}
        return before != self.old.search or self.old.name != self.new.name or bool(moved & {*self.new.search})

    def before(self, columns):
        """Return the names that these fields had, or None if one of them is new."""
        origins = tuple(self.origins.get(name) for name in columns)
        return None if None in origins else origins


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
