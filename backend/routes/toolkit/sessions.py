"""What a session is in responses, for one's own and for those of users."""

from marshmallow import Schema, fields

from backend.services.field_types.datetime import Moment
from backend.utils.devices import device_name


class UserSessionSchema(Schema):
    """A sign-in of a user on one device."""

    id = fields.UUID(required=True)
    device = fields.Function(
        lambda session: device_name(session.user_agent), required=True, metadata={"type": "string"}
    )
    user_agent = fields.String(required=True)
    address = fields.String(required=True)
    created_at = Moment(required=True)
    last_used_at = Moment(required=True, metadata={"description": "When its tokens were last refreshed"})
    expires_at = Moment(required=True)
