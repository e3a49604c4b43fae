"""Draws thumbnails of files in a process of its own; prints how many were refused, and how much memory it took."""

import resource
import sys
from pathlib import Path

from backend.services.files.pictures import BadPicture, draw_thumbnail
from tests.parts.images import picture


def _peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _is_refused(path):
    try:
        with path.open("rb") as file:
            draw_thumbnail(file, path.name.rpartition("-")[0].replace("-", "/"), 100, 100)
    except BadPicture:
        return True
    return False


if __name__ == "__main__":
    picture("AVIF")  # loads what Pillow loads late
    before = _peak_bytes()
    print(sum(map(_is_refused, map(Path, sys.argv[1:]))), _peak_bytes() - before)
