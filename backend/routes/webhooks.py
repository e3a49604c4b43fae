"""Webhooks: `/api/v1/webhooks`."""

from typing import Any
from uuid import UUID

from flask import request
from marshmallow import Schema, fields, post_load, validate

from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor
from backend.middleware.guards import in_session, permission
from backend.middleware.paths import API
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.envelope import LOCATION
from backend.routes.toolkit.etags import accepted_tags
from backend.routes.toolkit.webhook_schemas import WebhookSchema
from backend.services.access.permissions import WEBHOOKS_WRITE
from backend.services.field_types.marshmallow_fields import StrictBoolean, StrictText
from backend.services.records.change_cursors import MAX_CURSOR_CHARACTERS
from backend.services.records.changes import ACTIONS, MAX_FOLLOWED
from backend.services.webhooks import webhooks
from backend.services.webhooks.states import WebhookState, states_of
from backend.services.webhooks.targets import MAX_URL_CHARACTERS
from backend.utils.addresses import Network, parse_networks

MAX_ROLES, MAX_ACTIONS = 50, 10
MAY_USE = permission(WEBHOOKS_WRITE)
ETAG = {"ETag": {"schema": {"type": "string"}, "description": "The version of the webhook"}}
IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "description": "Change the webhook only if it still has one of these ETags",
}

WITH_DATA = {"description": "Whether the current record is sent, too"}
ACTIVE = {"description": "False to send nothing for now; what is changed meanwhile waits in the feed"}

blp = Blueprint("webhooks", __name__, url_prefix=f"{API}/webhooks", description="Changes, sent to other programs")


def _action() -> fields.String:
    return fields.String(validate=validate.OneOf(ACTIONS))


