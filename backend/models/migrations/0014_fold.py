"""The function that folds the case of a text, for indexes that ignore case."""

from playhouse.migrate import SchemaMigrator

from backend.models.database import Dialect


def up(migrator: SchemaMigrator, db: Dialect) -> None:
    """Create the function on Postgres; on SQLite each connection defines it."""
    db.create_fold()
