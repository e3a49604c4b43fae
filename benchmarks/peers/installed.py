"""Where `make bench PEERS=1` installs the other backends."""

import os
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".tmp" / "peers"


def program(path):
    """Return the path of a program below FOLDER. Raises RuntimeError if it is missing."""
    found = FOLDER / path
    if not os.access(found, os.X_OK):
        raise RuntimeError(f"{found} is missing: run make bench PEERS=1")
    return found
