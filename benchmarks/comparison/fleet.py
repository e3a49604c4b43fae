"""All servers by name."""

from contextlib import contextmanager

from benchmarks.comparison.floor import floor
from benchmarks.comparison.larder import larder
from benchmarks.comparison.postgres import disk_postgres
from benchmarks.peers.fastapi import fastapi
from benchmarks.peers.pocketbase import pocketbase
from benchmarks.peers.postgrest import postgrest


@contextmanager
def _larder_on_sqlite(folder):
    with larder(folder / "larder-sqlite", "Larder, SQLite") as server:
        yield server


@contextmanager
def _larder_on_postgres(folder):
    with (
        disk_postgres(folder) as postgres,
        larder(folder / "larder-postgres", "Larder, Postgres", database_url=postgres.url) as server,
    ):
        postgres.analyze()
        server.database = postgres.processes
        server.versions += f", {postgres.version}"
        yield server


OWN = {
    "wsgi": lambda folder: floor("wsgi", folder),
    "flask": lambda folder: floor("flask", folder),
    "larder-sqlite": _larder_on_sqlite,
    "larder-postgres": _larder_on_postgres,
}
PEERS = {"pocketbase": pocketbase, "postgrest": postgrest, "fastapi": fastapi}
SERVERS = OWN | PEERS