class WebhookCreateSchema(Schema):
    """A new webhook."""

    name = StrictText(required=True, validate=validate.Length(1, 100))
    url = StrictText(
        required=True,
        validate=validate.Length(1, MAX_URL_CHARACTERS),
        metadata={"description": "An https URL whose host has a public address, or one in `LARDER_WEBHOOK_NETWORKS`"},
    )
    resources = fields.List(
        StrictText(),
        required=True,
        validate=validate.Length(1, MAX_FOLLOWED),
        metadata={"description": "Each has `feed: true`"},
    )
    actions = fields.List(_action(), validate=validate.Length(1, MAX_ACTIONS), load_default=[*ACTIONS])
    roles = fields.List(
        StrictText(),
        required=True,
        validate=validate.Length(1, MAX_ROLES),
        metadata={"description": "Roles of yours; what they may list is sent"},
    )
    with_data = StrictBoolean(load_default=False, metadata=WITH_DATA)
    active = StrictBoolean(load_default=True, metadata=ACTIVE)
    created_by = fields.UUID(metadata={"description": "The service account that it acts for, by default you"})

    @post_load
    def with_texts(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Return the values with ids as texts, as the database has them."""
        return data | ({"created_by": str(data["created_by"])} if "created_by" in data else {})


class WebhookUpdateSchema(WebhookCreateSchema):
    """The parts of a webhook to change; parts that are left out stay."""

    actions = fields.List(_action(), validate=validate.Length(1, MAX_ACTIONS))
    with_data = StrictBoolean(metadata=WITH_DATA)
    active = StrictBoolean(metadata=ACTIVE)


class WebhookWithSecretSchema(WebhookSchema):
    """A webhook with its secret, `whsec_…`, which is shown only now."""

    secret = fields.String(required=True)


class WebhookReplaySchema(Schema):
    """Where a webhook continues."""

    after = StrictText(
        required=True,
        validate=validate.Length(1, MAX_CURSOR_CHARACTERS),
        metadata={"description": "A cursor of `/changes` or of a list, of the resources of the webhook or of one"},
    )


@blp.get("")
@blp.guard(MAY_USE)
@blp.response(200, WebhookSchema(many=True))
@blp.fails(401, 403)
@blp.doc(operationId="list_webhooks")
def list_webhooks() -> object:
    """List your webhooks, the newest first

    With the permission `users:write` also those of service accounts, if you have their roles. An admin sees those of
    everybody.
    """
    return states_of(webhooks.list_webhooks(current_actor()))


@blp.post("")
@blp.guard(in_session(MAY_USE))
@blp.idempotent_secret
@blp.arguments(WebhookCreateSchema)
@blp.response(201, WebhookWithSecretSchema, headers=LOCATION | ETAG)
@blp.fails(400, 401, 403, 409, 415)
@blp.doc(operationId="create_webhook")
def create_webhook(data: webhooks.WebhookParts) -> tuple[object, dict[str, str]]:
    """Create a webhook, which sends what is changed from now on

    It acts for you, with roles that you have. It loses them when you lose them. With `created_by`, it acts for this
    service account, which also needs the permission `users:write` and all roles of the account.
    """
    state = webhooks.create_webhook(current_actor(), get_app().catalog, _networks(), data)
    return state, _etag(state) | {"Location": f"{API}/webhooks/{state.webhook.id}"}


@blp.get("/<uuid:webhook_id>")
@blp.guard(MAY_USE)
@blp.response(200, WebhookSchema, headers=ETAG)
@blp.fails(401, 403, 404)
@blp.doc(operationId="get_webhook")
def get_webhook(webhook_id: UUID) -> tuple[object, dict[str, str]]:
    """Show a webhook"""
    (state,) = states_of([webhooks.get_webhook(current_actor(), str(webhook_id))])
    return state, _etag(state)


@blp.patch("/<uuid:webhook_id>")
@blp.guard(in_session(MAY_USE))
@blp.arguments(WebhookUpdateSchema(partial=True))
@blp.response(200, WebhookSchema, headers=ETAG)
@blp.fails(400, 401, 403, 404, 409, 412, 415)
@blp.doc(operationId="update_webhook", parameters=[IF_MATCH])
def update_webhook(data: webhooks.WebhookParts, webhook_id: UUID) -> tuple[object, dict[str, str]]:
    """Change some parts of a webhook

    With `active: true`, a webhook that was switched off continues where it stopped.
    """
    state = webhooks.update_webhook(
        current_actor(), get_app().catalog, _networks(), str(webhook_id), data, accepted_tags(request.environ)
    )
    return state, _etag(state)


@blp.delete("/<uuid:webhook_id>")
@blp.guard(MAY_USE)
@blp.response(200)
@blp.fails(401, 403, 404, 412)
@blp.doc(operationId="delete_webhook", parameters=[IF_MATCH])
def delete_webhook(webhook_id: UUID) -> None:
    """Delete a webhook with its deliveries"""
    webhooks.delete_webhook(current_actor(), str(webhook_id), accepted_tags(request.environ))


@blp.post("/<uuid:webhook_id>/secret")
@blp.guard(in_session(MAY_USE))
@blp.idempotent_secret
@blp.response(201, WebhookWithSecretSchema, headers=ETAG)
@blp.fails(401, 403, 404, 422)
@blp.doc(operationId="rotate_webhook_secret")
def rotate_secret(webhook_id: UUID) -> tuple[object, dict[str, str]]:
    """Give a webhook a new secret

    For 24 hours the previous one signs, too, so that the receiver can be changed meanwhile.
    """
    state = webhooks.rotate_secret(current_actor(), str(webhook_id))
    return state, _etag(state)


@blp.post("/<uuid:webhook_id>/replay")
@blp.guard(MAY_USE)
@blp.arguments(WebhookReplaySchema)
@blp.response(202)
@blp.fails(400, 401, 403, 404, 409, 410, 415)
@blp.doc(operationId="replay_webhook")
def replay(data: dict[str, str], webhook_id: UUID) -> None:
    """Let a webhook continue after a cursor

    An earlier cursor sends changes again, a later one skips changes. Deliveries that wait already are sent, too.
    """
    webhooks.replay(current_actor(), get_app().catalog, str(webhook_id), data["after"])


def _networks() -> tuple[Network, ...]:
    return parse_networks(get_app().settings.webhook_networks)


def _etag(state: WebhookState) -> dict[str, str]:
    return {"ETag": f'"{state.webhook.version}"'}
