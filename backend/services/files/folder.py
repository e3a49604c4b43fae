"""A folder of files, written so that a file is complete or absent after a crash."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from backend.services.files.stored import CHUNK_BYTES, StoredFile, file_id_of, path_of

PART = ".part"  # the suffix of a file that is being written
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


class FolderStorage:
    """Files in a folder of this machine, which is created with the first file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, file_id: str) -> Path:
        """Return the path of a file."""
        return self._folder / path_of(file_id)

    def save(self, file_id: str, content: IO[bytes]) -> None:
        """Write the rest of `content`, and return when the disk has it. Raises OSError, and then leaves nothing."""
        path = self.path(file_id)
        part = path.with_name(f"{path.name}{PART}")
        _make_folder(path.parent)
        try:
            _write(part, content)
            part.rename(path)
            _sync_folder(path.parent)
        except OSError:
            self.delete([file_id])
            raise

    def link(self, file_id: str, path: Path) -> None:
        """Store a file of the same disk without copying its bytes. Raises OSError if that is not possible."""
        target = self.path(file_id)
        _make_folder(target.parent)
        os.link(path, target)
        _sync_folder(target.parent)

    def open_file(self, file_id: str) -> IO[bytes]:
        """Return the open file. Raises FileNotFoundError."""
        return self.path(file_id).open("rb")

    def has(self, file_id: str) -> bool:
        """Return whether the file is stored."""
        return self.path(file_id).is_file()

    def delete(self, ids: Iterable[str]) -> None:
        """Delete files, and what is left of unfinished ones. Those that do not exist are ignored."""
        for file_id in ids:
            path = self.path(file_id)
            path.unlink(missing_ok=True)
            path.with_name(f"{path.name}{PART}").unlink(missing_ok=True)

    def stored(self) -> Iterator[StoredFile]:
        """Yield each file, also unfinished ones."""
        for outer in _folders(self._folder):
            for inner in _folders(outer):
                yield from _files(inner, f"{outer.name}/{inner.name}")


def _make_folder(folder: Path) -> None:
    """Create a folder and its parents; the disk has them when this returns."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(PRIVATE_FOLDER, exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, content: IO[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        while data := content.read(CHUNK_BYTES):
            file.write(data)
        file.flush()
        os.fsync(descriptor)


def _folders(folder: Path | os.DirEntry[str]) -> list[os.DirEntry[str]]:
    """Return the folders in a folder that have two characters, sorted; nothing if there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (each for each in entries if len(each.name) == 2 and each.is_dir()), key=lambda each: each.name
            )
    except FileNotFoundError:
        return []


def _files(folder: os.DirEntry[str], place: str) -> Iterator[StoredFile]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if file_id := file_id_of(f"{place}/{entry.name.removesuffix(PART)}"):
                with suppress(FileNotFoundError):  # deleted meanwhile
                    state = entry.stat()
                    yield StoredFile(file_id, state.st_size, datetime.fromtimestamp(state.st_mtime, UTC))
