"""All servers by name."""

from contextlib import contextmanager

from benchmarks.comparison.floor import floor
from benchmarks.comparison.larder import larder


@contextmanager
def _larder_on_sqlite(folder):
    with larder(folder / "larder-sqlite", "Larder, SQLite") as server:
        yield server


SERVERS = {
    "wsgi": lambda folder: floor("wsgi", folder),
    "flask": lambda folder: floor("flask", folder),
    "larder-sqlite": _larder_on_sqlite,
}


def start(name, folder):
    """Return the context manager that starts the server of this name; its data is in the folder."""
    return SERVERS[name](folder)
