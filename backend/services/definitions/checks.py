"""What is wrong with a new definition, as {part: messages}; and with the references between all of them."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from backend.models.role import ADMIN
from backend.services.definitions.definition import SYSTEM_FIELDS, Definition
from backend.services.definitions.grants import grant_problems, granted_roles
from backend.services.definitions.names import shown_name
from backend.services.definitions.schema import MAX_INDEXED
from backend.services.errors import Invalid
from backend.services.field_types.base import FieldType

MAX_INDEXES = 64  # of one resource, declared
MAX_RESOURCES = 500

Problems = dict[str, Any]


def access_problems(definition: Definition, roles: Collection[str]) -> Problems:
    """Return what is wrong with the grants."""
    fields = {**SYSTEM_FIELDS, **definition.fields}
    found = {action: grant_problems(grants, fields, roles) for action, grants in definition.access.items()}
    wrong = {action: messages for action, messages in found.items() if messages}
    return {"access": wrong} if wrong else {}


def field_rule_problems(definition: Definition, roles: Collection[str], *, has_valid_access: bool) -> Problems:
    """Return what is wrong with who may read and write single fields, by field."""
    wrong: Problems = {}
    creators = granted_roles(definition.access.get("create", [])) if has_valid_access else set()
    for name, field in definition.fields.items():
        problems = {}
        for part, named in (("readable_by", field.readable_by), ("writable_by", field.writable_by)):
            if unknown := [shown_name(role) for role in named or () if role not in roles]:
                problems[part] = [f"No such role: {', '.join(unknown)}."]
        if unable := _unable_to_create(field, creators):
            message = f"Required, but these roles may create records without writing it: {', '.join(sorted(unable))}."
            problems["writable_by"] = [message]
        if problems:
            wrong[name] = problems
    return wrong


def _unable_to_create(field: FieldType, creators: set[str]) -> set[str]:
    """Return the roles that may create records, but not write this field, which every record must have."""
    if field.writers is None or not field.required or field.default is not None:
        return set()
    return creators - {*field.writers, ADMIN}


def column_problems(definition: Definition) -> Problems:
    """Return what is wrong with indexes, unique sets and search."""
    problems: Problems = {}
    for part, sets in (("indexes", definition.indexes), ("unique", definition.unique)):
        counts = Counter(map(tuple, sets))
        found = [_set_problem(columns, definition.fields, counts[tuple(columns)]) for columns in sets]
        if messages := [each for each in found if each]:
            problems[part] = messages[:1]
    if not problems:
        problems |= _index_count_problems(definition)
    return problems | _search_problems(definition)


def _set_problem(columns: list[str], fields: Mapping[str, FieldType], count: int) -> str | None:
    if not 1 <= len(columns) <= MAX_INDEXED or len(set(columns)) != len(columns):
        return f"Each entry lists 1 to {MAX_INDEXED} different fields."
    if unknown := [shown_name(name) for name in columns if name not in fields]:
        return f"No such field: {', '.join(unknown)}."
    if barred := [name for name in columns if not fields[name].can_be_unique]:
        return f"Cannot be indexed: {', '.join(barred)}."
    return f"Listed twice: {', '.join(columns)}." if count > 1 else None


def _index_count_problems(definition: Definition) -> Problems:
    single = sum(field.index or field.unique for field in definition.fields.values())
    count = single + len(definition.indexes) + len(definition.unique)
    if count <= MAX_INDEXES:
        return {}
    return {"indexes": [f"At most {MAX_INDEXES} indexes, unique ones included; these are {count}."]}


def _search_problems(definition: Definition) -> Problems:
    searchable = {name for name, field in definition.fields.items() if field.searchable}
    if unknown := [shown_name(name) for name in definition.search if name not in searchable]:
        return {"search": [f"Not a text field of this resource: {', '.join(unknown)}."]}
    if len(set(definition.search)) != len(definition.search):
        return {"search": ["Each field at most once."]}
    return {}


def default_problems(definition: Definition) -> Problems:
    """Return which defaults are too long for an index."""
    wrong = {
        name: {"default": [f"At most {most:,} bytes, because the field is in an index."]}
        for name, most in definition.index_byte_limits.items()
        if len((definition.fields[name].default or "").encode()) > most
    }
    return {"fields": wrong} if wrong else {}


def check_references(definitions: Mapping[str, Definition]) -> None:
    """Check the references among all definitions, by name; raise Invalid keyed by resource.

    Every target must exist, and no circle of required references may be closed: none of its records could be created
    first.
    """
    if len(definitions) > MAX_RESOURCES:
        raise Invalid({"_schema": [f"At most {MAX_RESOURCES} resources; these would be {len(definitions)}."]})
    problems: Problems = {}
    for name, definition in definitions.items():
        for reference, field in definition.references.items():
            if field.to not in definitions:
                wrong = problems.setdefault(name, {"fields": {}})
                wrong["fields"][reference] = {"to": [f"There is no resource {shown_name(field.to)}."]}
    if problems:
        raise Invalid(problems)
    for name in definitions:
        _refuse_circle(name, definitions)


def _refuse_circle(start: str, definitions: Mapping[str, Definition]) -> None:
    """Raise Invalid if required references lead from a resource back to it."""
    if circle := _required_circle(start, definitions):
        required = [name for name, field in definitions[start].references.items() if field.required]
        first = next(name for name in required if definitions[start].references[name].to == circle[1])
        message = f"Required references form a circle, so no record could be created first: {' -> '.join(circle)}."
        raise Invalid({start: {"fields": {first: {"to": [message]}}}})


def _required_circle(start: str, definitions: Mapping[str, Definition]) -> list[str] | None:
    paths, seen = [[start]], set[str]()
    while paths:
        path = paths.pop()
        targets = {field.to for field in definitions[path[-1]].references.values() if field.required}
        if start in targets:
            return [*path, start]
        for target in sorted(targets - seen):
            seen.add(target)
            paths.append([*path, target])
    return None
