"""Deliveries of webhooks: `/api/v1/webhooks/<id>/deliveries` and `/api/v1/webhooks/<id>/test`."""

from typing import Any
from uuid import UUID

from backend.middleware.answer import Answer
from backend.middleware.app import get_app
from backend.middleware.authentication import current_actor
from backend.middleware.guards import permission
from backend.middleware.paths import API
from backend.routes.toolkit.arguments import QuerySchema
from backend.routes.toolkit.blueprint import Blueprint
from backend.routes.toolkit.list_parameters import list_parameters
from backend.routes.toolkit.lists import list_query, page_answer
from backend.routes.toolkit.webhook_schemas import WebhookDeliverySchema, WebhookSchema
from backend.services.access.permissions import WEBHOOKS_WRITE
from backend.services.definitions.system_tables import DELIVERIES
from backend.services.records import lists
from backend.services.webhooks import deliveries
from backend.services.webhooks.webhooks import get_webhook

MAY_USE = permission(WEBHOOKS_WRITE)

blp = Blueprint(
    "webhook_deliveries",
    __name__,
    url_prefix=f"{API}/webhooks/<uuid:webhook_id>",
    description="What webhooks have sent",
)

DeliveriesQuery = QuerySchema.from_dict(list_parameters(DELIVERIES, order=["-id"]), name="deliveries_query")


@blp.get("/deliveries")
@blp.guard(MAY_USE)
@blp.arguments(DeliveriesQuery, location="query")
@blp.documented_response(200, WebhookDeliverySchema(many=True))
@blp.fails(400, 401, 403, 404)
@blp.doc(operationId="list_webhook_deliveries")
def list_deliveries(arguments: dict[str, Any], webhook_id: UUID) -> Answer:
    """List the deliveries of a webhook, the latest first

    Those that have ended are kept as long as changes.
    """
    webhook, query = get_webhook(current_actor(), str(webhook_id)), list_query(arguments)
    page = lists.list_rows(get_app().catalog.system["deliveries"], deliveries.scope_of(webhook), query)
    return page_answer(query, page)


@blp.get("/deliveries/<uuid:delivery_id>")
@blp.guard(MAY_USE)
@blp.response(200, WebhookDeliverySchema)
@blp.fails(401, 403, 404)
@blp.doc(operationId="get_webhook_delivery")
def get_delivery(webhook_id: UUID, delivery_id: UUID) -> object:
    """Show a delivery"""
    return deliveries.get_delivery(current_actor(), str(webhook_id), str(delivery_id))


@blp.post("/deliveries/<uuid:delivery_id>/redelivery")
@blp.guard(MAY_USE)
@blp.response(202, WebhookDeliverySchema)
@blp.fails(401, 403, 404, 409)
@blp.doc(operationId="redeliver_webhook_delivery")
def redeliver(webhook_id: UUID, delivery_id: UUID) -> object:
    """Send a delivery now, also one that has ended

    It has the same `webhook-id`, by which the receiver can recognise it, and the record as it is now.
    """
    return deliveries.redeliver(current_actor(), str(webhook_id), str(delivery_id))


@blp.post("/redelivery")
@blp.guard(MAY_USE)
@blp.response(202, WebhookSchema)
@blp.fails(401, 403, 404)
@blp.doc(operationId="redeliver_webhook_deliveries")
def redeliver_all(webhook_id: UUID) -> object:
    """Send all changes now that wait for a later attempt, and those that have failed

    At most 1,000 wait together: of more that have failed, the first ones are sent. Repeat the call for the others.
    """
    return deliveries.redeliver_all(current_actor(), str(webhook_id))


@blp.post("/test")
@blp.guard(MAY_USE)
@blp.response(202, WebhookDeliverySchema)
@blp.fails(401, 403, 404, 409)
@blp.doc(operationId="test_webhook")
def send_test(webhook_id: UUID) -> object:
    """Send a test with the type `webhook.test`, also if the webhook is switched off

    It is attempted once. `GET` its delivery to see the result.
    """
    return deliveries.send_test(current_actor(), str(webhook_id))
