"""Snapshots: the content of a database as a file. SQLite and Postgres have a module each to take and restore them."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from backend.models.database import database
from backend.services.backups import postgres_snapshots, sqlite_snapshots
from backend.services.backups.archives import Manifest, Taken


class Snapshots(Protocol):
    """The functions of a snapshot module."""

    def take(self, path: Path, files: Path) -> Taken:
        """Write a snapshot to `path` while others write, and its list of files to `files`; return what was Taken."""

    def check(self, path: Path, manifest: Manifest) -> None:
        """Raise Malformed unless the snapshot is intact and matches its manifest."""

    def restore(self, path: Path, manifest: Manifest, generation: int, old_content: Path, files: Path) -> Taken | None:
        """Replace the content of the database with a checked snapshot, in one transaction.

        All sessions end. The new generation is higher than `generation` and the snapshot's own, so that every process
        reads the definitions again. The old content is kept: either as a file at `old_content`, with its list of
        files at `files`, and what was Taken is returned; or as a schema of that name, and None is returned. Raises
        Unavailable if the restore fails. Nothing has changed then.
        """

    def old_tables(self, old_content: Path) -> AbstractContextManager[str]:
        """Let statements of this thread read the tables of the old content; yield the schema that they are in."""


MODULES: dict[str, Snapshots] = {"sqlite": sqlite_snapshots, "postgres": postgres_snapshots}


def snapshots_of(database_name: str) -> Snapshots:
    """Return the snapshot module of a database system, `sqlite` or `postgres`."""
    return MODULES[database_name]


def own_snapshots() -> Snapshots:
    """Return the snapshot module of the database in use."""
    return MODULES[database.name]
