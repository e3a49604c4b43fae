"""API keys: `/api/v1/api-keys`."""

from typing import Any
from uuid import UUID

from marshmallow import Schema, ValidationError, fields, validate

from backend.middleware.authentication import current_actor
from backend.middleware.guards import in_session, permission
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.envelope import LOCATION
from backend.services.access.permissions import API_KEYS_WRITE, PERMISSIONS
from backend.services.accounts import api_keys
from backend.services.field_types.datetime import Moment
from backend.services.field_types.marshmallow_fields import StrictText
from backend.utils.clock import rfc3339, utcnow
from backend.utils.problems import Problem

blp = Blueprint("api_keys", __name__, url_prefix=f"{API}/api-keys", description="Secrets for programs")

MAY_WRITE = permission(API_KEYS_WRITE)
NEVER = "Null if it never expires"


def _require_future(moment: str | None) -> None:
    if moment is not None and moment <= rfc3339(utcnow()):
        raise ValidationError(Problem("too_small", "Must be in the future."))


class ApiKeySchema(Schema):
    """An API key. Each of its roles and permissions only counts while its account has it, too."""

    id = fields.UUID(required=True)
    user_id = fields.UUID(required=True, metadata={"description": "The account that it acts for"})
    name = StrictText(required=True)
    hint = fields.String(required=True, metadata={"description": "The first characters of the secret"})
    roles = fields.List(StrictText(), required=True)
    permissions = fields.List(StrictText(), required=True)
    created_at = Moment(required=True)
    expires_at = Moment(required=True, allow_none=True, metadata={"description": NEVER})
    last_used_at = Moment(required=True, allow_none=True, metadata={"description": "Accurate to a minute"})
    revoked_at = Moment(required=True, allow_none=True)


class ApiKeyCreateSchema(Schema):
    """A new API key."""

    name = StrictText(required=True, validate=validate.Length(1, 100))
    user_id = fields.UUID(metadata={"description": "The service account that it acts for, by default you"})
    roles = fields.List(
        StrictText(),
        validate=validate.Length(max=50),
        metadata={"description": "A key of a service account has the roles of the account by default"},
    )
    permissions = fields.List(
        fields.String(validate=validate.OneOf(PERMISSIONS)),
        metadata={"description": 'In addition to those of the roles; `["records:read"]` reads all records'},
    )
    expires_at = Moment(allow_none=True, load_default=None, validate=_require_future, metadata={"description": NEVER})


class ApiKeyWithSecretSchema(ApiKeySchema):
    """A new API key with its secret, which is shown only now; send it as `Authorization: Bearer ldr_…`."""

    secret = fields.String(required=True)


@blp.get("")
@blp.guard(MAY_WRITE)
@blp.response(200, ApiKeySchema(many=True))
@blp.fails(401, 403)
@blp.doc(operationId="list_api_keys")
def list_keys() -> object:
    """List your API keys

    With the permission `users:write` also those of service accounts, and as an admin those of everybody.
    """
    return api_keys.list_keys(current_actor())


@blp.post("")
@blp.guard(in_session(MAY_WRITE))
@blp.arguments(ApiKeyCreateSchema)
@blp.response(201, ApiKeyWithSecretSchema, headers=LOCATION)
@blp.fails(400, 401, 403, 415)
@blp.doc(operationId="create_api_key")
def create_key(data: dict[str, Any]) -> tuple[object, dict[str, str]]:
    """Create an API key, for yourself or for a service account

    With `user_id`, it belongs to this service account. That also needs the permission `users:write` and all roles of
    the account. A key with permissions and without roles has nothing that grants give to owners of records.
    """
    user_id = data.pop("user_id", None)
    key, secret = api_keys.create_key(current_actor(), user_id=user_id and str(user_id), **data)
    return key.__data__ | {"secret": secret}, {"Location": f"{API}/api-keys/{key.id}"}


@blp.get("/<uuid:key_id>")
@blp.guard(MAY_WRITE)
@blp.response(200, ApiKeySchema)
@blp.fails(401, 403, 404)
@blp.doc(operationId="get_api_key")
def get_key(key_id: UUID) -> object:
    """Show an API key"""
    return api_keys.get_key(current_actor(), str(key_id))


@blp.delete("/<uuid:key_id>")
@blp.guard(in_session(MAY_WRITE))
@blp.response(200)
@blp.fails(401, 403, 404)
@blp.doc(operationId="revoke_api_key")
def revoke_key(key_id: UUID) -> None:
    """Revoke an API key

    It is refused from the next request on. It stays in the list.
    """
    api_keys.revoke_key(current_actor(), str(key_id))
