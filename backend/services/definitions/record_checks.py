"""The `checks` of a definition: conditions that each record must meet, which the database enforces."""

from typing import Any

from backend.services.definitions.own_where import read_own_where
from backend.services.definitions.places import Fields
from backend.services.definitions.where import GROUPS
from backend.services.storage.conditions import Condition

CHANGING = ("created_by", "updated_at", "version")  # system fields that change without a write of the client
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


def read_check(where: Any, fields: Fields) -> Condition:
    """Return the condition of a check. Raises ValidationError with all errors, each with its path."""
    comparable = {name: field for name, field in fields.items() if "eq" in field.operators and name not in CHANGING}
    return read_own_where(where, comparable)


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
