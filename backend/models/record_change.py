"""The history of records."""

from peewee import SQL

from backend.models.base import BaseModel
from backend.models.columns import DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7


class RecordChange(BaseModel):
    """What a change made of a record: by field [value before, value after]; `version` is that of the record then."""

    id = UuidColumn(primary_key=True, default=uuid7)
    resource = TextColumn()
    record_id = UuidColumn()
    version = IntegerColumn()
    action = TextColumn()
    changes = JsonColumn()
    created_at = DateTimeColumn(default=utcnow)
    created_by = UuidColumn(null=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE SET NULL")])

    class Meta:
        table_name = "larder_record_changes"
        indexes = ((("resource", "record_id", "id"), False), (("created_by",), False))
