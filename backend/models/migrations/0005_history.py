"""The history of records."""

from peewee import SQL, Model
from playhouse.migrate import SchemaMigrator

from backend.models.columns import DateTimeColumn, IntegerColumn, JsonColumn, TextColumn, UuidColumn
from backend.models.database import Dialect


class RecordChange(Model):
    id = UuidColumn(primary_key=True)
    resource = TextColumn()
    record_id = UuidColumn()
    version = IntegerColumn()
    action = TextColumn()
    changes = JsonColumn()
    created_at = DateTimeColumn()
    created_by = UuidColumn(null=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE SET NULL")])

    class Meta:
        table_name = "larder_record_changes"
        indexes = ((("resource", "record_id", "id"), False), (("created_by",), False))


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Create the table."""
    with db.bind_ctx([RecordChange], bind_refs=False, bind_backrefs=False):
        RecordChange._meta.strict_tables = db.strict_tables
        RecordChange.create_table(safe=False)
