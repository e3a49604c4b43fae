"""The audit trail: who did what."""

from backend.models.base import Entity
from backend.models.columns import DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.utils.clock import utcnow


class AuditEntry(Entity):
    """An action that was done or refused; its ids are no foreign keys, since they outlive what they identify."""

    created_at = DateTimeColumn(index=True, default=utcnow)
    action = TextColumn(index=True)
    actor_id = UuidColumn(null=True, index=True)
    actor_email = TextColumn(null=True)
    actor_name = TextColumn(null=True)
    api_key_id = UuidColumn(null=True)
    target_type = TextColumn(null=True)
    target_id = TextColumn(null=True)
    details = JsonColumn()
    address = TextColumn(null=True)
    request_id = TextColumn(null=True)
    times = IntegerColumn(default=1)
    last_at = DateTimeColumn(null=True)  # when it happened last, if more than once
    counted_as = TextColumn(null=True, unique=True)  # a hash that is the same for actions counted in one row

    class Meta:
        table_name = "larder_audit"
        indexes = ((("target_type", "target_id"), False),)
