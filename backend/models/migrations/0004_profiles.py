"""Profiles of accounts, and the settings of the accounts that say what is in them."""

from peewee import SQL, Model
from playhouse.migrate import SchemaMigrator

from backend.models.columns import IntegerColumn, JsonColumn
from backend.models.database import Dialect


class UserSettings(Model):
    id = IntegerColumn(primary_key=True)
    fields = JsonColumn()

    class Meta:
        table_name = "larder_user_settings"


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Create the table with its one row, and the column."""
    profile = JsonColumn(default=dict, constraints=[SQL("DEFAULT '{}'")])
    migrator.add_column("larder_users", "profile", profile, allow_not_null=True).run()
    with db.bind_ctx([UserSettings], bind_refs=False, bind_backrefs=False):
        UserSettings._meta.strict_tables = db.strict_tables
        UserSettings.create_table(safe=False)
        UserSettings.create(id=1, fields={})
