"""The feed of changes: which record was changed, when and by whom, in the order of commits."""

from peewee import SQL

from backend.models.base import BaseModel
from backend.models.columns import DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.utils.ids import uuid7


class FeedChange(BaseModel):
    """A change of a record: `fields` are the names of the fields that an update wrote, `version` the one after it.

    Rows are read in the order of `transaction_id` and `sequence`. On Postgres a sequence alone is not in the order of
    commits: see docs/decisions/064. On SQLite, where writers take turns, `transaction_id` is always 0.
    """

    sequence = IntegerColumn(primary_key=True)
    transaction_id = IntegerColumn()
    resource = TextColumn()
    record_id = UuidColumn()
    action = TextColumn()
    version = IntegerColumn()
    fields = JsonColumn()
    created_at = DateTimeColumn()
    created_by = UuidColumn(null=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE SET NULL")])

    class Meta:
        table_name = "larder_changes"
        indexes = ((("transaction_id", "sequence"), False), (("created_by",), False))


class Feed(BaseModel):
    """The feed of a resource. Its rows up to this position do not belong to it, or have been deleted.

    Positions are comparable only within an epoch: a restored backup begins a new one.
    """

    resource = TextColumn(primary_key=True)
    epoch = UuidColumn(default=uuid7)
    transaction_id = IntegerColumn()
    sequence = IntegerColumn()

    class Meta:
        table_name = "larder_feeds"

    @classmethod
    def begin_anew(cls) -> None:
        """Delete all changes, and begin a new epoch: the records are not those that readers of the feed know."""
        FeedChange.delete().execute()
        cls.update(epoch=uuid7(), transaction_id=0, sequence=0).execute()
