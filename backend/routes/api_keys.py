"""API keys: `/api/v1/api-keys`."""

from marshmallow import Schema, ValidationError, fields, validate

from backend.middleware.authentication import current_actor, permission, person
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.envelope import LOCATION
from backend.services.access.permissions import API_KEYS_WRITE
from backend.services.accounts import api_keys
from backend.services.field_types.datetime import Moment
from backend.services.field_types.wire import StrictText
from backend.utils.clock import rfc3339, utcnow

blp = Blueprint("api_keys", __name__, url_prefix=f"{API}/api-keys", description="Secrets for programs")

MAY_WRITE = permission(API_KEYS_WRITE)


def _is_to_come(moment):
    if moment is not None and moment <= rfc3339(utcnow()):
        raise ValidationError("Must be in the future.")


class ApiKeySchema(Schema):
    """A key; its roles count as far as its maker has them too."""

    id = fields.UUID(required=True, dump_only=True)
    user_id = fields.UUID(required=True, dump_only=True, metadata={"description": "Who made it"})
    name = StrictText(required=True, validate=validate.Length(1, 100))
    hint = fields.String(required=True, dump_only=True, metadata={"description": "How the secret begins"})
    roles = fields.List(StrictText(), required=True, validate=validate.Length(1, 50))
    created_at = Moment(required=True, dump_only=True)
    expires_at = Moment(
        allow_none=True, load_default=None, validate=_is_to_come, metadata={"description": "Never, if null"}
    )
    last_used_at = Moment(
        required=True, allow_none=True, dump_only=True, metadata={"description": "To the minute or so"}
    )
    revoked_at = Moment(required=True, allow_none=True, dump_only=True)


class NewApiKeySchema(ApiKeySchema):
    """A key just made, with its secret, which is shown this once: send it as `Authorization: Bearer ldr_…`."""

    secret = fields.String(required=True, dump_only=True)


@blp.get("")
@blp.guard(MAY_WRITE)
@blp.response(200, ApiKeySchema(many=True))
@blp.fails(401, 403)
@blp.doc(operationId="api_keys_list")
def list_keys():
    """List your API keys; an admin's list has everybody's"""
    return api_keys.list_keys(current_actor())


@blp.post("")
@blp.guard(person(MAY_WRITE))
@blp.arguments(ApiKeySchema)
@blp.response(201, NewApiKeySchema, headers=LOCATION)
@blp.fails(400, 401, 403, 415)
@blp.doc(operationId="api_keys_create")
def create_key(data):
    """Make an API key"""
    key, secret = api_keys.create_key(current_actor(), **data)
    return key.__data__ | {"secret": secret}, {"Location": f"{API}/api-keys/{key.id}"}


@blp.get("/<uuid:key_id>")
@blp.guard(MAY_WRITE)
@blp.response(200, ApiKeySchema)
@blp.fails(401, 403, 404)
@blp.doc(operationId="api_keys_get")
def get_key(key_id):
    """Show an API key"""
    return api_keys.get_key(current_actor(), str(key_id))


@blp.delete("/<uuid:key_id>")
@blp.guard(person(MAY_WRITE))
@blp.response(200)
@blp.fails(401, 403, 404)
@blp.doc(operationId="api_keys_revoke")
def revoke_key(key_id):
    """Revoke an API key

    It is refused from its next request on, and stays in the list.
    """
    api_keys.revoke_key(current_actor(), str(key_id))
