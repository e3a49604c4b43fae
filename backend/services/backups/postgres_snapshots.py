"""Snapshots of a Postgres database, by pg_dump and pg_restore, which have to be as new as the server."""

import os
import re
import subprocess

import psycopg
from psycopg.pq import Conninfo

from backend.config.reading import environment
from backend.models.database import database
from backend.models.database.postgres import DEFINITIONS_LOCK
from backend.services.errors import Malformed, Unavailable

SCHEMA = "public"
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s AND table_type = 'BASE TABLE'"
# The owner need not exist where it is restored; nor need those who were granted something.
DUMP = ["pg_dump", "--format=custom", "--compress=0", f"--schema={SCHEMA}", "--no-owner", "--no-privileges"]
SCRIPT = ["pg_restore", f"--schema={SCHEMA}", "--no-owner", "--no-privileges"]
PSQL = ["psql", "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]


def take(path):
    """Write a snapshot to `path`; return {table: rows} of what is in it."""
    with psycopg.connect(database.database) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        (snapshot,) = connection.execute("SELECT pg_export_snapshot()").fetchone()
        _run([*DUMP, f"--snapshot={snapshot}", f"--file={path}"])
        names = sorted(name for (name,) in connection.execute(TABLES, (SCHEMA,)))
        return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def check(path, manifest):
    """Raise Malformed unless the snapshot is a dump that can be read to its end and has the tables of the manifest."""
    try:
        found = _run(["pg_restore", "--list", path])
        _run(["pg_restore", "--file=/dev/null", path])
    except Unavailable as error:
        raise Malformed(f"The dump in the backup is damaged: {error.message}") from error
    tables = set(re.findall(rf"TABLE DATA {SCHEMA} (\w+) ", found))
    if tables != set(manifest.counts):
        raise Malformed("The dump in the backup has other tables than its manifest says.")


def put_back(path, manifest, generation, aside):
    """Make the snapshot at `path` the content of the database, in one transaction; what was there moves aside.

    It stays in a schema with the name of the path `aside`, so nothing that is written meanwhile is lost. Sessions end,
    and the generation becomes one beyond `generation`. Writes of records go on until the end, where those under way are
    waited for: one that had read its record in the former tables would look for it in the new ones.
    """
    first, script, last = (path.with_name(name) for name in ("first.sql", "script.sql", "last.sql"))
    first.write_text(f'ALTER SCHEMA {SCHEMA} RENAME TO "{aside.name}"; CREATE SCHEMA {SCHEMA};')
    _run([*SCRIPT, f"--file={script}", path])
    last.write_text(_last_words(manifest, generation))
    _run([*PSQL, f"--file={first}", f"--file={script}", f"--file={last}"])


def _last_words(manifest, generation):
    """Return the SQL that counts the rows, ends the sessions, and has every process build anew."""
    counted = [
        f"IF (SELECT count(*) FROM {SCHEMA}.\"{name}\") <> {rows} THEN RAISE '{name} has not {rows} rows'; END IF;"
        for name, rows in manifest.counts.items()
    ]
    return f"""
        DO $$ BEGIN {" ".join(counted)} END $$;
        SELECT pg_advisory_xact_lock({DEFINITIONS_LOCK});
        DELETE FROM {SCHEMA}.larder_sessions;
        UPDATE {SCHEMA}.larder_generation SET number = greatest(number, {generation}) + 1;
    """


def _run(command):
    """Return what a program of Postgres writes when run on the database; raise Unavailable with its complaint."""
    # By the environment: everybody on the machine can read the arguments of a program, and there is a password.
    options = {option.envvar: option.val for option in Conninfo.parse(database.database.encode())}
    access = {os.fsdecode(name): os.fsdecode(value) for name, value in options.items() if name and value}
    try:
        done = subprocess.run(command, env=environment(access), capture_output=True, text=True, errors="replace")
    except FileNotFoundError as error:
        raise Unavailable(f"{command[0]} is not installed; on Debian: apt-get install postgresql-client.") from error
    if done.returncode:
        raise Unavailable(f"{command[0]} failed: {done.stderr.strip()[-1000:]}")
    return done.stdout
