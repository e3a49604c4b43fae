"""Refusals in the audit trail are counted, not repeated."""

from peewee import SQL
from playhouse.migrate import SchemaMigrator

from backend.models.columns import DateTimeColumn, IntegerColumn, TextColumn
from backend.models.database import Dialect


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Add the columns; what is in the trail happened once."""
    times = IntegerColumn(default=1, constraints=[SQL("DEFAULT 1")])
    migrator.add_column("larder_audit", "times", times, allow_not_null=True).run()
    migrator.add_column("larder_audit", "last_at", DateTimeColumn(null=True)).run()
    migrator.add_column("larder_audit", "counted_as", TextColumn(null=True)).run()
    migrator.add_index("larder_audit", ("counted_as",), unique=True).run()
