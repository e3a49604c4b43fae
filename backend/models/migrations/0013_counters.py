"""The next numbers of sequences."""

from peewee import Model
from playhouse.migrate import SchemaMigrator

from backend.models.columns import IntegerColumn, TextColumn, UuidColumn
from backend.models.database import Dialect


class Counter(Model):
    id = UuidColumn(primary_key=True)
    resource = TextColumn()
    field = TextColumn()
    next_number = IntegerColumn()

    class Meta:
        table_name = "larder_counters"


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Create the table."""
    with db.bind_ctx([Counter], bind_refs=False, bind_backrefs=False):
        Counter._meta.strict_tables = db.strict_tables
        Counter.create_table(safe=False)
