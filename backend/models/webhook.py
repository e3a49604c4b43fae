"""Webhooks: where changes of records are sent, and as whom."""

from peewee import SQL

from backend.models.base import Entity
from backend.models.columns import BooleanColumn, DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.utils.clock import utcnow

GONE = "gone"  # the receiver answered 410

# For a database whose records were replaced: their feed of changes is empty, and begins anew.
RESET_POSITIONS_SQL = "UPDATE larder_webhooks SET transaction_id = 0, sequence = 0"


class Webhook(Entity):
    """A URL that changes of resources are sent to, for the account of its maker, with roles of its own.

    All changes of the feed up to its position, `transaction_id` and `sequence`, are in larder_deliveries or of no
    interest. `secret` and `previous_secret` are encrypted; both sign until `previous_until`. `off_reason` is GONE if
    Larder itself has set `active` to false, else null.
    """

    name = TextColumn()
    url = TextColumn()
    resources = JsonColumn()
    actions = JsonColumn()
    roles = JsonColumn()
    with_data = BooleanColumn(default=False)
    active = BooleanColumn(default=True)
    off_reason = TextColumn(null=True)
    secret = TextColumn()
    previous_secret = TextColumn(null=True)
    previous_until = DateTimeColumn(null=True)
    created_by = UuidColumn(null=True, index=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE SET NULL")])
    updated_at = DateTimeColumn(default=utcnow)
    version = IntegerColumn(default=1)
    transaction_id = IntegerColumn(default=0, constraints=[SQL("DEFAULT 0")])
    sequence = IntegerColumn(default=0, constraints=[SQL("DEFAULT 0")])

    class Meta:
        table_name = "larder_webhooks"
