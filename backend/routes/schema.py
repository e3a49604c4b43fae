"""What the caller sees and may do: `/api/v1/schema`."""

from typing import Any, get_args

from flask import request
from marshmallow import Schema, fields, validate

from backend.middleware.answer import NOT_MODIFIED, Answer
from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor
from backend.middleware.guards import reader_of_documents
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.envelope import json_answer
from backend.routes.toolkit.public_responses import DOCUMENTED_TAG
from backend.routes.toolkit.security import OPTIONAL_SIGN_IN
from backend.services.access.permissions import PERMISSIONS
from backend.services.accounts.sign_in import describe_registration
from backend.services.definitions.policies import Extent
from backend.services.field_types.base import TYPES
from backend.services.records.descriptions import NAMES_OF_ACTIONS, describe

ETAG_HEADER = {"ETag": {"schema": {"type": "string"}, "description": "Changes with what the caller sees"}}

blp = Blueprint("schema", __name__, url_prefix=f"{API}/schema", description="What the caller sees and may do")


def _text(description: str, **options: Any) -> fields.String:
    return fields.String(required=True, metadata={"description": description}, **options)


def _names(description: str) -> fields.List[str]:
    return fields.List(fields.String(), required=True, metadata={"description": description})


def _flag(description: str) -> fields.Boolean:
    return fields.Boolean(required=True, metadata={"description": description})


def _field_list(description: str) -> fields.List[Any]:
    return fields.List(fields.Nested(SchemaFieldSchema), required=True, metadata={"description": description})


class SchemaFieldSchema(Schema):
    """A field, as the caller may use it."""

    name = fields.String(required=True)
    type = fields.String(required=True, validate=validate.OneOf(sorted(TYPES)))
    description = fields.String(required=True)
    required = _flag("Whether every record has a value")
    nullable = _flag("Whether null can be sent")
    default = fields.Raw(
        required=True, allow_none=True, metadata={"description": "What new records get; `$now` and `$user.…` vary"}
    )
    unique = _flag("Whether no two records have the same value")
    computed = _flag("Whether the database computes the value")
    system = _flag("Whether every resource has this field")
    to = _text("The resource to which a reference leads, `users` for users", allow_none=True)
    to_label = _text("The field that is shown for a record of `to`", allow_none=True)
    options = fields.Dict(
        required=True, metadata={"description": "Which values are valid, such as `max_length` and `choices`"}
    )
    readable = _flag("Whether responses have the field; if not, the caller can only set it")
    writable = fields.List(
        fields.String(validate=validate.OneOf(["create", "update"])),
        required=True,
        metadata={"description": "The actions with which the caller can set the field"},
    )
    sortable = _flag("Whether lists can be sorted by the field")
    operators = _names("The operators of its filters")


class SchemaRelationSchema(Schema):
    """A relation that `expand` can follow."""

    name = _text("The name in `expand`")
    resource = _text("The resource to which it leads, `users` for users")
    field = _text("The field that refers: of this resource or, if `back`, of the other one")
    many = _flag("Whether it can lead to several records")
    back = _flag("Whether records of the other resource refer to this one")


class SchemaDirectorySchema(Schema):
    """What the directory shows of users."""

    label = _text("The field that is shown for a user", allow_none=True)
    search = _names("The fields that `q` searches")
    fields_ = fields.List(fields.Nested(SchemaFieldSchema), required=True, data_key="fields")


class SchemaResourceSchema(Schema):
    """A resource whose records the caller may list."""

    name = fields.String(required=True)
    description = fields.String(required=True)
    label = _text("The field that is shown for a record; null for its id", allow_none=True)
    search = _names("The fields that `q` searches; there is no `q` without any")
    keys = _names("The keys of upserts and imports, such as `country,code`")
    require_if_match = _flag("Whether updates and deletions need `If-Match`")
    feed = _flag("Whether `/changes` lists the changes of its records")
    actions = fields.Dict(
        keys=fields.String(validate=validate.OneOf(NAMES_OF_ACTIONS)),
        values=fields.String(validate=validate.OneOf(get_args(Extent))),
        required=True,
        metadata={"description": "What the caller may do, and with which records: all, their own, or those of a rule"},
    )
    fields_ = fields.List(fields.Nested(SchemaFieldSchema), required=True, data_key="fields")
    paths = _field_list("Fields of related records, such as `country.code`, by which lists can be filtered")
    relations = fields.List(fields.Nested(SchemaRelationSchema), required=True)


class SchemaRegistrationSchema(Schema):
    """How people get an account."""

    open = _flag("Whether anybody can register")
    needs_confirmation = _flag("Whether people must confirm their address by mail before they sign in")


class CallerSchemaSchema(Schema):
    """What the caller sees and may do."""

    permissions = fields.List(fields.String(validate=validate.OneOf(PERMISSIONS)), required=True)
    registration = fields.Nested(SchemaRegistrationSchema, required=True)
    profile = _field_list("The profile fields of users; `writable` is about the caller's own account")
    directory = fields.Nested(
        SchemaDirectorySchema, required=True, allow_none=True, metadata={"description": "Null if they do not see it"}
    )
    resources = fields.List(fields.Nested(SchemaResourceSchema), required=True)


@blp.get("")
@blp.guard(reader_of_documents)
@blp.documented_response(200, CallerSchemaSchema, headers=ETAG_HEADER)
@blp.fails(401)
@blp.doc(operationId="get_schema", security=OPTIONAL_SIGN_IN, **DOCUMENTED_TAG)
def get_schema() -> Answer:
    """Show which resources the caller may list, with their fields and what the caller may do

    A client can build its lists and forms from it. The ETag changes only with what the caller sees.
    """
    description = describe(current_actor(), get_app().catalog, describe_registration(get_app().settings))
    headers = [("ETag", f'W/"{description.tag}"')]
    if request.if_none_match.contains_weak(description.tag):
        return Answer(b"", NOT_MODIFIED, headers)
    return json_answer(description.json, "OK", headers=headers)
