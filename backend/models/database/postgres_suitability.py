"""The requirements on a Postgres database, and messages that say how to meet them."""

from typing import Any

from backend.models.database.failures import UnsuitableDatabase

ENCODING = "UTF8"
RESTORED_ASIDE = "before_restore_%"  # schemas that a restore has moved away
QUERY = """
SELECT current_user,
    to_regnamespace('public') IS NOT NULL,
    has_schema_privilege(to_regnamespace('public'), 'CREATE')
        AND has_schema_privilege(to_regnamespace('public'), 'USAGE'),
    current_setting('session_replication_role'),
    (SELECT min(schemaname) FROM pg_tables WHERE tablename = 'larder_migrations' AND schemaname NOT LIKE %s),
    to_regclass('public.larder_migrations') IS NOT NULL
"""


def require_encoding(connection: Any) -> None:
    """Raise UnsuitableDatabase unless the database can store every text."""
    encoding = connection.pgconn.parameter_status(b"server_encoding").decode()
    if encoding != ENCODING:
        raise UnsuitableDatabase(
            f"The database has the encoding {encoding}, and Larder needs {ENCODING}. Create a database with "
            f"CREATE DATABASE larder ENCODING '{ENCODING}' TEMPLATE template0; and name it in LARDER_DATABASE_URL."
        )


def require_suitable(connection: Any) -> None:
    """Raise UnsuitableDatabase, with the command to run, if tables cannot be created or references are not checked."""
    role, has_schema, may_create, replication, elsewhere, is_here = connection.execute(
        QUERY, (RESTORED_ASIDE,)
    ).fetchone()
    if not has_schema:
        raise UnsuitableDatabase(
            f'The database has no schema public. Run: CREATE SCHEMA public AUTHORIZATION "{role}";'
        )
    if not may_create:
        raise UnsuitableDatabase(
            f"The role {role} may not create tables in the schema public. Run as the owner of the database: "
            f'GRANT CREATE, USAGE ON SCHEMA public TO "{role}";'
        )
    if replication != "origin":
        raise UnsuitableDatabase(
            f"session_replication_role is {replication}, so no reference would be checked. "
            f'Run: ALTER ROLE "{role}" RESET session_replication_role; and the same with ALTER DATABASE.'
        )
    if elsewhere and not is_here:
        raise UnsuitableDatabase(
            f"The tables are in the schema {elsewhere}, and Larder uses the schema public. If public is empty, run: "
            f'DROP SCHEMA public; ALTER SCHEMA "{elsewhere}" RENAME TO public;'
        )
