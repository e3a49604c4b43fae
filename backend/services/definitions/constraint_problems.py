"""Checks the computed fields and the `checks` of a declared definition.

The functions return a map of the part of the definition to its errors; it is empty without any.
"""

from collections.abc import Collection
from typing import Any

from marshmallow import ValidationError
from peewee import SQL

from backend.models.database import database
from backend.models.role import ADMIN
from backend.services.definitions.computed.tokens import ExpressionError
from backend.services.definitions.computed.tree import names_in, parse
from backend.services.definitions.definition import Definition
from backend.services.definitions.record_checks import read_check
from backend.services.definitions.where import NO_CONDITIONS
from backend.utils.problems import Problem

MAX_CHARACTER_BYTES = 4  # of one character in UTF-8

Problems = dict[str, Any]  # as backend/utils/problems.py has them


def computed_problems(definition: Definition) -> Problems:
    """Check the expressions of the computed fields, who may read these, and whether they fit their indexes."""
    problems: Problems = {}
    for name, field in definition.computed_fields.items():
        try:
            inputs = names_in(parse(field.computed or ""))
            definition.computation(name, SQL, database.obj)
        except ExpressionError as error:
            problem = Problem("bad_format", f"`{field.computed}`: {error}", expected="expression")
            problems[name] = {"computed": [problem]}
        else:
            problems |= _reader_problems(name, definition, inputs) | _computed_index_problems(name, definition)
    return {"fields": problems} if problems else {}


def _reader_problems(name: str, definition: Definition, inputs: Collection[str]) -> Problems:
    """Check that everybody who may read a computed field may also read the fields that it is computed from."""
    readers = definition.fields[name].readable_by
    for input_name in sorted(inputs & definition.ruled_fields.keys()):
        allowed = definition.fields[input_name].readable_by
        if allowed is not None and not _is_among(readers, allowed):
            roles = f"only {', '.join(allowed)}" if allowed else "only admins"
            message = f"The field is computed from {input_name}, which {roles} may read. Allow no other roles here."
            return {name: {"readable_by": [Problem("not_allowed", message)]}}
    return {}


def _computed_index_problems(name: str, definition: Definition) -> Problems:
    """Check that every text that fits a computed field also fits into the indexes of the field."""
    max_bytes = definition.index_byte_limits.get(name)
    most = None if max_bytes is None else max_bytes // MAX_CHARACTER_BYTES
    length = getattr(definition.fields[name], "max_length", None)
    if most is None or (length is not None and length <= most):
        return {}
    problem = Problem("too_large", f"At most {most}, because the field is in an index.", limit=most)
    return {name: {"max_length": [problem]}}


def record_check_problems(definition: Definition) -> Problems:
    """Check the `checks`: their conditions, and what their refusals could say about fields that are hidden."""
    problems: Problems = {}
    for name, where in definition.checks.items():
        try:
            fields = read_check(where, definition.all_fields).own_fields
        except ValidationError as error:
            problems[name] = error.messages
            continue
        if where == {}:
            problems[name] = [NO_CONDITIONS.within("where")]
        elif problem := _revealing_problem(definition, fields):
            problems[name] = [problem]
    return {"checks": problems} if problems else {}


def _revealing_problem(definition: Definition, fields: Collection[str]) -> Problem | None:
    """Return the error of a check that could reveal a field to somebody who tries values of another one."""
    inputs = {part for name in fields for part in definition.inputs.get(name, {name})} & definition.fields.keys()
    for hidden in sorted(fields):
        readers = definition.all_fields[hidden].readable_by
        if readers is None:
            continue
        for name in sorted(inputs - {hidden}):
            writers = definition.fields[name].writers
            if definition.fields[name].is_settable and not _is_among(writers, readers):
                text = f"Everybody who may set {name} could find out {hidden}: limit `writable_by` of {name}."
                return Problem("not_allowed", text, names=[name])
    return None


def _is_among(roles: Collection[str] | None, allowed: Collection[str]) -> bool:
    return roles is not None and {*roles} <= {*allowed, ADMIN}
