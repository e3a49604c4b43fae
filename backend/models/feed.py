"""The feed of changes: which record was changed, when and by whom, in the order of commits."""

from datetime import datetime, timedelta

from peewee import SQL

from backend.models.base import BaseModel
from backend.models.columns import DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.models.database import database
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7

DELETED_AT_ONCE = 2_000  # changes in one transaction


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

    @classmethod
    def delete_older_than(cls, days: int) -> int:
        """Delete the changes of more than so many days ago; return how many. Cursors from before them expire."""
        cutoff, total = utcnow() - timedelta(days=days), 0
        while deleted := cls._delete_oldest(cutoff):
            total += deleted
        return total

    @classmethod
    def _delete_oldest(cls, cutoff: datetime) -> int:
        order = cls.transaction_id, cls.sequence
        with database.atomic():
            oldest = cls.select(*order, cls.created_at).order_by(*order).limit(DELETED_AT_ONCE)
            rows = database.execute(oldest).fetchall()
            positions = [row[:2] for row in rows if (cls.created_at.python_value(row[2]) or cutoff) < cutoff]
            if positions:
                cls.delete().where(cls.sequence.in_([sequence for _, sequence in positions])).execute()
                Feed.begin_after(*positions[-1])
            return len(positions)

    @classmethod
    def seconds_behind(cls) -> float:
        """Return the age of the oldest change that no reader sees yet, because an older transaction is open."""
        sql = f"SELECT min(created_at) FROM larder_changes WHERE NOT ({database.feed.is_settled})"
        ((oldest,),) = database.fetch_all(sql, ())
        since = cls.created_at.python_value(oldest)
        return (utcnow() - since).total_seconds() if isinstance(since, datetime) else 0.0

    @classmethod
    def about_how_many(cls) -> int:
        """Return how many changes there are, with those that were rolled back: counting them would take long."""
        ((first, last),) = database.fetch_all("SELECT min(sequence), max(sequence) FROM larder_changes", ())
        return 0 if first is None else int(last - first + 1)


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
    def begin_after(cls, transaction_id: int, sequence: int) -> None:
        """Let every feed begin after this position, unless it begins later."""
        is_earlier = (cls.transaction_id < transaction_id) | (
            (cls.transaction_id == transaction_id) & (cls.sequence < sequence)
        )
        cls.update(transaction_id=transaction_id, sequence=sequence).where(is_earlier).execute()


def new_epoch_sql() -> list[str]:
    """Return the statements that delete all changes and begin a new epoch, in a database whose records were replaced.

    Readers of the feed know other records, and on Postgres a server counts its own transactions.
    """
    return [
        "DELETE FROM larder_changes",
        f"UPDATE larder_feeds SET epoch = '{uuid7()}', transaction_id = 0, sequence = 0",
    ]
