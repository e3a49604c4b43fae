"""Deliveries: changes of records that are sent to webhooks, and what became of each."""

from collections.abc import Sequence
from typing import Any

from peewee import SQL, fn

from backend.models.base import Entity
from backend.models.columns import DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn

WAITING, DELIVERED, FAILED, DROPPED = STATES = ("waiting", "delivered", "failed", "dropped")


class Delivery(Entity):
    """A change that a webhook sends, or a test of the webhook if it has no `resource`.

    It is WAITING until it has ended: DELIVERED, FAILED after its last attempt, or DROPPED because the roles of the
    webhook do not see the change, or the webhook no longer wants it. Its payload is made anew at each attempt and never
    stored. Of the waiting ones of a record, the one with the lowest version is sent first. An attempt moves
    `next_attempt_at` on, to when it would have to be repeated. `status`, `error` and `milliseconds` are those of the
    last attempt.
    """

    webhook_id = UuidColumn(constraints=[SQL("REFERENCES larder_webhooks (id) ON DELETE CASCADE")])
    resource = TextColumn(null=True)
    record_id = UuidColumn(null=True)
    action = TextColumn(null=True)
    version = IntegerColumn(null=True)
    fields = JsonColumn(null=True)
    changed_at = DateTimeColumn(null=True)
    changed_by = UuidColumn(null=True, index=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE SET NULL")])
    state = TextColumn(default=WAITING)
    attempts = IntegerColumn(default=0)
    next_attempt_at = DateTimeColumn(null=True)
    status = IntegerColumn(null=True)
    error = TextColumn(null=True)
    milliseconds = IntegerColumn(null=True)
    ended_at = DateTimeColumn(null=True, index=True)

    class Meta:
        table_name = "larder_deliveries"
        indexes = (
            (("webhook_id", "id"), False),
            (("webhook_id", "state", "next_attempt_at"), False),
            (("webhook_id", "record_id", "state", "version"), False),
        )

    @classmethod
    def count_waiting(cls, webhook_ids: Sequence[str]) -> dict[str, int]:
        """Return how many deliveries wait, by the id of the webhook, without webhooks that have none."""
        counted = cls.select(cls.webhook_id, fn.COUNT(cls.id))
        waiting = counted.where(cls.webhook_id.in_(list(webhook_ids)), cls.state == WAITING)
        rows: Any = waiting.group_by(cls.webhook_id).tuples()
        return dict(rows)
