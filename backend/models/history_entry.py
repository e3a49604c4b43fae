"""The history of records, and what their fields were meanwhile."""

from peewee import SQL

from backend.models.base import BaseModel
from backend.models.columns import BooleanColumn, DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7


class HistoryEntry(BaseModel):
    """What a change made of a record: by field [value before, value after]; `version` is that of the record then.

    `number` orders the changes of a record: clocks do not. `fields_id` is the KeptFields of the time.
    """

    id = UuidColumn(primary_key=True, default=uuid7)
    resource = TextColumn()
    record_id = UuidColumn()
    version = IntegerColumn()
    action = TextColumn()
    changes = JsonColumn()
    created_at = DateTimeColumn(default=utcnow)
    created_by = UuidColumn(null=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE SET NULL")])
    number = IntegerColumn(default=0)
    fields_id = UuidColumn(null=True)

    class Meta:
        table_name = "larder_record_changes"
        indexes = ((("resource", "record_id", "number"), False), (("created_by",), False))


class KeptFields(BaseModel):
    """What the fields of a resource were while changes were kept: {name: {"readers": [[role]], "now": name or null}}.

    Of `readers`, a reader must have a role of each list; `now` is what the field is called today.
    """

    id = UuidColumn(primary_key=True, default=uuid7)
    resource = TextColumn(index=True)
    current = BooleanColumn()
    fields = JsonColumn()

    class Meta:
        table_name = "larder_kept_fields"
