"""Which roles see users in the directory, and which fields of them."""

from peewee import SQL
from playhouse.migrate import SchemaMigrator

from backend.models.columns import JsonColumn
from backend.models.database import Dialect

DIRECTORY = {"roles": ["member"], "fields": ["name"]}


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Add the column: members see the names of users."""
    default = SQL("""DEFAULT '{"roles": ["member"], "fields": ["name"]}'""")
    directory = JsonColumn(default=DIRECTORY, constraints=[default])
    migrator.add_column("larder_user_settings", "directory", directory, allow_not_null=True).run()
