"""Snapshots of a Postgres database, with pg_dump and pg_restore, which must be at least as new as the server."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.pq import Conninfo

from backend.config.reading import environment
from backend.models.database import connected, database
from backend.models.database.postgres import DEFINITIONS_LOCK
from backend.models.feed import new_epoch_sql
from backend.models.webhook import RESET_POSITIONS_SQL
from backend.services.backups.archives import Manifest, Taken
from backend.services.backups.file_lists import QUERY, TABLE, write_list
from backend.services.errors import Malformed, Unavailable

SCHEMA = "public"
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_type = 'BASE TABLE'"
# Without owners and privileges: their roles need not exist where the backup is restored.
DUMP = ["pg_dump", "--format=custom", "--compress=0", f"--schema={SCHEMA}", "--no-owner", "--no-privileges"]
SCRIPT = ["pg_restore", f"--schema={SCHEMA}", "--no-owner", "--no-privileges"]
PSQL = ["psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
MAX_ERROR_CHARACTERS = 1000  # of the error output of a program


def take(path: Path, files: Path) -> Taken:
    """Write a snapshot to `path`, and its list of files to `files`; return what was Taken."""
    with psycopg.connect(database.database) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        [(snapshot,)] = connection.execute("SELECT pg_export_snapshot()").fetchall()
        _run([*DUMP, f"--snapshot={snapshot}", f"--file={path}"])
        names = sorted(name for (name,) in connection.execute(TABLES, (SCHEMA,)))
        counts = {name: _count_rows(connection, name) for name in names}
        with connection.cursor("files") as rows:  # of the server, which sends a part at a time
            # An old database has no table of files.
            return Taken(counts, write_list(files, rows.execute(QUERY) if TABLE in names else ()))


def _count_rows(connection: psycopg.Connection, table: str) -> int:
    [(count,)] = connection.execute(f'SELECT count(*) FROM "{table}"').fetchall()
    return int(count)


def check(path: Path, manifest: Manifest) -> None:
    """Raise Malformed unless the whole dump can be read and has the tables of the manifest."""
    try:
        contents = _run(["pg_restore", "--list", str(path)])
        _run(["pg_restore", "--file=/dev/null", str(path)])
    except Unavailable as error:
        raise Malformed(f"The dump in the backup is damaged: {error.message}") from error
    tables = set(re.findall(rf"TABLE DATA {SCHEMA} (\w+) ", contents))
    if tables != set(manifest.counts):
        raise Malformed("The tables of the dump in the backup are not those of its manifest.")


def restore(path: Path, manifest: Manifest, generation: int, old_content: Path, files: Path) -> None:
    """Replace the content of the database with the snapshot; keep the old content in a schema named like `old_content`.

    Records can be written until the end, and these writes are kept with the old content. The end waits for writes that
    have begun: a write that has read its record in the old tables must not look for it in the new ones.
    """
    first, script, last = (path.with_name(name) for name in ("first.sql", "script.sql", "last.sql"))
    _write(first, f'ALTER SCHEMA {SCHEMA} RENAME TO "{old_content.name}"; CREATE SCHEMA {SCHEMA};')
    _run([*SCRIPT, f"--file={script}", str(path)])
    _write(last, _last_statements(manifest, generation, old_content.name))
    _run([*PSQL, f"--file={first}", f"--file={script}", f"--file={last}"])


@contextmanager
def old_tables(old_content: Path) -> Iterator[str]:
    """Yield the name of the schema with the old content."""
    with connected():
        yield old_content.name


def _last_statements(manifest: Manifest, generation: int, old_schema: str) -> str:
    """Return the SQL that ends a restore.

    It checks the row counts, raises counters to those of the old content, begins the feed of changes anew, ends all
    sessions, and makes every process read the definitions again.
    """
    old, new = f'"{old_schema}".larder_counters', f"{SCHEMA}.larder_counters"
    raise_counters = f"""
        UPDATE {new} AS counter SET next_number = greatest(counter.next_number, old.next_number)
        FROM {old} AS old WHERE old.id = counter.id;
    """
    new_epoch = "; ".join(new_epoch_sql()).replace(" larder_", f" {SCHEMA}.larder_")
    reset_positions = RESET_POSITIONS_SQL.replace(" larder_", f" {SCHEMA}.larder_")
    checks = [
        f"IF (SELECT count(*) FROM {SCHEMA}.\"{name}\") <> {rows} THEN RAISE 'not {rows} rows in {name}'; END IF;"
        for name, rows in manifest.counts.items()
    ]
    return f"""
        DO $$ BEGIN {" ".join(checks)} END $$;
        SELECT pg_advisory_xact_lock({DEFINITIONS_LOCK});
        DO $$ BEGIN
            IF to_regclass('{old}') IS NOT NULL AND to_regclass('{new}') IS NOT NULL THEN {raise_counters} END IF;
            IF to_regclass('{SCHEMA}.larder_feeds') IS NOT NULL THEN {new_epoch}; END IF;
            IF to_regclass('{SCHEMA}.larder_webhooks') IS NOT NULL THEN {reset_positions}; END IF;
        END $$;
        DELETE FROM {SCHEMA}.larder_sessions;
        UPDATE {SCHEMA}.larder_generation SET number = greatest(number, {generation}) + 1;
    """


def _write(path: Path, sql: str) -> None:
    try:
        path.write_text(sql)
    except OSError as error:
        raise Unavailable(f"The backup cannot be unpacked: {error.strerror or error}.") from error


def _run(command: Sequence[str]) -> str:
    """Run a Postgres program against the database, and return its output. Raises Unavailable if it fails."""
    # In the environment, because there is a password: every user of the machine can read the arguments of a program.
    options = {option.envvar: option.val for option in Conninfo.parse(database.database.encode())}
    access = {os.fsdecode(name): os.fsdecode(value) for name, value in options.items() if name and value}
    try:
        done = subprocess.run(command, env=environment(access), capture_output=True, text=True, errors="replace")
    except FileNotFoundError as error:
        raise Unavailable(f"{command[0]} is not installed; on Debian: apt-get install postgresql-client.") from error
    if done.returncode:
        raise Unavailable(f"{command[0]} failed: {done.stderr.strip()[-MAX_ERROR_CHARACTERS:]}")
    return done.stdout
