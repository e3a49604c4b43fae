"""Snapshots of a Postgres database, by pg_dump and pg_restore, which must be at least as new as the server."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg.pq import Conninfo

from backend.config.reading import environment
from backend.models.database import database
from backend.models.database.postgres import DEFINITIONS_LOCK
from backend.services.backups.archives import Counts, Manifest
from backend.services.errors import Malformed, Unavailable

SCHEMA = "public"
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_type = 'BASE TABLE'"
# The owner need not exist where it is restored, nor need those who were granted something.
DUMP = ["pg_dump", "--format=custom", "--compress=0", f"--schema={SCHEMA}", "--no-owner", "--no-privileges"]
SCRIPT = ["pg_restore", f"--schema={SCHEMA}", "--no-owner", "--no-privileges"]
PSQL = ["psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
MAX_COMPLAINT = 1000  # characters of what a program writes about its failure


def take(path: Path) -> Counts:
    """Write a snapshot to `path`; return the number of its rows, by table."""
    with psycopg.connect(database.database) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        [(snapshot,)] = connection.execute("SELECT pg_export_snapshot()").fetchall()
        _run([*DUMP, f"--snapshot={snapshot}", f"--file={path}"])
        names = sorted(name for (name,) in connection.execute(TABLES, (SCHEMA,)))
        return {name: _count_rows(connection, name) for name in names}


def _count_rows(connection: psycopg.Connection, table: str) -> int:
    [(count,)] = connection.execute(f'SELECT count(*) FROM "{table}"').fetchall()
    return int(count)


def check(path: Path, manifest: Manifest) -> None:
    """Raise Malformed unless the snapshot is a dump that can be read to its end and has the tables of the manifest."""
    try:
        contents = _run(["pg_restore", "--list", str(path)])
        _run(["pg_restore", "--file=/dev/null", str(path)])
    except Unavailable as error:
        raise Malformed(f"The dump in the backup is damaged: {error.message}") from error
    tables = set(re.findall(rf"TABLE DATA {SCHEMA} (\w+) ", contents))
    if tables != set(manifest.counts):
        raise Malformed("The dump in the backup has different tables than its manifest says.")


def restore(path: Path, manifest: Manifest, generation: int, aside: Path) -> None:
    """Make the snapshot the content of the database, and keep what was there in a schema with the name of `aside`.

    Nothing that is written meanwhile is lost. Records can be written until the end, which waits for the writes that
    have begun: one that had read its record in the former tables would look for it in the new ones.
    """
    first, script, last = (path.with_name(name) for name in ("first.sql", "script.sql", "last.sql"))
    _write(first, f'ALTER SCHEMA {SCHEMA} RENAME TO "{aside.name}"; CREATE SCHEMA {SCHEMA};')
    _run([*SCRIPT, f"--file={script}", str(path)])
    _write(last, _last_statements(manifest, generation))
    _run([*PSQL, f"--file={first}", f"--file={script}", f"--file={last}"])


def _last_statements(manifest: Manifest, generation: int) -> str:
    """Return the SQL that checks the number of rows, ends the sessions, and has every process read the definitions."""
    checks = [
        f"IF (SELECT count(*) FROM {SCHEMA}.\"{name}\") <> {rows} THEN RAISE '{name} has not {rows} rows'; END IF;"
        for name, rows in manifest.counts.items()
    ]
    return f"""
        DO $$ BEGIN {" ".join(checks)} END $$;
        SELECT pg_advisory_xact_lock({DEFINITIONS_LOCK});
        DELETE FROM {SCHEMA}.larder_sessions;
        UPDATE {SCHEMA}.larder_generation SET number = greatest(number, {generation}) + 1;
    """


def _write(path: Path, sql: str) -> None:
    try:
        path.write_text(sql)
    except OSError as error:
        raise Unavailable(f"The backup cannot be unpacked: {error.strerror or error}.") from error


def _run(command: Sequence[str]) -> str:
    """Return what a program of Postgres prints when run on the database; raise Unavailable if it fails."""
    # By the environment: everybody on the machine can read the arguments of a program, and there is a password.
    options = {option.envvar: option.val for option in Conninfo.parse(database.database.encode())}
    access = {os.fsdecode(name): os.fsdecode(value) for name, value in options.items() if name and value}
    try:
        done = subprocess.run(command, env=environment(access), capture_output=True, text=True, errors="replace")
    except FileNotFoundError as error:
        raise Unavailable(f"{command[0]} is not installed; on Debian: apt-get install postgresql-client.") from error
    if done.returncode:
        raise Unavailable(f"{command[0]} failed: {done.stderr.strip()[-MAX_COMPLAINT:]}")
    return done.stdout
