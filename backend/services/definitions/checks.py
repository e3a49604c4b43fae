"""Checks of a declared definition, and of the references between all definitions.

Functions that end in `_problems` return a map of the part of the definition to its errors; it is empty without any.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from marshmallow import ValidationError

from backend.models.role import ADMIN
from backend.services.access.permissions import no_such_role
from backend.services.definitions.definition import Definition
from backend.services.definitions.field_sets import FieldSet
from backend.services.definitions.file_table import FILES
from backend.services.definitions.grants import grant_problems, granted_roles
from backend.services.definitions.names import RECORD_PATHS, shown_name
from backend.services.definitions.own_where import read_own_where, used_fields
from backend.services.definitions.people import people_definition, read_settings
from backend.services.definitions.places import fields_of_paths
from backend.services.definitions.relations import Definitions
from backend.services.definitions.row_rules import RulePlace, check_user_value, rule_problems
from backend.services.definitions.schema import MAX_INDEXED
from backend.services.definitions.where import NO_CONDITIONS, UserValue
from backend.services.errors import Invalid
from backend.services.field_types.base import FieldType
from backend.services.field_types.file import TABLE
from backend.services.field_types.reference import USERS
from backend.services.field_types.varying import USER
from backend.services.files.support import NEEDS_PILLOW, file_support
from backend.utils.nearest import nearest
from backend.utils.problems import Problem, flatten, one_problem
from backend.utils.texts import byte_count

MAX_INDEXES = 64  # that one resource declares
MAX_RESOURCES = 500
NEVER_UNIQUE = ("id", "updated_at", "version")  # unique by itself, or set by changes that must not be refused for it

Problems = dict[str, Any]  # as backend/utils/problems.py has them


def file_problems(definition: Definition) -> Problems:
    """Check that this installation can do what fields with files declare."""
    problems: dict[str, Problems] = {}
    most = file_support.max_bytes
    for name, field in definition.files.items():
        if field.max_bytes is not None and field.max_bytes > most:
            text = f"At most {most:,} bytes can be uploaded (LARDER_MAX_FILE_BYTES)."
            problems[name] = {"max_bytes": [Problem("too_large", text, limit=most)]}
        if field.thumbs and not file_support.draws_thumbnails:
            problems.setdefault(name, {})["thumbs"] = [Problem("not_allowed", NEEDS_PILLOW)]
    return {"fields": problems} if problems else {}


def access_problems(definition: Definition, roles: Collection[str]) -> Problems:
    """Check the grants; `roles` are the names of all roles."""
    checked = {action: grant_problems(grants, roles) for action, grants in definition.access.items()}
    problems = {action: messages for action, messages in checked.items() if messages}
    return {"access": problems} if problems else {}


def file_name_problems(definition: Definition) -> Problems:
    """Return the map of field name to errors, for fields with files whose path means something else."""
    text = "A file cannot have this name: the path `/<id>/{}` of a record is taken."
    taken = RECORD_PATHS.intersection(definition.files)
    return {name: [Problem("reserved", text.format(name))] for name in taken}


def field_rule_problems(definition: Definition, roles: Collection[str], *, has_valid_access: bool) -> Problems:
    """Return the map of field name to the errors in its `readable_by` and `writable_by`."""
    problems_by_field: Problems = {}
    creators = granted_roles(definition.access.get("create", [])) if has_valid_access else set()
    for name, field in definition.fields.items():
        problems = {}
        for part, names in (("readable_by", field.readable_by), ("writable_by", field.writable_by)):
            if unknown := [shown_name(role) for role in names or () if role not in roles]:
                problems[part] = [no_such_role(unknown)]
        if unable := _unable_to_create(field, creators):
            text = f"Required, but these roles may create records without writing it: {', '.join(sorted(unable))}."
            problems["writable_by"] = [Problem("not_allowed", text, names=sorted(unable))]
        if problems:
            problems_by_field[name] = problems
    return problems_by_field


def _unable_to_create(field: FieldType, creators: set[str]) -> set[str]:
    """Return the roles that may create records but may not write this field, although every record must have it."""
    if field.writers is None or not field.required or field.default is not None or not field.is_settable:
        return set()
    return creators - {*field.writers, ADMIN}


def cache_problems(definition: Definition) -> Problems:
    """Check that somebody who is not signed in may read what `cache_seconds` lets caches keep."""
    if definition.cache_seconds is None or any(definition.grants(action).are_public for action in ("list", "read")):
        return {}
    text = "Only responses that everybody may read are kept: grant `list` or `read` to `public`."
    return {"cache_seconds": [Problem("not_allowed", text)]}


def column_problems(definition: Definition) -> Problems:
    """Check the label, the indexes, the unique sets and the fields of the full-text search."""
    problems = _label_problems(definition)
    for part, sets in (("indexes", definition.indexes), ("unique", definition.unique)):
        field_sets = [FieldSet.read(entry) for entry in sets]
        counts = Counter(field_sets)
        checked = [_set_problem(each, definition, part, counts[each]) for each in field_sets]
        if found := [problem for problem in checked if problem]:
            problems[part] = found[:1]
    if not problems:
        problems |= _index_count_problems(definition)
    return problems | _search_problems(definition)


def _label_problems(definition: Definition) -> Problems:
    label, texts = definition.label, [name for name, field in definition.fields.items() if field.searchable]
    if label is None or label in texts:
        return {}
    problem = Problem("unknown_field", f"Not a text field of this resource: {shown_name(label)}.", names=[label])
    return {"label": [problem.proposing(nearest(label, texts))]}


def _set_problem(field_set: FieldSet, definition: Definition, part: str, count: int) -> Problem | None:
    names, fields = field_set.fields, definition.all_fields
    if not 1 <= len(names) <= MAX_INDEXED or len(set(names)) != len(names):
        return Problem("wrong_type", f"Each entry lists 1 to {MAX_INDEXED} different fields.", limit=MAX_INDEXED)
    if unknown := [shown_name(name) for name in names if name not in fields]:
        return Problem("unknown_field", f"No such field: {', '.join(unknown)}.", names=unknown)
    if problems := [f"{name}: {problem}" for name in names if (problem := fields[name].index_problem)]:
        return Problem("not_allowed", " ".join(problems))
    if part == "unique" and (barred := [name for name in names if name in NEVER_UNIQUE]):
        return Problem("not_allowed", f"Cannot be part of a unique set: {', '.join(barred)}.", names=barred)
    if field_set.rule and (problem := _rule_problem(field_set.where, definition, part)):
        return problem
    return Problem("duplicate", f"Listed twice: {field_set.subject}.") if count > 1 else None


def _rule_problem(where: Any, definition: Definition, part: str) -> Problem | None:
    """Return the problem in the rule of an index.

    That of a unique set has no references: a deletion sets these to null, and must not be refused for it.
    """
    usable = {name: field for name, field in definition.fields.items() if not field.index_problem}
    if part == "unique":
        usable = {name: field for name, field in usable.items() if name not in definition.references}
    if where == {}:
        return NO_CONDITIONS.within("where")
    try:
        read_own_where(where, definition.all_fields)
    except ValidationError as error:
        return one_problem(flatten(error.messages))
    barred = sorted(used_fields(where) - usable.keys())
    text = f"Cannot be in the rule of an entry of `{part}`: {', '.join(barred)}."
    return Problem("not_allowed", text, names=barred) if barred else None


def _index_count_problems(definition: Definition) -> Problems:
    single = sum(field.index or field.unique for field in definition.fields.values())
    count = single + len(definition.indexes) + len(definition.unique)
    if count <= MAX_INDEXES:
        return {}
    text = f"At most {MAX_INDEXES} indexes, including unique ones; this definition has {count}."
    return {"indexes": [Problem("too_many", text, limit=MAX_INDEXES)]}


def _search_problems(definition: Definition) -> Problems:
    searchable = {name for name, field in definition.fields.items() if field.searchable and not field.computed}
    if unknown := [shown_name(name) for name in definition.search if name not in searchable]:
        text = f"Not a text field of this resource: {', '.join(unknown)}."
        return {"search": [Problem("unknown_field", text, names=unknown)]}
    if len(set(definition.search)) != len(definition.search):
        return {"search": [Problem("duplicate", "Each field at most once.")]}
    return {}


def default_problems(definition: Definition) -> Problems:
    """Check that no default is too long for an index, and that users have the values of those that vary."""
    problems = {
        name: {"default": [_too_long_for_index(max_bytes)]}
        for name, max_bytes in definition.index_byte_limits.items()
        if byte_count(definition.fields[name].compared_value(definition.fields[name].fixed_default or "")) > max_bytes
    }
    problems |= {name: {"default": found} for name, found in _user_default_problems(definition).items()}
    return {"fields": problems} if problems else {}


def _too_long_for_index(max_bytes: int) -> Problem:
    return Problem("too_long", f"At most {max_bytes:,} bytes, because the field is in an index.", limit=max_bytes)


def _user_default_problems(definition: Definition) -> dict[str, list[Problem]]:
    """Return the map of field name to problems, for defaults that are no value of users, or of another type."""
    problems: dict[str, list[Problem]] = {}
    for name, field in definition.fields.items():
        default = field.varying_default
        if default and default.startswith(USER):
            try:
                check_user_value(UserValue(default.removeprefix(USER), field))
            except ValidationError as error:
                problems[name] = [*flatten(error.messages)]
    return problems


def check_together(definitions: Mapping[str, Definition]) -> None:
    """Raise Invalid, keyed by resource, for errors that only all definitions together show.

    These are a missing target of a reference, a circle of required references, in which no record could be created
    first, errors in row rules and filters, which may lead through several resources, and too many resources.
    """
    if len(definitions) > MAX_RESOURCES:
        text = f"At most {MAX_RESOURCES} resources; there would be {len(definitions)}."
        raise Invalid({"_schema": [Problem("too_many", text, limit=MAX_RESOURCES)]})
    problems: Problems = {}
    for name, definition in definitions.items():
        for reference, field in definition.referring.items():
            if field.to not in {*definitions, USERS}:
                in_resource = problems.setdefault(name, {"fields": {}})
                problem = Problem("not_found", f"There is no resource {shown_name(field.to)}.")
                problem = problem.proposing(nearest(field.to, [*definitions, USERS]))
                in_resource["fields"][reference] = {"to": [problem]}
    if problems:
        raise Invalid(problems)
    for name in definitions:
        _refuse_circle(name, definitions)
    _check_paths(definitions)


def _check_paths(definitions: Mapping[str, Definition]) -> None:
    world = Definitions({**definitions, USERS: people_definition(read_settings()), TABLE: FILES})
    problems: Problems = {}
    for name, definition in definitions.items():
        if access := rule_problems(definition, world):
            problems[name] = {"access": access}
        if unknown := definition.filters and _unknown_paths(definition, world):
            names = [*map(shown_name, unknown)]
            text = f"No such path of one or two references and a field: {', '.join(names)}."
            problems.setdefault(name, {})["filters"] = [Problem("unknown_field", text, names=names)]
    if problems:
        raise Invalid(problems)


def _unknown_paths(definition: Definition, world: Definitions) -> list[str]:
    """Return the paths in the `filters` of a definition that do not exist."""
    known = fields_of_paths(definition.filters, RulePlace(definition, world))
    return [path for path in definition.filters if path not in known]


def _refuse_circle(start: str, definitions: Mapping[str, Definition]) -> None:
    """Raise Invalid if required references lead from a resource back to it."""
    if circle := _required_circle(start, definitions):
        required = [name for name, field in definitions[start].referring.items() if field.required]
        first = next(name for name in required if definitions[start].referring[name].to == circle[1])
        text = f"Required references form a circle, so no record could be created first: {' -> '.join(circle)}."
        raise Invalid({start: {"fields": {first: {"to": [Problem("not_allowed", text, names=circle)]}}}})


def _required_circle(start: str, definitions: Mapping[str, Definition]) -> list[str] | None:
    """Return the names of resources on a circle of required references, from `start` back to it; None without one."""
    paths, seen = [[start]], set[str]()
    while paths:
        path = paths.pop()
        required = [field for field in definitions[path[-1]].referring.values() if field.required]
        targets = {field.to for field in required} - {USERS}
        if start in targets:
            return [*path, start]
        for target in sorted(targets - seen):
            seen.add(target)
            paths.append([*path, target])
    return None
