"""Profile fields: `/api/v1/users/settings`."""

from typing import Any

from marshmallow import Schema, fields, pre_dump

from backend.middleware.authentication import current_actor
from backend.middleware.guards import permission
from backend.middleware.paths import API
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.blueprint import Blueprint
from backend.services.access.permissions import RESOURCES_READ, RESOURCES_WRITE, USERS_READ
from backend.services.accounts import profile_fields
from backend.services.definitions.names import NAME
from backend.services.field_types.boolean import BooleanFromText

EXAMPLE = {"fields": {"team": {"type": "string", "max_length": 50}}}

blp = Blueprint("user_settings", __name__, url_prefix=f"{API}/users/settings", description="The fields of profiles")


class UserSettingsSchema(Schema):
    """The profile fields, declared like the fields of a resource. Rules read them as `$user.<field>`."""

    fields_ = fields.Dict(
        fields.String(metadata={"pattern": f"^{NAME.pattern}$"}),
        fields.Raw(metadata={"type": "object"}),
        required=True,
        data_key="fields",
        metadata={"maxProperties": profile_fields.MAX_FIELDS},
    )

    @pre_dump
    def under_their_name(self, declarations: profile_fields.Declarations, **_: Any) -> dict[str, Any]:
        """Wrap the declarations in a dict, as this schema needs it."""
        return {"fields_": declarations}


class ConfirmQuery(QuerySchema):
    """Confirmation that values may be deleted."""

    confirm = BooleanFromText(load_default=False, metadata={"description": "Delete the values of removed fields"})


@blp.get("")
@blp.guard(permission(USERS_READ, RESOURCES_READ))
@blp.response(200, UserSettingsSchema)
@blp.fails(401, 403)
@blp.doc(operationId="user_settings_get")
def get_fields() -> profile_fields.Declarations:
    """Show the profile fields"""
    return profile_fields.declared_fields()


@blp.put("")
@blp.guard(permission(RESOURCES_WRITE))
@blp.arguments(UserSettingsSchema, example=EXAMPLE)
@blp.arguments(ConfirmQuery, location="query")
@blp.response(200, UserSettingsSchema)
@blp.fails(400, 401, 403, 409, 415)
@blp.doc(operationId="user_settings_replace")
def replace_fields(data: dict[str, Any], query: dict[str, Any]) -> profile_fields.Declarations:
    """Replace the profile fields

    A field that a grant uses cannot be removed, and its type cannot change.
    """
    return profile_fields.replace_fields(current_actor(), data["fields_"], confirmed=query["confirm"])
