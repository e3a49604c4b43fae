"""The schemas of a definition: they check its parts, and describe them in the OpenAPI document.

The schemas only describe the names and the declarations of fields. parsing.py checks these one by one, so that a
response can report all errors at once.
"""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from backend.services.definitions.names import NAME
from backend.services.field_types.base import TYPES, declaration_schema
from backend.services.field_types.integer import StrictInteger
from backend.services.field_types.marshmallow_fields import FORMER_NAMES, FormerNames, StrictBoolean, StrictText
from backend.services.field_types.reference import ON_DELETE
from backend.utils.problems import Code, Problem
from backend.utils.schemas import COMPONENT

MAX_FIELDS = 200
MAX_INDEXED = 8  # fields in one index
MAX_DESCRIPTION = 2000
MAX_CHECKS = 32
MAX_GRANTS = 50  # for one action
MAX_PATHS = 8  # in `filters`
MAX_CACHE_SECONDS = 86_400  # nobody can recall a response that a cache keeps
ACTIONS = ("list", "read", "create", "update", "delete")

NAME_PATTERN = f"^{NAME.pattern}$"
# Components of the OpenAPI document: these names are those of types in the code of clients.
RULE = {
    "type": "object",
    "description": "A grant for the rows that meet the rule",
    "required": ["role", "where"],
    "additionalProperties": False,
    "properties": {
        "role": {"type": "string"},
        "where": {
            "type": "object",
            "description": "A value, or an object of values by operator, for each field; `$user.<field>` is the "
            "user's. A path, `country.code`, leads through references; `any`, `all`, `not`, `some` and `none` combine",
            "minProperties": 1,
        },
    },
}
TERMS = {
    "type": "array",
    "items": {"type": "string", "pattern": f"^-?{NAME.pattern}$"},
    "minItems": 1,
    "maxItems": MAX_INDEXED,
}
RULED_SET = {
    "type": "object",
    "required": ["fields", "where"],
    "additionalProperties": False,
    "properties": {
        "fields": TERMS,
        "where": {
            "type": "object",
            "description": "The rule, as in a grant, but without relations and values of the user",
            "minProperties": 1,
        },
    },
}

_EXAMPLE = 'fields is an object by name: {"title": {"type": "string"}}.'
NO_FIELDS: Any = Problem("wrong_type", _EXAMPLE, expected="object")


COMPONENTS: dict[str, dict[str, Any]] = {
    "AccessGrant": {"anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/RuledGrant"}]},
    "RuledGrant": RULE,
    "FieldSet": {"anyOf": [TERMS, {"$ref": "#/components/schemas/RuledFieldSet"}]},
    "RuledFieldSet": RULED_SET,
    "FormerNames": FORMER_NAMES,
}


class FieldDeclaration(fields.Raw):
    """The declaration of a field: an object with a `type` and its options. Each type has a schema."""

    @property
    def schemas(self) -> dict[str, Schema]:
        """The map of the name of each type to its schema."""
        return {name: declaration_schema(name) for name in sorted(TYPES)}

    def deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        """Return the value unchanged; parsing.py checks it."""
        return value


def field_name() -> fields.String:
    """Return the marshmallow field for the name of a field."""
    return fields.String(metadata={"pattern": NAME_PATTERN})


def _check_count(declarations: dict[str, Any]) -> None:
    if not 1 <= len(declarations) <= MAX_FIELDS:
        code: Code = "too_many" if declarations else "too_few"
        raise ValidationError(
            Problem(code, f"A resource has 1 to {MAX_FIELDS} fields.", limit=MAX_FIELDS if declarations else 1)
        )


class FieldSetSchema(Schema):
    """An entry of `indexes` and `unique` with a rule."""

    fields_ = fields.List(fields.String(), required=True, data_key="fields")
    where = fields.Dict(required=True)


