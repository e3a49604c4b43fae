"""Copies of uploaded files, for those that are read twice."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from backend.services.errors import Unavailable

MEMORY_BYTES = 4_000_000  # of a copy; a larger one is a temporary file
CHUNK_BYTES = 262_144


@contextmanager
def kept_file(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    """Yield a copy of the stream that can be read again. Raises Unavailable if the disk is full."""
    with tempfile.SpooledTemporaryFile(MEMORY_BYTES) as file:
        while data := stream.read(CHUNK_BYTES):
            try:
                file.write(data)
            except OSError as error:
                raise Unavailable("No disk space for temporary files is left; send a smaller file.") from error
        file.seek(0)
        yield file
