"""The statements that each delivery needs: built once, because peewee takes longer to build one than to run it."""

from datetime import datetime

from peewee import SQL, Expression, Function, ModelUpdate, Select, Value, fn

from backend.models.database import database
from backend.models.delivery import WAITING, Delivery
from backend.models.webhook import Webhook
from backend.services.storage.statements import built_once, built_once_with_plans, slot

IS_TEST = Delivery.record_id.is_null()  # like `resource`, and an index finds it
OUTCOME = ("state", "next_attempt_at", "ended_at", "status", "error", "milliseconds")
ORDER = (Delivery.next_attempt_at, Delivery.version, Delivery.id)


def is_due(now: datetime | Value) -> Expression:
    """Return the condition that a delivery is to be sent at this moment."""
    return (Delivery.state == WAITING) & (Delivery.next_attempt_at <= now)


@built_once
def select_webhook() -> Select:
    """Build the query of a webhook."""
    return Webhook.select().where(Webhook.id == slot("id"))


@built_once_with_plans
def select_test() -> Select:
    """Build the query of a test of a webhook that is due."""
    return _due().where(IS_TEST).limit(1)


@built_once_with_plans
def select_due() -> Select:
    """Build the query of the first deliveries that are due and follow no other one of their record."""
    return _due().where(~_follows_another()).order_by(*ORDER).limit(slot("limit"))


def _due() -> Select:
    return Delivery.select(Delivery.id).where(Delivery.webhook_id == slot("webhook_id"), is_due(slot("now")))


def _follows_another() -> Function:
    """Return the condition that an earlier change of the same record waits, too."""
    earlier = Delivery.alias()
    same = (earlier.webhook_id == slot("webhook_id")) & (earlier.record_id == Delivery.record_id)
    waits = (earlier.state == WAITING) & (earlier.version < Delivery.version)
    return fn.EXISTS(earlier.select(SQL("1")).where(same, waits))


@built_once
def lock_due() -> Select:
    """Build the query that locks those of some deliveries that are still due, and that nobody else has locked."""
    some = Delivery.select(Delivery.id).where(_is_one_of_ids(), is_due(slot("now")))
    return database.lock_for_update(some.order_by(*ORDER).limit(slot("limit")), skip_locked=True)


@built_once
def reserve() -> ModelUpdate:
    """Build the statement that reserves deliveries for a thread, and returns them."""
    reserved = {"next_attempt_at": slot("until"), "attempts": Delivery.attempts + 1}
    return Delivery.update(reserved).where(_is_one_of_ids()).returning(*Delivery._meta.sorted_fields)


def _is_one_of_ids() -> Expression:
    return Delivery.id.in_(database.ids(slot("ids")))


@built_once
def store_outcome() -> ModelUpdate:
    """Build the statement that stores the outcome of an attempt, unless the delivery was claimed again since."""
    same = (Delivery.id == slot("id")) & (Delivery.attempts == slot("attempts")) & (Delivery.state == WAITING)
    return Delivery.update({name: slot(name) for name in OUTCOME}).where(same).returning(Delivery.id)
