"""Answers kept for requests that are sent again."""

from peewee import CompositeKey, Model
from playhouse.migrate import SchemaMigrator

from backend.models.columns import DateTimeColumn, IntegerColumn, JsonColumn, TextColumn
from backend.models.database import Dialect


class KeptAnswer(Model):
    caller = TextColumn()
    key = TextColumn()
    request_hash = TextColumn()
    created_at = DateTimeColumn(index=True)
    status = IntegerColumn(null=True)
    headers = JsonColumn(null=True)
    body = TextColumn(null=True)

    class Meta:
        table_name = "larder_kept_answers"
        primary_key = CompositeKey("caller", "key")


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Create the table."""
    with db.bind_ctx([KeptAnswer], bind_refs=False, bind_backrefs=False):
        KeptAnswer._meta.strict_tables = db.strict_tables
        KeptAnswer.create_table(safe=False)
