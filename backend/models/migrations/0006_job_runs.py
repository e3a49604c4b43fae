"""How jobs ended."""

from peewee import Model
from playhouse.migrate import SchemaMigrator

from backend.models.columns import DateTimeColumn, FloatColumn, IntegerColumn, TextColumn
from backend.models.database import Dialect


class JobRun(Model):
    name = TextColumn(primary_key=True)
    ended_at = DateTimeColumn()
    seconds = FloatColumn()
    failure = TextColumn(null=True)
    runs = IntegerColumn()
    failures = IntegerColumn()

    class Meta:
        table_name = "larder_job_runs"


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Create the table."""
    with db.bind_ctx([JobRun], bind_refs=False, bind_backrefs=False):
        JobRun._meta.strict_tables = db.strict_tables
        JobRun.create_table(safe=False)
