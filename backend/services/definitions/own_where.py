"""Conditions of a definition on its own fields, which the database itself keeps: the same `where` without relations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from marshmallow import ValidationError

from backend.services.definitions.places import Fields
from backend.services.definitions.where import GROUPS, UserValue, Wording, read_where
from backend.services.field_types.varying import USER
from backend.services.storage.conditions import EVERY, Condition
from backend.services.storage.relations import Relation
from backend.utils.problems import Problem


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
    raise ValidationError(Problem("not_allowed", "Values of the user cannot be used here."))


def read_own_where(where: Any, fields: Fields) -> Condition:
    """Return the condition on these fields. Raises ValidationError with all errors, each with its path."""
    return read_where(where, _Place(fields), Wording(USER, _refuse_user_value))


def rename_in_where(where: Any, new_names: Mapping[str, str]) -> Any:
    """Return a `where` with the new names of fields, a map of old to new name; it need not be valid."""
    if isinstance(where, list):
        return [rename_in_where(part, new_names) for part in where]
    if not isinstance(where, dict):
        return where
    return {new_names.get(name, name): _renamed_value(name, value, new_names) for name, value in where.items()}


def _renamed_value(name: str, value: Any, new_names: Mapping[str, str]) -> Any:
    if name in GROUPS:
        return rename_in_where(value, new_names)
    if not isinstance(value, dict):
        return value
    return {
        operator: {"field": new_names.get(operand["field"], operand["field"])} if _is_field(operand) else operand
        for operator, operand in value.items()
    }


def _is_field(operand: Any) -> bool:
    return isinstance(operand, dict) and isinstance(operand.get("field"), str)


def used_fields(where: Any) -> set[str]:
    """Return the names of the fields in a `where` without relations."""
    if not isinstance(where, dict):
        return set().union(*map(used_fields, where)) if isinstance(where, list) else set()
    names: set[str] = set()
    for name, value in where.items():
        if name in GROUPS:
            names |= used_fields(value)
        else:
            operands = value.values() if isinstance(value, dict) else ()
            names |= {name, *(operand["field"] for operand in operands if _is_field(operand))}
    return names
