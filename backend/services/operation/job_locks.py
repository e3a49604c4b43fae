"""Locks of jobs: whether a job runs, in this or another process of the machine."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.services.errors import Conflict, Unavailable


class JobLocks:
    """A file per job in a folder. The system unlocks it when its process ends, however that happens."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def running(self, name: str) -> Iterator[None]:
        """Mark the job as running until the end of the block. Several processes may run it at the same time."""
        with self._locked(name, fcntl.LOCK_SH):
            yield

    @contextmanager
    def idle(self, name: str) -> Iterator[None]:
        """Let no process begin to run the job until the end of the block. Raises Conflict if one runs it."""
        try:
            with self._locked(name, fcntl.LOCK_EX | fcntl.LOCK_NB):
                yield
        except BlockingIOError as error:
            raise Conflict("The job runs already.") from error
        except OSError as error:
            raise Unavailable(f"The job cannot be run: {error.strerror or error}.") from error

    @contextmanager
    def _locked(self, name: str, operation: int) -> Iterator[None]:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with (self._folder / f"{name}.lock").open("w") as file:
            fcntl.flock(file, operation)
            yield
