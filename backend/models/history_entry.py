"""The history of records, and the fields they had at the time."""

from peewee import SQL

from backend.models.base import BaseModel
from backend.models.columns import BooleanColumn, DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7


class HistoryEntry(BaseModel):
    """One change of a record: `changes` is {field: [value before, value after]}, `version` the version after it.

    `number` orders the entries of a record, since clocks may run back. `fields_id` is the KeptFields of that time.
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
    """The fields of a resource while history was written: {name: {"readers": [[role]], "now": name or null}}.

    A reader must have a role of each list in `readers`; `now` is the present name of the field. A list of references
    also has `to`: the present name of the resource it referred to, or null.
    """

    id = UuidColumn(primary_key=True, default=uuid7)
    resource = TextColumn(index=True)
    current = BooleanColumn()
    fields = JsonColumn()

    class Meta:
        table_name = "larder_kept_fields"
