"""Service accounts, which have no e-mail address and no password, and API keys with permissions."""

from peewee import SQL
from playhouse.migrate import SchemaMigrator

from backend.models.columns import JsonColumn, TextColumn
from backend.models.database import Dialect


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Add the columns; all accounts that exist are people."""
    kind = TextColumn(default="person", constraints=[SQL("DEFAULT 'person'")])
    migrator.add_column("larder_users", "kind", kind, allow_not_null=True).run()
    for column in ("email", "password_hash"):  # both databases have this statement, SQLite since 3.53
        db.execute_sql(f"ALTER TABLE larder_users ALTER COLUMN {column} DROP NOT NULL")
    permissions = JsonColumn(default=list, constraints=[SQL("DEFAULT '[]'")])
    migrator.add_column("larder_api_keys", "permissions", permissions, allow_not_null=True).run()
    migrator.add_column("larder_audit", "actor_name", TextColumn(null=True)).run()
