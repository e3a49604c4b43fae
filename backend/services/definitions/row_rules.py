"""Row rules: the `where` of a grant, as conditions on a row that can use values of the user.

A rule is a tuple of triples (field, operator, value) that must all be true. For example
`where: {team: $user.team, open: true}` is `(("open", "eq", True), ("team", "eq", UserValue("team")))`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError

from backend.models.user import UserSettings
from backend.services.definitions.names import shown_name
from backend.services.definitions.schema import MAX_CONDITIONS
from backend.services.field_types.base import TEXT_SEARCH, FieldType
from backend.services.field_types.boolean import BooleanFromText
from backend.services.field_types.email import Email
from backend.services.field_types.registry import parse_field
from backend.services.field_types.uuid import Uuid

Triple = tuple[str, str, Any]
Rule = tuple[Triple, ...]
Fields = Mapping[str, FieldType]  # map of name to field

MAX_IN = 30  # values of one `in`: all rules together must stay below the limit of parameters of a database
USER = "$user."
OWN_FIELDS: Fields = {"id": Uuid(), "email": Email()}  # every user has these values


@dataclass(frozen=True, slots=True)
class UserValue:
    """`$user.<field>`: a value of the user who makes the request."""

    field: str


OWN_ROWS: Rule = (("created_by", "eq", UserValue("id")),)


def read_rule(where: dict[str, Any], fields: Fields) -> Rule:
    """Return the rule of a `where` that rule_problems accepts, sorted by field and operator."""
    triples = [
        (name, operator, _read_operand(fields[name], operator, operand))
        for name, operator, operand in _conditions(where)
    ]
    return tuple(sorted(triples, key=lambda triple: triple[:2]))


def _conditions(where: dict[str, Any]) -> Iterator[Triple]:
    """Yield (field, operator, operand) for each condition of a `where`; without an operator it is `eq`."""
    for name, condition in where.items():
        for operator, operand in (condition if isinstance(condition, dict) else {"eq": condition}).items():
            yield name, operator, operand


def _read_operand(field: FieldType, operator: str, operand: Any) -> Any:
    """Return an operand as SQL conditions need it. Raises ValidationError if it is not valid."""
    if operator not in field.filter_operators:
        raise ValidationError("This field has no such operator.")
    if operator == "isnull":
        return BooleanFromText().deserialize(operand)
    if operator != "in":
        return _read_value(field, operand)
    if not isinstance(operand, list) or len(operand) > MAX_IN:
        raise ValidationError(f"Must be a list of at most {MAX_IN} values.")
    return tuple(_read_value(field, value) for value in operand)


def _read_value(field: FieldType, value: Any) -> Any:
    if isinstance(value, str) and value.startswith("$"):
        return UserValue(value.removeprefix(USER))
    if value is None:
        raise ValidationError("To find null, use the operator `isnull`.")
    return field.text_field().deserialize(value)


def rule_problems(where: Any, fields: Fields) -> list[str]:
    """Return the errors in a `where`, as messages."""
    if not isinstance(where, dict) or not 0 < len(where) <= MAX_CONDITIONS:
        return [f"where: Must be an object of 1 to {MAX_CONDITIONS} fields."]
    problems = []
    for name, condition in where.items():
        if name not in fields:
            problems.append(f"where.{shown_name(name)}: There is no such field.")
        elif condition == {}:
            problems.append(f"where.{name}: Must be a value or an object of operators.")
        else:
            problems += _condition_problems(name, condition, fields[name])
    return problems


def _condition_problems(name: str, condition: Any, field: FieldType) -> list[str]:
    problems = []
    for _, operator, operand in _conditions({name: condition}):
        place = f"{name}.{shown_name(operator)}" if isinstance(condition, dict) else name
        try:
            _check_operand(field, operator, operand)
        except ValidationError as error:
            problems.append(f"where.{place}: {' '.join(map(str, error.messages))}")
    return problems


def _check_operand(field: FieldType, operator: str, operand: Any) -> None:
    read = _read_operand(field, operator, operand)
    for value in read if operator == "in" else (read,):
        if isinstance(value, UserValue):
            if operator in TEXT_SEARCH:  # an empty value would match every text
                raise ValidationError("A value of the user cannot be searched for.")
            _check_user_value(field, value.field)


def _check_user_value(field: FieldType, name: str) -> None:
    known = {**OWN_FIELDS, **user_fields()}
    if name not in known:
        names = ", ".join(f"`{USER}{known_name}`" for known_name in known)
        raise ValidationError(f"Users have no such value. They have {names}.")
    if field.comparable_as != known[name].comparable_as:
        raise ValidationError(f"`{USER}{name}` of type {known[name].name} cannot be compared with {field.name}.")


def user_fields() -> dict[str, FieldType]:
    """Return the map of name to field of the declared profile fields."""
    return {name: parse_field(declaration) for name, declaration in UserSettings.profile_fields().items()}


def used_user_fields(where: dict[str, Any]) -> set[str]:
    """Return the names of the user's values that a `where` uses."""
    operands = [operand for _, _, operand in _conditions(where)]
    values = [value for operand in operands for value in (operand if isinstance(operand, list) else [operand])]
    return {value.removeprefix(USER) for value in values if isinstance(value, str) and value.startswith(USER)}


def bind(rule: Rule, fields: Fields, user_value: Callable[[str], Any]) -> Rule | None:
    """Return the rule with the values of the user in place of each UserValue, or None if the user lacks one.

    `user_value(name)` returns a value or None. A missing value must not become NULL: `{team: $user.team}` would grant
    all rows without a team to all users without one.
    """
    bound = []
    for name, operator, operand in rule:
        values = [_bound(value, fields[name], user_value) for value in (operand if operator == "in" else (operand,))]
        if None in values:
            return None
        bound.append((name, operator, tuple(values) if operator == "in" else values[0]))
    return tuple(bound)


def _bound(value: Any, field: FieldType, user_value: Callable[[str], Any]) -> Any:
    if not isinstance(value, UserValue):
        return value
    actual = user_value(value.field)
    if actual is None or value.field == "id":
        return actual
    try:
        return field.text_field().deserialize(actual)
    except ValidationError:  # for example a text that is no choice of an enum: no row can have it
        return None
