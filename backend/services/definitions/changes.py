"""The difference between two versions of a definition: fields added, dropped, renamed and converted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from marshmallow import ValidationError

from backend.services.definitions.computed.tokens import rename_fields
from backend.services.definitions.computed.tree import parse
from backend.services.definitions.definition import SYSTEM_FIELDS, Definition
from backend.services.definitions.field_sets import FieldSet
from backend.services.definitions.own_where import rename_in_where
from backend.services.definitions.renames import Renames, find_renames
from backend.services.field_types.base import FieldType
from backend.utils.problems import Problem
from backend.utils.texts import byte_count


@dataclass(frozen=True)
class Change:
    """A change to one resource. A plan is a list of changes.

    `old` is None for a resource that is created, `new` is None for one that is dropped. For example,
    `Change(None, books)` creates the resource books.
    """

    old: Definition | None
    new: Definition | None

    @property
    def name(self) -> str:
        """The name of the resource, the new one if it is renamed."""
        definition = self.new or self.old  # one of them is always set; the rest is for mypy
        return definition.name if definition else ""


@dataclass(frozen=True)
class Alteration(Change):
    """A change to a resource that is neither created nor dropped.

    For example, the fields `title: {type: string}` and `pages: {type: string}` become
    `name: {type: string, renamed_from: title}` and `pages: {type: integer}`. Then `old_names` is
    {"name": "title", "pages": "pages"}, and `converters` maps "pages" to a function that converts "120" to 120.
    """

    old: Definition
    new: Definition

    @cached_property
    def _renames(self) -> Renames:
        # The old definition's former names are passed too: those renames were made already, and must not be made again.
        return find_renames("field", _former_names_of_fields(self.old), _former_names_of_fields(self.new))

    @cached_property
    def continued(self) -> dict[str, str]:
        """Map of new to old name, for every field that has been there before, renamed or not."""
        renamed = self._renames.old_names
        # If `a` is renamed to `b` and a new `a` is declared, the new `a` starts without values.
        candidates = {name: name for name in self.old.fields if name not in renamed.values()} | renamed
        return {name: candidates[name] for name in self.new.fields if name in candidates}

    @cached_property
    def old_names(self) -> dict[str, str]:
        """Map of new to old name, for every field that keeps its values: not for those that are computed again."""
        return {name: old for name, old in self.continued.items() if self._keeps_values(name, old)}

    def _keeps_values(self, name: str, old_name: str) -> bool:
        old, new = self.old.fields[old_name], self.new.fields[name]
        if new.is_convertible != old.is_convertible:
            return False
        if new.computed is None or old.computed is None:
            return new.computed is None
        new_names = {old: new for new, old in self.continued.items()}
        is_same = (old.name, old.constraints) == (new.name, new.constraints)
        return (
            is_same
            and parse(rename_fields(old.computed, new_names)) == parse(new.computed)
            and self.keeps_form(self.new.inputs[name])
        )

    def keeps_form(self, names: Iterable[str]) -> bool:
        """Return whether the values of these fields, which are not computed, stay as they are stored."""
        fields = [(self.continued.get(name), self.new.fields[name]) for name in names if name in self.new.fields]
        return all(old and not field.needs_conversion_from(self.old.fields[old]) for old, field in fields)

    def keeps_values(self, names: Iterable[str]) -> bool:
        """Return whether these fields have the same values as before in all rows."""
        names = {*names}
        kept = names <= self.old_names_with_system.keys() and names.isdisjoint(self.defaults)
        return kept and self.keeps_form(names - self.new.computed_fields.keys())

    @property
    def old_checks(self) -> dict[str, Any]:
        """The `checks` of the old definition, with the new names of fields."""
        new_names = {old: new for new, old in self.continued.items()}
        return {name: rename_in_where(where, new_names) for name, where in self.old.checks.items()}

    @property
    def recomputed(self) -> list[str]:
        """The names of the computed fields whose values are computed again, because their expression changes."""
        computed = self.old.computed_fields
        return [name for name, old in self.continued.items() if name not in self.old_names and old in computed]

    @property
    def rename_problems(self) -> dict[str, Problem]:
        """Map of field name to the error in its `renamed_from`."""
        return self._renames.problems

    @cached_property
    def field_pairs(self) -> dict[str, tuple[FieldType, FieldType]]:
        """Map of field name to its (old, new) declarations, for every field that keeps its values."""
        return {name: (self.old.fields[old_name], self.new.fields[name]) for name, old_name in self.old_names.items()}

    @property
    def added(self) -> dict[str, FieldType]:
        """Map of name to field, for the fields of `new` that take no values from `old`."""
        return {name: field for name, field in self.new.fields.items() if name not in self.old_names}

    @property
    def dropped(self) -> dict[str, FieldType]:
        """Map of name to field, for the fields of `old` whose values `new` does not keep."""
        return {name: field for name, field in self.old.fields.items() if name not in self.old_names.values()}

    @property
    def renamed(self) -> list[tuple[str, str]]:
        """The (old, new) names of the renamed fields."""
        return [(old_name, name) for name, old_name in self.old_names.items() if name != old_name]

    @cached_property
    def converters(self) -> dict[str, Callable[[Any], Any]]:
        """Map of field name to the function that converts a value, for fields whose stored format changes."""
        byte_limits = self.new.index_byte_limits
        return {
            name: _with_byte_limit(new_field.converter(old_field), new_field, byte_limits.get(name))
            for name, (old_field, new_field) in self.field_pairs.items()
            if new_field.needs_conversion_from(old_field)
        }

    @property
    def recased(self) -> list[str]:
        """The names of the fields in which upper and lower case become the same, or different."""
        return [name for name, (old, new) in self.field_pairs.items() if new.ignores_case != old.ignores_case]

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Map of field name to its default, which existing rows get where they have no value.

        It holds the added fields and the fields that become required, unless they have no default.
        """
        newly_required = {
            name: new_field
            for name, (old_field, new_field) in self.field_pairs.items()
            if new_field.required and not old_field.required
        }
        fields = self.added | newly_required
        return {
            name: field.json_field().deserialize(field.fixed_default)
            for name, field in fields.items()
            if field.fixed_default is not None
        }

    @property
    def needs_search_rebuild(self) -> bool:
        """Whether the full-text search table must be rebuilt."""
        # Compared in old names, because a new field may have taken the name of a renamed or dropped one.
        new_search_in_old_names = [self.old_names.get(name) for name in self.new.search]
        changed = {*self.converters, *self.defaults, *(name for _, name in self.renamed)}
        return (
            new_search_in_old_names != self.old.search
            or self.old.name != self.new.name
            or bool(changed & {*self.new.search})
        )

    @property
    def old_names_with_system(self) -> dict[str, str]:
        """`old_names` with the system fields, whose names never change."""
        return self.old_names | {name: name for name in SYSTEM_FIELDS}

    @property
    def continued_with_system(self) -> dict[str, str]:
        """`continued` with the system fields, whose names never change."""
        return self.continued | {name: name for name in SYSTEM_FIELDS}

    def old_set_of(self, field_set: FieldSet) -> FieldSet | None:
        """Return the set with the old names of its fields, or None if one of the fields is new."""
        return field_set.renamed(self.continued_with_system)

    def comes_with_added_field(self, field_set: FieldSet) -> bool:
        """Return whether an index or unique constraint covers exactly one field, and that field is added.

        The step that adds the field then also creates the index or constraint.
        """
        return len(field_set.terms) == 1 and not field_set.rule and field_set.uses(self.added)


def _former_names_of_fields(definition: Definition) -> dict[str, list[str]]:
    return {name: field.former_names for name, field in definition.fields.items()}


def _with_byte_limit(convert: Callable[[Any], Any], field: FieldType, max_bytes: int | None) -> Callable[[Any], Any]:
    """Return `convert`, with a check that raises ValidationError for texts of the field longer than `max_bytes`.

    If that is None, return `convert` unchanged.
    """
    if max_bytes is None:
        return convert

    def convert_and_check(value: Any) -> Any:
        converted = convert(value)
        if isinstance(converted, str) and byte_count(field.compared_value(converted)) > max_bytes:
            raise ValidationError(Problem("too_long", "Too long for an index.", limit=max_bytes))
        return converted

    return convert_and_check
