"""The `checks` of a definition: conditions that each record must meet, which the database enforces."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from marshmallow import ValidationError

from backend.services.definitions.where import GROUPS, Fields, UserValue, Wording, read_where
from backend.services.field_types.varying import USER
from backend.services.storage.conditions import EVERY, Condition
from backend.services.storage.relations import Relation

# What a value must be, by operator; `and` and `or` connect several.
WORDS = {
    "eq": "{}",
    "ne": "not {}",
    "gt": "greater than {}",
    "gte": "{} or greater",
    "lt": "less than {}",
    "lte": "{} or less",
    "in": "one of {}",
    "contains": "a text with {}",
    "icontains": "a text with {} in upper or lower case",
    "startswith": "a text that starts with {}",
}


@dataclass(frozen=True)
class _Place:
    """A record, without the records that it is related to."""

    fields: Fields
    scope = EVERY

    @property
    def relations(self) -> Mapping[str, Relation]:
        return {}

    def follow(self, relation: Relation) -> None:
        return None

    def row_scope(self, relation: Relation) -> Condition:
        return EVERY


def _refuse_user_value(value: UserValue) -> NoReturn:
    raise ValidationError("A check has no values of the user.")


def read_check(where: Any, fields: Fields) -> Condition:
    """Return the condition of a check. Raises ValidationError with all errors, each with its path."""
    comparable = {name: field for name, field in fields.items() if "eq" in field.operators}
    return read_where(where, _Place(comparable), Wording(USER, _refuse_user_value))


def rename_in_check(where: Any, new_names: Mapping[str, str]) -> Any:
    """Return a check with the new names of fields, a map of old to new name."""
    if isinstance(where, list):
        return [rename_in_check(part, new_names) for part in where]
    if not isinstance(where, dict):
        return where
    return {new_names.get(name, name): _renamed_value(name, value, new_names) for name, value in where.items()}


def _renamed_value(name: str, value: Any, new_names: Mapping[str, str]) -> Any:
    if name in GROUPS:
        return rename_in_check(value, new_names)
    if not isinstance(value, dict):
        return value
    return {
        operator: {"field": new_names.get(operand["field"], operand["field"])} if _is_field(operand) else operand
        for operator, operand in value.items()
    }


def _is_field(operand: Any) -> bool:
    return isinstance(operand, dict) and isinstance(operand.get("field"), str)


def text_of_check(where: dict[str, Any]) -> str:
    """Return a check that read_check accepts as a text, such as "ends must be starts or greater"."""
    return " and ".join(_member_text(name, value) for name, value in where.items())


def _member_text(name: str, value: Any) -> str:
    if name == "not" and isinstance(value, dict):
        return f"not ({text_of_check(value)})"
    if name in GROUPS and isinstance(value, list):
        return "(" + (" or " if name == "any" else " and ").join(map(text_of_check, value)) + ")"
    operators = value if isinstance(value, dict) else {"eq": value}
    return " and ".join(f"{name} must be {_operator_text(*item)}" for item in operators.items())


def _operator_text(operator: str, operand: Any) -> str:
    if operator == "isnull":
        return "null" if operand else "a value"
    return WORDS[operator].format(_operand_text(operand))


def _operand_text(operand: Any) -> str:
    if isinstance(operand, list):
        return ", ".join(map(_operand_text, operand))
    if isinstance(operand, bool):
        return "true" if operand else "false"
    return str(operand["field"]) if isinstance(operand, dict) else str(operand)
