"""Idempotency keys, and the responses stored for them."""

from peewee import CompositeKey

from backend.models.base import BaseModel
from backend.models.columns import DateTimeColumn, IntegerColumn, JsonColumn, TextColumn
from backend.utils.clock import utcnow


class IdempotencyKey(BaseModel):
    """A caller's Idempotency-Key, and the response to its request; without a status, the request is still running."""

    caller = TextColumn()
    key = TextColumn()
    request_hash = TextColumn()
    created_at = DateTimeColumn(index=True, default=utcnow)
    status = IntegerColumn(null=True)
    headers = JsonColumn(null=True)
    body = TextColumn(null=True)

    class Meta:
        """The table keeps its first name."""

        table_name = "larder_kept_answers"
        primary_key = CompositeKey("caller", "key")
