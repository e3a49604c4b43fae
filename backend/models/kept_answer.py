"""The answer to a request that may be sent again."""

from peewee import CompositeKey

from backend.models.base import BaseModel
from backend.models.columns import DateTimeColumn, IntegerColumn, JsonColumn, TextColumn
from backend.utils.clock import utcnow


class KeptAnswer(BaseModel):
    """What was answered to an Idempotency-Key of a caller; without a status the request is still under way."""

    caller = TextColumn()
    key = TextColumn()
    request_hash = TextColumn()
    created_at = DateTimeColumn(index=True, default=utcnow)
    status = IntegerColumn(null=True)
    headers = JsonColumn(null=True)
    body = TextColumn(null=True)

    class Meta:
        table_name = "larder_kept_answers"
        primary_key = CompositeKey("caller", "key")
