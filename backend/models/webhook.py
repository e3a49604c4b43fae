"""Webhooks: where changes of records are sent, and as whom."""

from collections.abc import Mapping
from typing import Any

from peewee import SQL, ColumnBase, ModelSelect

from backend.models.base import Entity
from backend.models.columns import BooleanColumn, DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.models.user import User
from backend.utils.clock import utcnow

GONE = "gone"  # the receiver answered 410
PASSWORD_SET = "password_set"  # somebody else has set the password of its maker

# For a database whose records were replaced: their feed of changes is empty, and begins anew.
RESET_POSITIONS_SQL = "UPDATE larder_webhooks SET transaction_id = 0, sequence = 0"


class Webhook(Entity):
    """A URL that changes of resources are sent to, for the account of its maker, with roles of its own.

    All changes of the feed up to its position, `transaction_id` and `sequence`, are in larder_deliveries or of no
    interest. `secret` and `previous_secret` are encrypted; both sign until `previous_until`. `off_reason` is GONE or
    PASSWORD_SET if Larder itself has set `active` to false, else null.
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

    @classmethod
    def with_active_maker(cls, *columns: ColumnBase) -> "ModelSelect[Webhook]":
        """Return the query of the webhooks whose makers are active; others send nothing."""
        return cls.select(*columns).join(User, on=(User.id == cls.created_by)).where(User.active)

    @classmethod
    def changed(cls, **values: Any) -> dict[str, Any]:
        """Return the values of an update, with the next version."""
        return {**values, "version": cls.version + 1, "updated_at": utcnow()}

    @classmethod
    def switch_off(cls, which: ColumnBase, reason: str) -> list["Webhook"]:
        """Switch off those active webhooks that meet a condition; return them. Call it inside a transaction."""
        found = list(cls.select(cls.id, cls.name).where(cls.active, which))
        ids = [webhook.id for webhook in found]
        cls.update(cls.changed(active=False, off_reason=reason)).where(cls.id.in_(ids)).execute()
        return found

    @classmethod
    def rename_resources(cls, new_names: Mapping[str, str | None]) -> None:
        """Replace names of resources in all webhooks; None removes a name."""
        for webhook in list(cls.select(cls.id, cls.resources)):
            names = [new_names.get(name, name) for name in webhook.resources]
            if names != webhook.resources:
                kept = [name for name in names if name is not None]
                cls.update(cls.changed(resources=kept)).where(cls.id == webhook.id).execute()
