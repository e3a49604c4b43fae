"""Definitions: what a resource is, parsed from and written as the object of the API and the YAML files."""

import re
from dataclasses import dataclass, field
from functools import cached_property

import marshmallow as ma
from marshmallow import validate

from backend.models.role import ADMIN
from backend.services.definitions.grants import NO_GRANTS, grant_problems, granted_roles, read_grants
from backend.services.definitions.reserved_names import RESERVED_FIELDS, is_reserved_resource
from backend.services.errors import Invalid
from backend.services.field_types.base import FieldType
from backend.services.field_types.datetime import DateTime
from backend.services.field_types.integer import Integer
from backend.services.field_types.reference import ON_DELETE, Reference, references_of
from backend.services.field_types.registry import parse_field
from backend.services.field_types.uuid import Uuid
from backend.services.field_types.wire import FormerNames, StrictBoolean, StrictText

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
MAX_FIELDS = 200
MAX_INDEXED = 8  # fields in one index
MAX_INDEXES = 64  # of one resource, declared
MAX_RESOURCES = 500
MAX_INDEX_BYTES = 2400  # of the texts in one entry of an index
MAX_DESCRIPTION = 2000
ACTIONS = ("list", "read", "create", "update", "delete")

SYSTEM_FIELDS = {
    "id": Uuid(required=True, description="UUIDv7; grows with time"),
    "created_at": DateTime(required=True),
    "updated_at": DateTime(required=True),
    "created_by": Uuid(description="Id of the user who created the record; null when nobody was signed in"),
    "version": Integer(required=True, description="Grows by one with every change"),
}


