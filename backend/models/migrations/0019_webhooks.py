"""Webhooks and their deliveries."""

from peewee import SQL, Model
from playhouse.migrate import SchemaMigrator

from backend.models.columns import BooleanColumn, DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.models.database import Dialect

USER = "REFERENCES larder_users (id) ON DELETE SET NULL"


class Webhook(Model):
    id = UuidColumn(primary_key=True)
    created_at = DateTimeColumn()
    name = TextColumn()
    url = TextColumn()
    resources = JsonColumn()
    actions = JsonColumn()
    roles = JsonColumn()
    with_data = BooleanColumn()
    active = BooleanColumn()
    off_reason = TextColumn(null=True)
    secret = TextColumn()
    previous_secret = TextColumn(null=True)
    previous_until = DateTimeColumn(null=True)
    created_by = UuidColumn(null=True, index=True, constraints=[SQL(USER)])
    updated_at = DateTimeColumn()
    version = IntegerColumn()
    transaction_id = IntegerColumn(constraints=[SQL("DEFAULT 0")])
    sequence = IntegerColumn(constraints=[SQL("DEFAULT 0")])

    class Meta:
        table_name = "larder_webhooks"


class Delivery(Model):
    id = UuidColumn(primary_key=True)
    created_at = DateTimeColumn()
    webhook_id = UuidColumn(constraints=[SQL("REFERENCES larder_webhooks (id) ON DELETE CASCADE")])
    resource = TextColumn(null=True)
    record_id = UuidColumn(null=True)
    action = TextColumn(null=True)
    version = IntegerColumn(null=True)
    fields = JsonColumn(null=True)
    changed_at = DateTimeColumn(null=True)
    changed_by = UuidColumn(null=True, index=True, constraints=[SQL(USER)])
    state = TextColumn()
    attempts = IntegerColumn()
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


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Create the tables."""
    models: list[type[Model]] = [Webhook, Delivery]
    with db.bind_ctx(models, bind_refs=False, bind_backrefs=False):
        for model in models:
            model._meta.strict_tables = db.strict_tables
            model.create_table(safe=False)
