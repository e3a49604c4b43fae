"""All servers by name."""

from contextlib import contextmanager

from benchmarks.comparison.floor import floor
from benchmarks.comparison.larder import larder
from benchmarks.comparison.postgres import disk_postgres
from benchmarks.peers.fastapi import fastapi
from benchmarks.peers.pocketbase import pocketbase
from benchmarks.peers.postgrest import postgrest


@contextmanager
def _larder_on_sqlite(folder, **settings):
    with larder(folder, _title("SQLite", settings), **settings) as server:
        yield server


def _title(database, settings):
    return ", ".join([f"Larder, {database}", *(f"{name}={value}" for name, value in settings.items())])


@contextmanager
def _larder_on_postgres(folder, **settings):
    with (
        disk_postgres(folder.parent) as postgres,
        larder(folder, _title("Postgres", settings), database_url=postgres.url, **settings) as server,
    ):
        postgres.analyze()
        server.database = postgres.processes
        server.versions += f", {postgres.version}"
        yield server


LARDER = {"larder-sqlite": _larder_on_sqlite, "larder-postgres": _larder_on_postgres}
FLOOR = {"wsgi": lambda folder: floor("wsgi", folder), "flask": lambda folder: floor("flask", folder)}
PEERS = {"pocketbase": pocketbase, "postgrest": postgrest, "fastapi": fastapi}
SERVERS = FLOOR | LARDER | PEERS


def start(name, folder):
    """Return the context manager that starts a server with its data below the folder.

    The name of a Larder may have settings, such as `larder-sqlite:threads=4`.
    """
    kind, *words = name.split(":")
    if kind in LARDER:
        return LARDER[kind](folder / name.replace(":", "-"), **dict(word.split("=", 1) for word in words))
    return SERVERS[kind](folder)
