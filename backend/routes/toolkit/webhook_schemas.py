"""The schemas of webhooks and their deliveries in responses."""

from typing import Any

from marshmallow import Schema, fields, pre_dump, validate

from backend.services.definitions.system_tables import DELIVERIES
from backend.services.field_types.datetime import Moment
from backend.services.field_types.marshmallow_fields import StrictText
from backend.services.records.changes import ACTIONS
from backend.services.webhooks.states import OFF_REASONS, WebhookState


def _described(name: str) -> dict[str, str | None]:
    return {"description": DELIVERIES[name].description}


class WebhookDeliverySchema(Schema):
    """A change that a webhook sends, or a test of the webhook: then `resource` is null. Payloads are not stored."""

    id = fields.UUID(required=True, metadata=_described("id"))
    webhook_id = fields.UUID(required=True)
    created_at = Moment(required=True)
    resource = StrictText(required=True, allow_none=True, metadata=_described("resource"))
    record_id = fields.UUID(required=True, allow_none=True)
    action = fields.String(required=True, allow_none=True, validate=validate.OneOf([*ACTIONS, None]))
    version = fields.Integer(required=True, allow_none=True, metadata=_described("version"))
    fields_ = fields.List(
        fields.String(), required=True, allow_none=True, data_key="fields", metadata=_described("fields")
    )
    changed_at = Moment(required=True, allow_none=True)
    changed_by = fields.UUID(required=True, allow_none=True, metadata=_described("changed_by"))
    state = DELIVERIES["state"].json_field(required=True, metadata=_described("state"))
    attempts = fields.Integer(required=True)
    next_attempt_at = Moment(required=True, allow_none=True, metadata=_described("next_attempt_at"))
    status = fields.Integer(required=True, allow_none=True, metadata=_described("status"))
    error = fields.String(required=True, allow_none=True, metadata=_described("error"))
    milliseconds = fields.Integer(required=True, allow_none=True, metadata=_described("milliseconds"))
    ended_at = Moment(required=True, allow_none=True, metadata=_described("ended_at"))

    @pre_dump
    def with_fields(self, delivery: Any, **_: Any) -> dict[str, Any]:
        """Return the columns of a Delivery."""
        return {**delivery.__data__, "fields_": delivery.fields}


class WebhookSchema(Schema):
    """A URL that changes are sent to, as its maker sees them with the `roles` of the webhook."""

    id = fields.UUID(required=True)
    name = StrictText(required=True)
    url = StrictText(required=True)
    resources = fields.List(fields.String(), required=True)
    actions = fields.List(fields.String(validate=validate.OneOf(ACTIONS)), required=True)
    roles = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Each only counts while the maker has it, too"},
    )
    with_data = fields.Boolean(required=True, metadata={"description": "Whether the current record is sent, too"})
    active = fields.Boolean(required=True)
    off_reason = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf([*OFF_REASONS, None]),
        metadata={
            "description": "Why it sends nothing although nobody has switched it off: the receiver answered 410 "
            "(`gone`), somebody else has set the password of the maker, the account of the maker is not active, or no "
            "resource is left"
        },
    )
    waiting = fields.Integer(required=True, metadata={"description": "Number of deliveries that have not ended"})
    last_delivery = fields.Nested(
        WebhookDeliverySchema, required=True, allow_none=True, metadata={"description": "The latest that has ended"}
    )
    created_by = fields.UUID(required=True, allow_none=True, metadata={"description": "The account it acts for"})
    created_at = Moment(required=True)
    updated_at = Moment(required=True)
    version = fields.Integer(required=True)
    previous_until = Moment(
        required=True, allow_none=True, metadata={"description": "Until when the previous secret also signs"}
    )

    @pre_dump
    def with_state(self, state: Any, **_: Any) -> dict[str, Any]:
        """Return the columns of a webhook, with the rest of its WebhookState."""
        assert isinstance(state, WebhookState)
        shown = state._asdict()
        return {**shown.pop("webhook").__data__, **shown}