@dataclass(frozen=True, kw_only=True)
class Definition:
    """The declaration of a resource."""

    name: str
    fields: dict[str, FieldType]
    description: str = ""
    indexes: list = field(default_factory=list)
    unique: list = field(default_factory=list)
    search: list = field(default_factory=list)
    access: dict = field(default_factory=dict)
    on_owner_delete: str = "set_null"
    require_if_match: bool = False
    history: bool = False
    renamed_from: list | None = None
    version: int = field(default=1, compare=False)  # of what is stored; it is no part of the declaration

    @property
    def former_names(self):
        """The names the resource had before, the latest first."""
        return self.renamed_from or []

    @cached_property
    def all_fields(self):
        """The system fields and the declared ones, in the order of the output."""
        return {"id": SYSTEM_FIELDS["id"], **self.fields, **{k: v for k, v in SYSTEM_FIELDS.items() if k != "id"}}

    @cached_property
    def references(self) -> dict[str, Reference]:
        """The fields that refer to records, by name."""
        return references_of(self.fields)

    def grants(self, action):
        """Return the Grants of one of ACTIONS; none means that only admins may do it."""
        return self._grants.get(action, NO_GRANTS)

    @cached_property
    def _grants(self):
        return {action: read_grants(grants, self.all_fields) for action, grants in self.access.items()}

    @cached_property
    def ruled_fields(self):
        """The fields that not everybody may read or write, by name."""
        return {name: kind for name, kind in self.fields.items() if kind.writers is not None}

    def named_roles(self):
        """Return the roles that the grants and the rules of fields speak of."""
        granted = [granted_roles(grants) for grants in self.access.values()]
        ruled = [[*(kind.readable_by or ()), *(kind.writers or ())] for kind in self.ruled_fields.values()]
        return set().union(*granted, *ruled)

    def unique_sets(self):
        """Return every tuple of fields whose values together must be unique."""
        single = [(name,) for name, kind in self.fields.items() if kind.unique]
        return [*single, *map(tuple, self.unique)]

    def index_sets(self):
        """Return every tuple of fields that has an index of its own without being unique."""
        single = [(name,) for name, kind in self.fields.items() if kind.index and not kind.unique]
        # A deleted target looks for the rows that refer to it: without an index that would read the whole table.
        references = [(name,) for name, kind in self.references.items() if not kind.index]
        return [*single, *references, *map(tuple, self.indexes)]

    @cached_property
    def indexed_bytes(self):
        """By text field that is in an index, how many bytes its values may have there.

        An entry of an index has at most 2,704 bytes on Postgres, and its texts share what other columns leave.
        """
        most = {}
        for names in {*self.unique_sets(), *self.index_sets()}:
            texts = [name for name in names if self.fields[name].may_outgrow_index]
            for name in texts:
                most[name] = min(most.get(name, MAX_INDEX_BYTES), MAX_INDEX_BYTES // len(texts))
        return most

    def implied_sets(self):
        """Return the tuples of fields that have an index though nobody declared it.

        They serve the orders by system fields and by a unique field that may be null, and the lists of those who see
        their own records only.
        """
        unique = [(name,) for name, kind in self.fields.items() if kind.unique and not kind.required]
        implied = [("created_at",), ("updated_at",), *unique]
        if any(self.grants(action).to_owner for action in ACTIONS):
            implied.append(("created_by",))
        if self.grants("list").to_owner:
            own = [*self.index_sets(), *implied, *((name,) for name, kind in self.fields.items() if kind.unique)]
            implied += [("created_by", *each) for each in own if "created_by" not in each]
        return implied

    def to_dict(self):
        """Return the definition without its name, as it is stored and exported; what is empty is left out."""
        body = {"description": self.description, "fields": {name: kind.to_dict() for name, kind in self.fields.items()}}
        lists = {"indexes": self.indexes, "unique": self.unique, "search": self.search, "access": self.access}
        owned = {} if self.on_owner_delete == "set_null" else {"on_owner_delete": self.on_owner_delete}
        options = {"require_if_match": self.require_if_match, "history": self.history}
        rest = owned | options | {"renamed_from": self.renamed_from}
        return {name: value for name, value in (body | lists | rest).items() if value or name == "fields"}


class DefinitionBody(ma.Schema):
    """The outer shape of a definition; its fields and names are checked one by one."""

    name = StrictText(required=True)
    description = StrictText(load_default="", validate=validate.Length(max=MAX_DESCRIPTION))
    fields_ = ma.fields.Dict(keys=ma.fields.String(), data_key="fields", required=True)
    indexes = ma.fields.List(ma.fields.List(ma.fields.String()), load_default=list)
    unique = ma.fields.List(ma.fields.List(ma.fields.String()), load_default=list)
    search = ma.fields.List(ma.fields.String(), load_default=list)
    access = ma.fields.Dict(
        keys=ma.fields.String(validate=validate.OneOf(ACTIONS)),
        values=ma.fields.List(ma.fields.Raw()),
        load_default=dict,
    )
    require_if_match = StrictBoolean(load_default=False)
    history = StrictBoolean(load_default=False)
    renamed_from = FormerNames(load_default=None)
    on_owner_delete = StrictText(load_default="set_null", validate=validate.OneOf(list(ON_DELETE)))


def parse_definition(data, roles=None, version=1, in_place=None):
    """Return the Definition that `data` declares; `roles` are the names a grant may use, None if it was checked before.

    `in_place` is the Definition in force, if there is one: its names may stay, though they may be reserved by now.

    Raises Invalid keyed by the parts of the definition, each message saying what to change.
    """
    try:
        body = DefinitionBody().load(data)
    except ma.ValidationError as error:
        raise Invalid(error.messages) from error
    problems = {}
    name, is_stored = body["name"], roles is None
    reserved_fields = () if is_stored else RESERVED_FIELDS - (in_place.fields.keys() if in_place else set())
    fields = _parse_fields(body.pop("fields_"), problems, reserved_fields)
    stays = is_stored or (in_place is not None and in_place.name == name)
    if problem := _name_problem(name, not stays and is_reserved_resource(name)):
        problems["name"] = [problem]
    if roles is not None:
        _check_access(body["access"], SYSTEM_FIELDS | fields, roles, problems)
        _check_field_rules(body["access"], fields, roles, problems)
    if "fields" not in problems:
        _check_columns(body, fields, problems)
        if roles is not None:  # what is stored already stays usable
            _check_index_count(body, fields, problems)
    if problems:
        raise Invalid(problems)
    definition = Definition(fields=fields, version=version, **body)
    if roles is not None:
        _check_default_lengths(definition)
    return definition


def _check_default_lengths(definition):
    told = {
        name: {"default": [f"At most {most:,} bytes, because the field is in an index."]}
        for name, most in definition.indexed_bytes.items()
        if len((definition.fields[name].default or "").encode()) > most
    }
    if told:
        raise Invalid({"fields": told})


def name_problem(name, reserved):
    """Return what is wrong with a name, or None; `reserved` are names that it must not be."""
    return _name_problem(name, name in reserved)


def _name_problem(name, is_reserved):
    if not NAME.fullmatch(name):
        return "A name has 1 to 63 lower-case letters, digits and underscores, and starts with a letter."
    if "__" in name:
        return "A name has no double underscore: that separates a field from its filter."
    if is_reserved:
        return f"The name {name} is reserved."
    return None


def _parse_fields(declarations, problems, reserved):
    fields, wrong = {}, {}
    if not declarations or len(declarations) > MAX_FIELDS:
        wrong = [f"A resource has 1 to {MAX_FIELDS} fields."]
        declarations = {}
    for name, declaration in declarations.items():
        try:
            if problem := name_problem(name, reserved):
                raise Invalid([problem])
            fields[name] = parse_field(declaration)
        except Invalid as error:
            wrong[_shown(name)] = error.errors
    if wrong:
        problems["fields"] = wrong
    return fields


def _shown(name):
    return name[:80].encode(errors="replace").decode()


def _check_access(access, kinds, roles, problems):
    checked = {action: grant_problems(grants, kinds, roles) for action, grants in access.items()}
    if wrong := {action: found for action, found in checked.items() if found}:
        problems["access"] = wrong


def _check_field_rules(access, fields, roles, problems):
    wrong = {}
    for name, kind in fields.items():
        for part in ("readable_by", "writable_by"):
            if unknown := [_shown(role) for role in getattr(kind, part) or () if role not in roles]:
                wrong.setdefault(name, {})[part] = [f"No such role: {', '.join(unknown)}."]
        must_write = kind.required and kind.default is None and kind.writers is not None
        unable = (
            must_write and "access" not in problems and granted_roles(access.get("create", [])) - {*kind.writers, ADMIN}
        )
        if unable:
            message = f"Required of {', '.join(sorted(unable))} too, who may create records but not write the field."
            wrong.setdefault(name, {})["writable_by"] = [message]
    if wrong:
        problems["fields"] = problems.get("fields", {}) | wrong


def _check_columns(body, fields, problems):
    for part in ("indexes", "unique"):
        seen = set()
        for columns in body[part]:
            problem = _column_set_problem(columns, fields)
            if not problem and tuple(columns) in seen:
                problem = f"{columns} is listed twice."
            if problem:
                problems[part] = [problem]
            seen.add(tuple(columns))
    searchable = {name for name, kind in fields.items() if kind.searchable}
    if unknown := [_shown(name) for name in body["search"] if name not in searchable]:
        problems["search"] = [f"No text field of this resource: {', '.join(unknown)}."]


def _check_index_count(body, fields, problems):
    count = sum(kind.index or kind.unique for kind in fields.values()) + len(body["indexes"]) + len(body["unique"])
    if count > MAX_INDEXES:
        problems["indexes"] = [f"At most {MAX_INDEXES} indexes, unique ones included; these are {count}."]
    if len(set(body["search"])) != len(body["search"]):
        problems["search"] = ["Each field at most once."]


def _column_set_problem(columns, fields):
    if not columns or len(columns) > MAX_INDEXED or len(set(columns)) != len(columns):
        return f"Each entry lists 1 to {MAX_INDEXED} different fields."
    if unknown := [_shown(name) for name in columns if name not in fields]:
        return f"No such field: {', '.join(unknown)}."
    if barred := [name for name in columns if not fields[name].can_be_unique]:
        return f"Cannot be indexed: {', '.join(barred)}."
    return None


def check_references(definitions):
    """Check the references among all definitions, a dict by name; raise Invalid keyed by resource.

    Every target must exist, and no circle of required references may be closed: none of its records could be the first.
    """
    if len(definitions) > MAX_RESOURCES:
        raise Invalid({"_schema": [f"There are at most {MAX_RESOURCES} resources; these would be {len(definitions)}."]})
    problems = {}
    for name, definition in definitions.items():
        for field_name, kind in definition.references.items():
            if kind.to not in definitions:
                message = f"There is no resource {_shown(kind.to)}."
                problems.setdefault(name, {}).setdefault("fields", {})[field_name] = {"to": [message]}
    if problems:
        raise Invalid(problems)
    for name in definitions:
        if circle := _required_circle(name, definitions):
            field_name = next(
                f for f, kind in definitions[name].references.items() if kind.required and kind.to == circle[1]
            )
            message = f"Required references form a circle, so no record could be the first: {' -> '.join(circle)}."
            raise Invalid({name: {"fields": {field_name: {"to": [message]}}}})


def _required_circle(start, definitions):
    paths = [[start]]
    seen = set()
    while paths:
        path = paths.pop()
        targets = {kind.to for kind in definitions[path[-1]].references.values() if kind.required}
        if start in targets:
            return [*path, start]
        for target in sorted(targets - seen):
            seen.add(target)
            paths.append([*path, target])
    return None
