"""Snapshots of an SQLite database: a copy of its file."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import cysqlite

from backend.models.database import connected, database
from backend.models.database.sqlite_arithmetic import open_connection
from backend.models.feed import new_epoch_sql
from backend.models.webhook import RESET_POSITIONS_SQL
from backend.services.backups.archives import Manifest, RowCounts, Taken
from backend.services.backups.file_lists import QUERY, TABLE, write_list
from backend.services.errors import Malformed, Unavailable
from backend.services.operation.migrations import upgrade_file

# Higher than both: a process may have built different definitions under the same number.
NEXT_GENERATION = "UPDATE larder_generation SET number = max(number, ?) + 1"

RAISE_COUNTER = "UPDATE larder_counters SET next_number = max(next_number, ?) WHERE id = ?"


def take(path: Path, files: Path) -> Taken:
    """Write a snapshot to `path`, and its list of files to `files`; return what was Taken."""
    with connected():
        database.execute_sql("VACUUM INTO ?", (str(path),))
    return _describe(path, files)


def _describe(path: Path, files: Path) -> Taken:
    with closing(open_connection(path)) as connection:
        counts = _count_rows(connection)
        # An old database has no table of files.
        totals = write_list(files, connection.execute(QUERY) if TABLE in counts else ())
    return Taken(counts, totals)


def check(path: Path, manifest: Manifest) -> None:
    """Raise Malformed unless the snapshot is an intact database with the rows of the manifest."""
    try:
        with closing(open_connection(path)) as connection:
            _require_intact(connection)
            counts = _count_rows(connection)
    except cysqlite.DatabaseError as error:
        raise Malformed("The file in the backup is not a database.") from error
    if counts != manifest.counts:
        raise Malformed("The row counts of the database in the backup are not those of its manifest.")


def _require_intact(connection: cysqlite.Connection) -> None:
    damage = connection.execute_scalar("PRAGMA integrity_check(1)")
    if damage != "ok":
        raise Malformed(f"The database in the backup is damaged: {damage}")
    if connection.execute_one("PRAGMA foreign_key_check"):
        raise Malformed("The database in the backup has records that refer to missing ones.")


def restore(path: Path, manifest: Manifest, generation: int, old_content: Path, files: Path) -> Taken:
    """Replace the content of the database with the snapshot; keep the old content as a file, and return what it has.

    The snapshot is migrated first. Writers wait until the restore has ended.
    """
    upgrade_file(path)
    with closing(open_connection(path)) as snapshot:
        snapshot.execute(NEXT_GENERATION, (generation,))
        for statement in ("DELETE FROM larder_sessions", *new_epoch_sql(), RESET_POSITIONS_SQL):
            snapshot.execute(statement)
        with connected():
            _replace_content(snapshot, old_content)
    return _describe(old_content, files)


@contextmanager
def old_tables(old_content: Path) -> Iterator[str]:
    """Attach the file with the old content during the block; yield the name that it has for statements."""
    with connected():
        database.execute_sql("ATTACH DATABASE ? AS old", (str(old_content),))
        try:
            yield "old"
        finally:
            database.execute_sql("DETACH DATABASE old")


def _replace_content(snapshot: cysqlite.Connection, old_content: Path) -> None:
    # The backup API of SQLite overwrites the content of the file. Other processes have it open, so it is not replaced.
    half_of_pages = snapshot.execute_scalar("PRAGMA page_count") // 2
    keep = partial(_keep_old_content, snapshot, source=database.database, old_content=old_content)
    try:
        snapshot.backup(database.connection(), pages=half_of_pages, progress=keep)
    except cysqlite.OperationalError as error:
        old_content.unlink(missing_ok=True)
        reason = f"another writer held the lock too long, or the disk is full ({error})"
        raise Unavailable(f"Nothing was restored: {reason}.") from error


def _keep_old_content(
    snapshot: cysqlite.Connection, remaining: int, total: int, is_done: bool, *, source: str, old_content: Path
) -> None:
    # The total is 0 until the first step that copies. That step takes the write lock, and the last step commits:
    # nobody writes between this copy and the new content.
    if total and not old_content.exists():
        with closing(open_connection(source)) as reader:
            reader.execute("VACUUM INTO ?", (str(old_content),))
            _keep_counters(reader, snapshot)


def _keep_counters(old: cysqlite.Connection, snapshot: cysqlite.Connection) -> None:
    """Raise the counters of the snapshot to those of the old content: no sequence may give a number twice.

    The copy of the snapshot that has begun gets the change, because the same connection makes it.
    """
    if old.execute_one("SELECT 1 FROM sqlite_master WHERE name = 'larder_counters'"):
        for counter_id, next_number in old.execute("SELECT id, next_number FROM larder_counters").fetchall():
            snapshot.execute(RAISE_COUNTER, (next_number, counter_id))


def _count_rows(connection: cysqlite.Connection) -> RowCounts:
    # The statement, not the function `pragma_table_list`: the file could contain a table of that name.
    listed = connection.execute("PRAGMA main.table_list").fetchall()
    names = sorted(
        name for _, name, entry_type, *_ in listed if entry_type == "table" and not name.startswith("sqlite_")
    )
    return {name: connection.execute_scalar(f"SELECT count(*) FROM main.{_quoted(name)}") for name in names}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
