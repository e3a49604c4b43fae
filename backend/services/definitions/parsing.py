"""Parses definitions. Those from the API and from files are checked; stored ones were checked before."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from marshmallow import ValidationError

from backend.services.definitions import checks
from backend.services.definitions.computed.tokens import rename_fields
from backend.services.definitions.constraint_problems import computed_problems, record_check_problems
from backend.services.definitions.definition import Definition
from backend.services.definitions.names import RESERVED_FIELDS, is_reserved_resource, name_problem, shown_name
from backend.services.definitions.own_where import rename_in_where
from backend.services.definitions.schema import DefinitionSchema
from backend.services.errors import Invalid
from backend.services.field_types.registry import parse_field
from backend.utils.problems import problems_of

_schema = DefinitionSchema()


def parse_definition(data: Any, roles: Collection[str], current: Definition | None = None) -> Definition:
    """Return the Definition that `data` declares; `roles` are the names that a grant may use.

    `current` is the Definition in force, if there is one. Its names stay valid, even if a later version of Larder
    reserves them. Raises Invalid, keyed by the parts of the definition.
    """
    reserved = RESERVED_FIELDS - (current.fields.keys() if current else set())
    definition, wrong_fields = _read(data, reserved)
    is_new = current is None or current.name != definition.name
    problem = name_problem(definition.name, is_new and is_reserved_resource(definition.name))
    problems: dict[str, Any] = {"name": [problem]} if problem else {}
    problems |= checks.access_problems(definition, roles) or checks.cache_problems(definition)
    wrong_fields |= checks.field_rule_problems(definition, roles, has_valid_access="access" not in problems)
    wrong_fields |= checks.file_name_problems(definition)
    problems |= {"fields": wrong_fields} if wrong_fields else checks.column_problems(definition)
    problems = problems or checks.default_problems(definition) or computed_problems(definition)
    problems = problems or record_check_problems(definition) or checks.file_problems(definition)
    if problems:
        raise Invalid(problems)
    return definition


def read_definition(data: dict[str, Any], version: int = 1) -> Definition:
    """Return the Definition of a stored declaration, which had this version.

    It is not checked again, so it stays usable even if a later version of Larder checks more.
    """
    definition, wrong_fields = _read(data, (), version)
    if wrong_fields:
        raise Invalid({"fields": wrong_fields})
    return definition


def _read(data: Any, reserved: Collection[str], version: int = 1) -> tuple[Definition, dict[str, Any]]:
    """Return the Definition without its invalid fields, and the map of their names to errors."""
    try:
        body = _schema.load(data)
    except ValidationError as error:
        raise Invalid(problems_of(error)) from error
    fields, wrong = {}, {}
    for name, declaration in body.pop("fields_").items():
        try:
            if problem := name_problem(name, name in reserved):
                raise Invalid([problem])
            fields[name] = parse_field(declaration)
        except Invalid as error:
            wrong[shown_name(name)] = error.errors
    return _with_new_names(Definition(fields=fields, version=version, **body)), wrong


def _with_new_names(definition: Definition) -> Definition:
    """Return the definition with the new names of renamed fields in the label, in expressions and in checks."""
    fields = definition.fields
    former_names = [(former, name) for name, field in fields.items() for former in field.former_names]
    new_names = {former: name for former, name in former_names if former not in fields}
    if not new_names:
        return definition
    renamed = {
        name: replace(field, computed=rename_fields(field.computed, new_names)) if field.computed else field
        for name, field in fields.items()
    }
    checks = {name: rename_in_where(where, new_names) for name, where in definition.checks.items()}
    label = definition.label and new_names.get(definition.label, definition.label)
    return replace(definition, label=label, fields=renamed, checks=checks)
