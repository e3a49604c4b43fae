"""The feed of changes."""

from peewee import SQL, Model
from playhouse.migrate import SchemaMigrator

from backend.models.columns import DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.models.database import Dialect


class Feed(Model):
    resource = TextColumn(primary_key=True)
    epoch = UuidColumn()
    transaction_id = IntegerColumn()
    sequence = IntegerColumn()

    class Meta:
        table_name = "larder_feeds"


def _changes(db: Dialect) -> type[Model]:
    class FeedChange(Model):
        # Numbers are never given twice, also not those of deleted rows.
        sequence = IntegerColumn(primary_key=True, constraints=[SQL(db.feed.counted_key)])
        transaction_id = IntegerColumn(constraints=[SQL(f"DEFAULT {db.feed.transaction_id}")])
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

    return FeedChange


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Create the tables."""
    models: list[type[Model]] = [_changes(db), Feed]
    with db.bind_ctx(models, bind_refs=False, bind_backrefs=False):
        for model in models:
            model._meta.strict_tables = db.strict_tables
            model.create_table(safe=False)
