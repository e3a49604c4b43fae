"""The functions that indexes contain: one folds the case of a text, one reads the values of a list."""

from playhouse.migrate import SchemaMigrator

from backend.models.database import Dialect


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Create the functions on Postgres; on SQLite each connection defines them."""
    db.create_functions()
