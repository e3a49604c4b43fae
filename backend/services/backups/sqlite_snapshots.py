"""Snapshots of an SQLite database: a file of their own, made while others write, and put back while others work."""

from contextlib import closing
from functools import partial

import cysqlite

from backend.models.database import connected, database
from backend.services.errors import Malformed, Unavailable

# The definitions of the restored database may differ from those of the same generation that a process has built.
BEYOND_BOTH = "UPDATE larder_generation SET number = max(number, ?) + 1"


def take(path):
    """Write a snapshot to `path`; return {table: rows} of what is in it."""
    with connected():
        database.execute_sql("VACUUM INTO ?", (str(path),))
    return count_rows(path)


def count_rows(path):
    """Return {table: rows} of a file."""
    with closing(cysqlite.connect(str(path))) as connection:
        return _count(connection)


def _count(connection):
    # As a statement: a table of the file could take the place of the function `pragma_table_list`.
    listed = connection.execute("PRAGMA main.table_list").fetchall()
    names = sorted(name for _, name, kind, *_ in listed if kind == "table" and not name.startswith("sqlite_"))
    return {name: connection.execute(f"SELECT count(*) FROM main.{_quoted(name)}").fetchone()[0] for name in names}


def _quoted(name):
    return '"' + name.replace('"', '""') + '"'


def check(path, manifest):
    """Raise Malformed unless the snapshot is a sound database with the rows of the manifest."""
    try:
        with closing(cysqlite.connect(str(path))) as connection:
            connection.execute("PRAGMA trusted_schema = off")
            found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if found != "ok":
                raise Malformed(f"The database in the backup is damaged: {found}")
            if connection.execute("PRAGMA foreign_key_check").fetchone():
                raise Malformed("The database in the backup has records that refer to missing ones.")
            if _count(connection) != manifest.counts:
                raise Malformed("The database in the backup has other rows than its manifest says.")
    except cysqlite.DatabaseError as error:
        raise Malformed("The file in the backup is no database.") from error


def put_back(path, manifest, generation, aside):
    """Make the snapshot at `path` the content of the database, in one transaction; keep what was there at `aside`.

    Whoever writes meanwhile waits. The snapshot was checked and has the shape of this version; sessions in it end,
    and it gets a generation beyond `generation`. Raises Unavailable while somebody else holds the lock to write.
    """
    with closing(cysqlite.connect(str(path))) as snapshot:
        snapshot.execute(BEYOND_BOTH, (generation,))
        snapshot.execute("DELETE FROM larder_sessions")
        with connected():
            # By SQLite's backup, not by another file in its place: other processes have this one open.
            keep_aside = partial(_keep_aside, source=database.database, aside=aside)
            half = snapshot.execute("PRAGMA page_count").fetchone()[0] // 2
            try:
                snapshot.backup(database.connection(), pages=half, progress=keep_aside)
            except cysqlite.OperationalError as error:
                aside.unlink(missing_ok=True)
                told = f"The database is as it was: somebody writes for long, or its disk is full ({error})."
                raise Unavailable(told) from error


def _keep_aside(remaining, total, is_done, *, source, aside):
    # The first step that copies (until then the total is 0) has taken the lock to write, and the last one commits: this
    # is the last that anybody wrote.
    if total and not aside.exists():
        with closing(cysqlite.connect(source)) as reader:
            reader.execute("VACUUM INTO ?", (str(aside),))
