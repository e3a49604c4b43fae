"""Snapshots: the content of a database as a file, which each kind of database takes and restores in its own way."""

from pathlib import Path
from typing import Protocol

from backend.models.database import database
from backend.services.backups import postgres_snapshots, sqlite_snapshots
from backend.services.backups.archives import Counts, Manifest


class Snapshots(Protocol):
    """What a module of snapshots can do."""

    def take(self, path: Path) -> Counts:
        """Write a snapshot to `path` while others write; return the number of its rows, by table."""

    def check(self, path: Path, manifest: Manifest) -> None:
        """Raise Malformed unless the snapshot is intact and has what its manifest says."""

    def restore(self, path: Path, manifest: Manifest, generation: int, aside: Path) -> Counts | None:
        """Make a checked snapshot the content of the database, in one transaction.

        The sessions in it end, and its generation becomes one beyond `generation` and its own, so that every process
        reads the definitions again. The replaced content is kept: as a file at `aside`, whose rows are returned by
        table, or else as a schema with its name. Raises Unavailable if that is not possible now; then nothing has
        changed.
        """


KINDS: dict[str, Snapshots] = {"sqlite": sqlite_snapshots, "postgres": postgres_snapshots}


def snapshots_of(kind: str) -> Snapshots:
    """Return the snapshots of a kind of database, `sqlite` or `postgres`."""
    return KINDS[kind]


def own_snapshots() -> Snapshots:
    """Return the snapshots of the database in use."""
    return KINDS[database.name]
