"""What became of each mail."""

from peewee import SQL, Model
from playhouse.migrate import SchemaMigrator

from backend.models.columns import DateTimeColumn, IntegerColumn, TextColumn, UuidColumn
from backend.models.database import Dialect

COPY = """
    INSERT INTO larder_mails (id, created_at, kind, email, state, attempts, next_attempt_at)
    SELECT id, created_at, kind, email, 'waiting', attempts, due_at FROM larder_outbox
"""


class Mail(Model):
    id = UuidColumn(primary_key=True)
    created_at = DateTimeColumn(index=True)
    kind = TextColumn()
    email = TextColumn(index=True)
    user_id = UuidColumn(null=True, index=True, constraints=[SQL("REFERENCES larder_users (id) ON DELETE CASCADE")])
    state = TextColumn()
    attempts = IntegerColumn()
    next_attempt_at = DateTimeColumn(null=True)
    ended_at = DateTimeColumn(null=True)
    error = TextColumn(null=True)

    class Meta:
        table_name = "larder_mails"


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Create the table, with the mails that wait."""
    with db.bind_ctx([Mail], bind_refs=False, bind_backrefs=False):
        Mail._meta.strict_tables = db.strict_tables
        Mail.create_table(safe=False)
    db.execute_sql(COPY)
