"""Uploaded files."""

from peewee import SQL, Model
from playhouse.migrate import SchemaMigrator

from backend.models.columns import DateTimeColumn, IntegerColumn, TextColumn, UuidColumn
from backend.models.database import Dialect


class File(Model):
    id = UuidColumn(primary_key=True)
    created_at = DateTimeColumn()
    name = TextColumn()
    type = TextColumn()
    bytes = IntegerColumn()
    sha256 = TextColumn()
    uploaded_by = UuidColumn(null=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE SET NULL")])
    resource = TextColumn(null=True)
    record_id = UuidColumn(null=True)
    field = TextColumn(null=True)
    removed_at = DateTimeColumn(null=True, index=True)

    class Meta:
        table_name = "larder_files"
        indexes = ((("resource", "record_id", "field"), False), (("uploaded_by", "resource"), False))


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Create the table."""
    with db.bind_ctx([File], bind_refs=False, bind_backrefs=False):
        File._meta.strict_tables = db.strict_tables
        File.create_table(safe=False)
