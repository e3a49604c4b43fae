"""A Postgres whose data is on disk, and whose commits are durable: with the defaults of Postgres."""

from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from tests.parts.postgres import running_postgres

# The tests' server keeps nothing; these are the defaults again.
SETTINGS = [
    *("fsync=on", "synchronous_commit=on", "full_page_writes=on", "max_wal_size=1GB"),
    *("shared_buffers=128MB", "wal_level=replica", "max_wal_senders=10"),
]


@dataclass
class DiskPostgres:
    """A server: its URL, its version and the id of its first process."""

    url: str
    version: str
    processes: list

    def analyze(self):
        """Let the server know its data, as it would itself after a while."""
        _execute(self.url, "VACUUM ANALYZE")


@contextmanager
def disk_postgres(folder):
    """Start a server and yield a DiskPostgres."""
    with running_postgres(SETTINGS, parent=folder) as server:
        version = _execute(server.url, "SHOW server_version").fetchone()[0]
        yield DiskPostgres(server.url, f"Postgres {version}", server.pids()[:1])


def _execute(url, statement):
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement)