class FieldSetEntry(fields.Raw):
    """An entry of `indexes` and `unique`: a list of terms, or an object of `fields` and `where`."""

    def deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        """Return the value unchanged. Raises ValidationError if it has another form; checks.py checks the rest."""
        if isinstance(value, dict):
            FieldSetSchema().load(value)
        else:
            fields.List(fields.String()).deserialize(value)
        return value


def _field_sets(description: str) -> fields.List[Any]:
    return fields.List(
        FieldSetEntry(metadata={COMPONENT: "FieldSet"}),
        metadata={"description": f"{description}, for all records or for those that meet a rule"},
    )


def _require_distinct(paths: list[str]) -> None:
    if len(set(paths)) != len(paths):
        raise ValidationError(Problem("duplicate", "Each path at most once."))


class AccessSchema(Schema):
    """Grants by action."""

    error_messages = {
        "unknown": Problem(
            "unknown_field", f"Not an action. The actions are {', '.join(ACTIONS)}.", choices=list(ACTIONS)
        )
    }


def _grants() -> fields.List[Any]:
    too_many = Problem("too_many", f"An action has at most {MAX_GRANTS} grants.", limit=MAX_GRANTS)
    return fields.List(
        fields.Raw(metadata={COMPONENT: "AccessGrant"}),
        validate=validate.Length(max=MAX_GRANTS, error=too_many),
    )


class DefinitionBodySchema(Schema):
    """The fields and options of a resource, and who may read and write its records."""

    description = StrictText(validate=validate.Length(max=MAX_DESCRIPTION))
    fields_ = fields.Dict(
        field_name(),
        FieldDeclaration(),
        required=True,
        data_key="fields",
        error_messages={"invalid": NO_FIELDS},
        validate=_check_count,
        metadata={"minProperties": 1, "maxProperties": MAX_FIELDS},
    )
    label = StrictText(
        metadata={"description": "Text field that is shown for a record, for example where another record refers to it"}
    )
    indexes = _field_sets("Sets of fields to index; `-` before a name for a descending order")
    unique = _field_sets("Sets of fields whose values together must be unique")
    search = fields.List(field_name(), metadata={"description": "Fields of the full-text search"})
    filters = fields.List(
        StrictText(),
        validate=[
            validate.Length(max=MAX_PATHS, error=Problem("too_many", f"At most {MAX_PATHS} paths.", limit=MAX_PATHS)),
            _require_distinct,
        ],
        metadata={
            "description": "Fields of related records to filter, sort and group by, such as `country.code`",
        },
    )
    access = fields.Nested(
        AccessSchema.from_dict({action: _grants() for action in ACTIONS}, name="DefinitionAccess"),
        metadata={"description": "Grants by action: names of roles, `public`, `owner`, rules for rows"},
    )
    checks = fields.Dict(
        field_name(),
        fields.Raw(metadata={"type": "object", "minProperties": 1}),
        validate=validate.Length(max=MAX_CHECKS),
        metadata={"description": "Conditions that each record must meet, by name, written as the `where` of a grant"},
    )
    require_if_match = StrictBoolean(metadata={"description": "Refuse writes without If-Match"})
    history = StrictBoolean(metadata={"description": "Keep every version of a record, at `/<name>/<id>/history`"})
    feed = StrictBoolean(metadata={"description": "List the changes of records in the order of commits, at `/changes`"})
    cache_seconds = StrictInteger(
        validate=validate.Range(1, MAX_CACHE_SECONDS),
        metadata={"description": "Seconds for which browsers and proxies may keep what everybody may read"},
    )
    renamed_from = FormerNames()
    on_owner_delete = StrictText(
        validate=validate.OneOf([*ON_DELETE]),
        metadata={"description": "What happens to the records of a user who is deleted; by default they stay"},
    )


class DefinitionSchema(DefinitionBodySchema):
    """A resource: its name, fields and options, and who may read and write its records."""

    name = StrictText(required=True, metadata={"pattern": NAME_PATTERN})
