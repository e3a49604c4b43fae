"""Row rules: the `where` of a grant, as a condition that can use values of the user."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

from marshmallow import ValidationError

from backend.models.user import UserSettings
from backend.services.definitions.definition import Definition
from backend.services.definitions.places import Fields
from backend.services.definitions.relations import Definitions
from backend.services.definitions.where import NO_CONDITIONS, UserValue, Wording, read_where
from backend.services.field_types.base import FieldType
from backend.services.field_types.email import Email
from backend.services.field_types.registry import parse_field
from backend.services.field_types.uuid import Uuid
from backend.services.field_types.varying import USER
from backend.services.storage.conditions import (
    EVERY,
    NEVER,
    All,
    AnyOf,
    Compare,
    Condition,
    Not,
    Through,
    all_of,
    any_of,
)
from backend.services.storage.relations import Relation
from backend.utils.problems import Problem, flatten

OWN_FIELDS: Fields = {"id": Uuid(), "email": Email()}  # every user has these values
MAX_RULE_VALUES = 10_000  # of all rules of an action: the parameters of a statement are limited


class RulePlace:
    """A resource as a rule may use it: whole, because the rule is the admin's."""

    scope = EVERY

    def __init__(self, definition: Definition, world: Definitions) -> None:
        self.name, self._definition, self._world = definition.name, definition, world

    @property
    def fields(self) -> Fields:
        """All fields."""
        return self._definition.all_fields

    @cached_property
    def relations(self) -> Mapping[str, Relation]:
        """All relations."""
        return self._world.steps(self._definition)

    def follow(self, relation: Relation) -> "RulePlace | None":
        """Return the related resource."""
        definition = self._world.by_name.get(relation.target)
        return None if definition is None else RulePlace(definition, self._world)

    def row_scope(self, relation: Relation) -> Condition:
        """Return that every row may be used."""
        return EVERY


def read_rule(where: Any, place: RulePlace) -> Condition:
    """Return the condition of a `where` that rule_problems accepts; values of the user are UserValue in it."""
    return read_where(where, place, Wording("$", lambda value: None))


def rule_problems(definition: Definition, world: Definitions) -> dict[str, list[Problem]]:
    """Return the map of action to the problems of its row rules."""
    place, known = RulePlace(definition, world), _UserFields()
    problems: dict[str, list[Problem]] = {}
    for action, grants in definition.access.items():
        rules = [grant["where"] for grant in grants if isinstance(grant, dict)]
        if found := [problem for where in rules for problem in _problems(where, place, known)]:
            problems[action] = found
        elif sum(1 for where in rules for _ in _leaves(where)) > MAX_RULE_VALUES:
            text = f"The rules of an action have at most {MAX_RULE_VALUES:,} values."
            problems[action] = [Problem("too_many", text, limit=MAX_RULE_VALUES)]
    return problems


def _problems(where: Any, place: RulePlace, known: "_UserFields") -> list[Problem]:
    if where == {}:
        return [NO_CONDITIONS.within("where")]
    try:
        read_where(where, place, Wording("$", known.check))
    except ValidationError as error:
        return [*flatten(error.messages)]
    return []


class _UserFields:
    """The values that every user has, and the profile fields, which are read when a rule uses one."""

    @cached_property
    def fields(self) -> Fields:
        """Map of name to field."""
        return {**OWN_FIELDS, **user_fields()}

    def check(self, value: UserValue) -> None:
        """Raise ValidationError unless users have the value, and it can be compared with the field."""
        if value.name not in self.fields:
            names = ", ".join(f"`{USER}{name}`" for name in self.fields)
            text = f"Users have no such value. They have {names}."
            raise ValidationError(Problem("unknown_field", text, choices=list(self.fields)))
        known = self.fields[value.name]
        if value.is_list != known.holds_items or value.field.comparable_as != known.item.comparable_as:
            wanted = f"a list of {value.field.name}" if value.is_list else value.field.name
            text = f"`{USER}{value.name}` of type {known.title} cannot be compared with {wanted}."
            raise ValidationError(Problem("not_allowed", text))


def check_user_value(value: UserValue) -> None:
    """Raise ValidationError unless users have the value, and it can be compared with the field."""
    _UserFields().check(value)


def user_fields() -> dict[str, Any]:
    """Return the map of name to field of the declared profile fields."""
    return {name: parse_field(declaration) for name, declaration in UserSettings.profile_fields().items()}


def used_user_fields(where: Any) -> set[str]:
    """Return the names of the user's values that a `where` uses."""
    return {leaf.removeprefix(USER) for leaf in _leaves(where) if isinstance(leaf, str) and leaf.startswith(USER)}


def _leaves(where: Any) -> Iterator[Any]:
    """Yield the values in a `where`."""
    if isinstance(where, dict | list):
        for part in where.values() if isinstance(where, dict) else where:
            yield from _leaves(part)
    else:
        yield where


def bind(condition: Condition, user_value: Callable[[str], Any]) -> Condition:
    """Return the condition with the values of the user in place of each UserValue.

    `user_value(name)` returns a value or None. A comparison with a missing value is never true, and neither is a `not`
    around one: `{team: $user.team}` must not grant all rows without a team to all users without one.
    """
    match condition:
        case Compare(field, operator, value):
            bound = _bound_operand(value, user_value)
            return NEVER if bound is None else Compare(field, operator, bound)
        case All(parts):
            return all_of([bind(part, user_value) for part in parts])
        case AnyOf(parts):
            return any_of([bind(part, user_value) for part in parts])
        case Not(part):
            return NEVER if _lacks_value(part, user_value) else Not(bind(part, user_value))
        case Through(relation, part):
            bound_part = bind(part, user_value)
            return NEVER if bound_part == NEVER else Through(relation, bound_part)
    raise TypeError(f"{condition!r} is not a condition.")


def _lacks_value(condition: Condition, user_value: Callable[[str], Any]) -> bool:
    """Return whether the user lacks a value that the condition uses."""
    match condition:
        case Compare(_, _, value):
            return _bound_operand(value, user_value) is None
        case All(parts) | AnyOf(parts):
            return any(_lacks_value(part, user_value) for part in parts)
        case Not(part) | Through(_, part):
            return _lacks_value(part, user_value)
    raise TypeError(f"{condition!r} is not a condition.")


def _bound_operand(operand: Any, user_value: Callable[[str], Any]) -> Any:
    """Return the operand with the values of the user; None if the user lacks one."""
    if isinstance(operand, UserValue) and operand.is_list:
        # A list without values finds nothing, like a value that the user lacks.
        values = [_loaded(operand.field, each) for each in user_value(operand.name) or ()]
        return tuple([each for each in values if each is not None]) or None
    if isinstance(operand, tuple):
        bound = tuple([_bound(value, user_value) for value in operand])
        return None if None in bound else bound
    return _bound(operand, user_value)


def _bound(value: Any, user_value: Callable[[str], Any]) -> Any:
    if not isinstance(value, UserValue):
        return value
    actual = user_value(value.name)
    if actual is None or value.name == "id":
        return actual
    return _loaded(value.field, actual)


def _loaded(field: FieldType, value: Any) -> Any:
    try:
        return field.text_field().deserialize(value)
    except ValidationError:  # for example a text that is no choice of an enum: no row can have it
        return None


OWN_ROWS = Compare("created_by", "eq", UserValue("id", Uuid()))
