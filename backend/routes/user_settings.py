"""The settings of users: `/api/v1/users/settings`."""

from typing import Any

from marshmallow import Schema, fields

from backend.middleware.authentication import current_actor
from backend.middleware.guards import permission
from backend.middleware.paths import API
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.blueprint import Blueprint
from backend.services.access.permissions import RESOURCES_READ, RESOURCES_WRITE, USERS_READ
from backend.services.accounts import user_settings
from backend.services.accounts.directory import DirectorySchema
from backend.services.accounts.profile_fields import MAX_FIELDS
from backend.services.definitions.names import NAME
from backend.services.definitions.people import Settings, read_settings
from backend.services.definitions.schema import FieldDeclaration
from backend.services.field_types.boolean import BooleanFromText

EXAMPLE = {
    "fields": {"team": {"type": "string", "max_length": 50}},
    "directory": {"roles": ["member"], "fields": ["name", "team"]},
}

blp = Blueprint("user_settings", __name__, url_prefix=f"{API}/users/settings", description="The settings of users")


UserSettingsSchema = Schema.from_dict(
    {
        "fields": fields.Dict(
            fields.String(metadata={"pattern": f"^{NAME.pattern}$"}),
            FieldDeclaration(),
            required=True,
            metadata={
                "maxProperties": MAX_FIELDS,
                "description": "The profile fields, declared like the fields of a resource; rules read them as `$user`",
            },
        ),
        "directory": fields.Nested(
            DirectorySchema, metadata={"description": "Who sees which fields of users; stays if it is left out"}
        ),
    },
    name="UserSettings",
)


class ConfirmQuery(QuerySchema):
    """Confirmation that values may be deleted."""

    confirm = BooleanFromText(load_default=False, metadata={"description": "Delete the values of removed fields"})


@blp.get("")
@blp.guard(permission(USERS_READ, RESOURCES_READ))
@blp.response(200, UserSettingsSchema)
@blp.fails(401, 403)
@blp.doc(operationId="get_user_settings")
def get_settings() -> Settings:
    """Show the profile fields and the directory"""
    return read_settings()


@blp.put("")
@blp.guard(permission(RESOURCES_WRITE))
@blp.arguments(UserSettingsSchema, example=EXAMPLE)
@blp.arguments(ConfirmQuery, location="query")
@blp.response(200, UserSettingsSchema)
@blp.fails(400, 401, 403, 409, 415)
@blp.doc(operationId="replace_user_settings")
def replace_settings(data: dict[str, Any], query: dict[str, Any]) -> Settings:
    """Replace the profile fields, and the directory if it is sent

    A profile field that a definition uses cannot be removed, and its type cannot change.
    """
    return user_settings.replace_settings(current_actor(), data, confirmed=query["confirm"])
