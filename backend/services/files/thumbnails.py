"""Thumbnails of uploaded pictures: drawn when they are first asked for, then kept in the folder `thumbnails`.

The folder is a cache: it may be deleted at any time, and is not backed up.
"""

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Protocol

from backend.services.errors import Invalid, Unavailable
from backend.services.files.support import NEEDS_PILLOW
from backend.utils.problems import Problem

TYPE = "image/webp"
FREE_THREADS = 2  # of a process: never wait for a thumbnail
WAIT_SECONDS = 20  # for thumbnails that others have asked for
FAILURE = "failure.txt"
BUSY = "Too many thumbnails are being drawn; try again shortly."


class ThumbnailSettings(Protocol):
    """The settings that Thumbnails depend on."""

    @property
    def data_dir(self) -> Path:
        """The folder that has the folder of the thumbnails."""

    @property
    def threads(self) -> int:
        """The number of threads of the server."""


class Thumbnails:
    """The thumbnails of this process. It draws one at a time, because a large picture takes much memory."""

    def open(self, settings: ThumbnailSettings) -> None:
        """Take the folder and the number of threads from the settings."""
        self._folder = settings.data_dir / "thumbnails"
        self._waiting = threading.BoundedSemaphore(max(1, settings.threads - FREE_THREADS))
        self._drawing = threading.BoundedSemaphore()

    def open_thumbnail(
        self, file_id: str, media_type: str, size: str, open_picture: Callable[[], IO[bytes]]
    ) -> IO[bytes]:
        """Return the thumbnail of a file, in a `size` such as `200x200`, as WebP; draw it if there is none yet.

        Raises Invalid if none can be drawn of this file, and Unavailable if too many are being drawn, if the disk is
        full or if Pillow is not installed.
        """
        folder = self._folder_of(file_id)
        kept = folder / f"{size}.webp"
        if not kept.exists():
            with self._one_at_a_time():
                _raise_if_failed(folder)
                if not kept.exists():  # another thread may have drawn it meanwhile
                    _store(kept, _draw(folder, media_type, size, open_picture))
        return kept.open("rb")

    def delete(self, file_ids: Iterable[str]) -> None:
        """Delete all thumbnails of these files."""
        for file_id in file_ids:
            shutil.rmtree(self._folder_of(file_id), ignore_errors=True)

    def _folder_of(self, file_id: str) -> Path:
        return self._folder / file_id[-2:] / file_id

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Wait for the others. Raises Unavailable if so many wait that other requests would, too."""
        if not self._waiting.acquire(blocking=False):
            raise Unavailable(BUSY)
        try:
            if not self._drawing.acquire(timeout=WAIT_SECONDS):
                raise Unavailable(BUSY)
            try:
                yield
            finally:
                self._drawing.release()
        finally:
            self._waiting.release()


thumbnails = Thumbnails()


def _raise_if_failed(folder: Path) -> None:
    """Raise Invalid if no thumbnail could be drawn before."""
    failure = folder / FAILURE
    if failure.exists():
        raise _no_thumbnail(failure.read_text())


def _no_thumbnail(why: str) -> Invalid:
    problem = Problem("not_allowed", f"There is no thumbnail of this file. {why}")
    return Invalid({"size": [problem]}, location="query")


def _draw(folder: Path, media_type: str, size: str, open_picture: Callable[[], IO[bytes]]) -> bytes:
    """Return a thumbnail as WebP; remember a picture of which none can be drawn."""
    try:
        from backend.services.files.pictures import FORMATS, BadPicture, draw_thumbnail  # only here: Pillow is optional
    except ImportError as error:
        raise Unavailable(NEEDS_PILLOW) from error
    if media_type not in FORMATS:
        raise _no_thumbnail(f"It is {media_type}.")
    width, height = map(int, size.split("x"))
    with closing(open_picture()) as file:
        try:
            return draw_thumbnail(file, media_type, width, height)
        except BadPicture as error:
            _store(folder / FAILURE, str(error).encode())
            raise _no_thumbnail(str(error)) from error


def _store(path: Path, content: bytes) -> None:
    """Write a file so that it is complete or does not exist. Raises Unavailable if the disk is full."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, path)
            except OSError:
                os.unlink(file.name)
                raise
    except OSError as error:
        raise Unavailable(f"The thumbnail cannot be stored: {error.strerror}.") from error
