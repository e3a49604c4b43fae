"""Snapshots of an SQLite database: a file of their own."""

from contextlib import closing
from functools import partial
from pathlib import Path

import cysqlite

from backend.models.database import connected, database
from backend.services.backups.archives import Counts, Manifest
from backend.services.errors import Malformed, Unavailable
from backend.services.operation.migrations import upgrade_file

# The definitions of the restored database may differ from those of the same generation that a process has built.
BEYOND_BOTH = "UPDATE larder_generation SET number = max(number, ?) + 1"


def take(path: Path) -> Counts:
    """Write a snapshot to `path`; return the number of its rows, by table."""
    with connected():
        database.execute_sql("VACUUM INTO ?", (str(path),))
    return _count_rows_of(path)


def check(path: Path, manifest: Manifest) -> None:
    """Raise Malformed unless the snapshot is an intact database with the rows of the manifest."""
    try:
        with closing(cysqlite.connect(str(path))) as connection:
            connection.execute("PRAGMA trusted_schema = off")
            _require_intact(connection)
            counts = _count_rows(connection)
    except cysqlite.DatabaseError as error:
        raise Malformed("The file in the backup is not a database.") from error
    if counts != manifest.counts:
        raise Malformed("The database in the backup has different rows than its manifest says.")


def _require_intact(connection: cysqlite.Connection) -> None:
    damage = connection.execute_scalar("PRAGMA integrity_check(1)")
    if damage != "ok":
        raise Malformed(f"The database in the backup is damaged: {damage}")
    if connection.execute_one("PRAGMA foreign_key_check"):
        raise Malformed("The database in the backup has records that refer to missing ones.")


def restore(path: Path, manifest: Manifest, generation: int, aside: Path) -> Counts:
    """Make the snapshot the content of the database and keep what was there as a file; return the rows of that.

    The snapshot is migrated first. Other connections that write wait meanwhile.
    """
    upgrade_file(path)
    with closing(cysqlite.connect(str(path))) as snapshot:
        snapshot.execute(BEYOND_BOTH, (generation,))
        snapshot.execute("DELETE FROM larder_sessions")
        with connected():
            _replace_content(snapshot, aside)
    return _count_rows_of(aside)


def _replace_content(snapshot: cysqlite.Connection, aside: Path) -> None:
    # By SQLite's backup, not by another file in its place: other processes have this one open.
    half = snapshot.execute_scalar("PRAGMA page_count") // 2
    keep_aside = partial(_keep_aside, source=database.database, aside=aside)
    try:
        snapshot.backup(database.connection(), pages=half, progress=keep_aside)
    except cysqlite.OperationalError as error:
        aside.unlink(missing_ok=True)
        reason = f"another writer held the lock too long, or the disk is full ({error})"
        raise Unavailable(f"Nothing was restored: {reason}.") from error


def _keep_aside(remaining: int, total: int, is_done: bool, *, source: str, aside: Path) -> None:
    # The first step that copies (until then the total is 0) has taken the lock to write, and the last one commits: this
    # is the last that anybody wrote.
    if total and not aside.exists():
        with closing(cysqlite.connect(source)) as reader:
            reader.execute("VACUUM INTO ?", (str(aside),))


def _count_rows_of(path: Path) -> Counts:
    with closing(cysqlite.connect(str(path))) as connection:
        return _count_rows(connection)


def _count_rows(connection: cysqlite.Connection) -> Counts:
    # As a statement: a table of the file could take the place of the function `pragma_table_list`.
    listed = connection.execute("PRAGMA main.table_list").fetchall()
    names = sorted(name for _, name, kind, *_ in listed if kind == "table" and not name.startswith("sqlite_"))
    return {name: connection.execute_scalar(f"SELECT count(*) FROM main.{_quoted(name)}") for name in names}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
